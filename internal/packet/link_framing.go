package packet

// link takes the steps of the rarer link headers.
func (w *walker) link(s step) step {
	switch s {
	case stepSLL:
		return w.sll()
	case stepSLL2:
		return w.sll2()
	case stepNull:
		return w.null()
	case stepMACsec:
		return w.macsec()
	case stepBackbone:
		return w.typed(KindShim, 18, 16)
	case stepTag4:
		return w.typed(KindShim, 6, 4)
	case stepTag6:
		return w.typed(KindShim, 8, 6)
	case stepCHDLC:
		return w.chdlc()
	case stepFrameRelay:
		return w.frameRelay()
	case stepTokenRing:
		return w.tokenRing()
	case stepFDDI:
		return w.fddi()
	case stepPWChannel:
		return w.pwChannel()
	case stepTRILL:
		return w.trill()
	case stepRaw:
		return w.raw()
	case stepIPFC:
		return w.shim(KindShim, 16, stepLLC)
	case stepAP1394:
		return w.typed(KindShim, 18, 16)
	case stepIPoIB:
		return w.typed(KindShim, 44, 40)
	case stepPFLog:
		return w.pflog()
	case stepENC:
		return w.enc()
	case stepNFLog:
		return w.nflog()
	case stepPKTAP:
		return w.pktap()
	case stepPPI:
		return w.ppi()
	case stepPrism:
		return w.prism()
	case stepRadiotap:
		return w.radiotap()
	case stepIEEE80211:
		return w.ieee80211()
	default:
		return stepEnd
	}
}

// typed reads a header of n bytes with an EtherType at off.
func (w *walker) typed(k Kind, n, off int) step {
	b := w.open(k, n)
	if b == nil {
		return stepEnd
	}
	return w.etherOrLength(n, be16(b[off:]))
}

// ARPHRD_ values of a cooked header with a meaning of their own (Linux, if_arp.h).
const (
	hardwareFrameRelay = 770
	hardwareGRE        = 778
	hardwareRadiotap   = 803
	hardwareNetlink    = 824
)

// sll reads the header of LINKTYPE_LINUX_SLL.
func (w *walker) sll() step {
	b := w.open(KindSLL, 16)
	if b == nil {
		return stepEnd
	}
	return w.cooked(16, be16(b[2:]), be16(b[14:]))
}

// sll2 reads the header of LINKTYPE_LINUX_SLL2.
func (w *walker) sll2() step {
	b := w.open(KindSLL2, 20)
	if b == nil {
		return stepEnd
	}
	return w.cooked(20, be16(b[8:]), be16(b))
}

// cooked ends a cooked header: the meaning of the protocol depends on the hardware type,
// and small values are Linux's own (if_ether.h).
func (w *walker) cooked(n int, hardware, proto uint16) step {
	switch hardware {
	case hardwareNetlink:
		return w.closeTo(n, stepEnd)
	case hardwareRadiotap:
		return w.closeTo(n, stepRadiotap)
	case hardwareFrameRelay:
		return w.closeTo(n, stepFrameRelay)
	}
	if proto >= minType {
		return w.ether(n, proto)
	}
	w.etherType = 0
	switch proto {
	case 3: // ETH_P_ALL: whole frames
		return w.closeTo(n, stepEthernet)
	case 4: // ETH_P_802_2
		return w.closeTo(n, stepLLC)
	case 7: // ETH_P_WAN_PPP
		return w.closeTo(n, stepPPPHDLC)
	default:
		return w.closeTo(n, stepEnd)
	}
}

// chdlc reads a Cisco HDLC header: address, control, EtherType.
func (w *walker) chdlc() step {
	b := w.open(KindCHDLC, 4)
	if b == nil {
		return stepEnd
	}
	return w.ether(4, be16(b[2:]))
}

// frameRelay reads a frame relay header with RFC 2427's encapsulation.
func (w *walker) frameRelay() step {
	b := w.open(KindShim, 4)
	if b == nil {
		return stepEnd
	}
	n := 1
	for n < min(len(b), 4) && b[n-1]&1 == 0 { // the address goes on
		n++
	}
	if len(b) < n+2 {
		return w.closeTo(n+2, stepEnd)
	}
	if b[n] != 0x03 { // Cisco's encapsulation
		return w.ether(n+2, be16(b[n:]))
	}
	if n++; b[n] == 0 { // padding
		n++
	}
	if len(b) <= n {
		w.close(n+1, 0)
		return stepEnd
	}
	switch b[n] {
	case 0xcc:
		return w.closeTo(n+1, stepIPv4)
	case 0x8e:
		return w.closeTo(n+1, stepIPv6)
	case 0xcf:
		return w.closeTo(n+1, stepPPP)
	case 0x80:
		if len(b) >= n+6 && b[n+1] == 0 && b[n+2] == 0 && b[n+3] == 0 {
			return w.ether(n+6, be16(b[n+4:]))
		}
		if len(b) >= n+6 && be32(b[n:]) == 0x800080c2 && (be16(b[n+4:]) == 7 || be16(b[n+4:]) == 1) {
			return w.closeTo(n+6, stepEthernet)
		}
	}
	w.close(n+1, 0)
	return stepEnd
}

// fddi reads an FDDI header: frame control and two addresses.
func (w *walker) fddi() step {
	b := w.open(KindShim, 13)
	if b == nil {
		return stepEnd
	}
	if b[0]&0x70 != 0x50 { // no LLC frame
		return w.closeTo(13, stepEnd)
	}
	return w.closeTo(13, stepLLC)
}

// tokenRing reads an IEEE 802.5 header: access control, frame control, two addresses and,
// when the source says so, routing information.
func (w *walker) tokenRing() step {
	b := w.open(KindShim, 14)
	if b == nil {
		return stepEnd
	}
	n := 14
	if b[8]&0x80 != 0 && len(b) > 14 {
		n += int(b[14] & 0x1f)
	}
	if b[1]&0xc0 != 0x40 { // no LLC frame
		return w.closeTo(n, stepEnd)
	}
	return w.closeTo(n, stepLLC)
}
