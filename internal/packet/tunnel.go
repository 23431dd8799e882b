package packet

// tunnel takes the steps of the tunnels' headers.
func (w *walker) tunnel(s step) step {
	switch s {
	case stepPIM:
		return w.pim()
	case stepGRE:
		return w.gre()
	case stepERSPAN2:
		return w.erspan2()
	case stepERSPAN3:
		return w.erspan3()
	case stepWCCP:
		return w.wccp()
	case stepEtherIP:
		return w.shim(KindShim, 2, stepEthernet)
	case stepL2TP:
		return w.l2tp()
	case stepVXLAN:
		return w.shim(KindVXLAN, 8, stepEthernet)
	case stepVXLANGPE:
		return w.vxlanGPE()
	case stepNSH:
		return w.nsh()
	case stepGeneve:
		return w.geneve()
	case stepGTP:
		return w.gtp()
	case stepTeredo:
		return w.teredo()
	case stepAYIYA:
		return w.ayiya()
	case stepLISP:
		return w.shim(KindShim, 8, stepIP)
	case stepTZSP:
		return w.tzsp()
	case stepUDPESP:
		return w.udpESP()
	case stepCAPWAP:
		return w.capwap()
	case stepShim6:
		return w.shim6()
	default:
		return stepEnd
	}
}

// pim reads a PIM register message (RFC 7761, section 4.4), which holds an IP packet.
func (w *walker) pim() step {
	b := w.open(KindShim, 4)
	if b == nil {
		return stepEnd
	}
	if b[0] != 0x21 || len(b) < 9 {
		return w.closeTo(4, stepEnd)
	}
	return w.closeTo(8, stepIP)
}

// Bits of GRE's first two bytes (RFC 2784, RFC 2890, RFC 1701, RFC 2637).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080
	greVersion  = 0x0007
)

func (w *walker) gre() step {
	b := w.open(KindGRE, 4)
	if b == nil {
		return stepEnd
	}
	flags, proto := be16(b), be16(b[2:])
	n := 4
	if flags&(greChecksum|greRouting) != 0 {
		n += 4
	}
	if flags&greKey != 0 {
		n += 4
	}
	if flags&greSequence != 0 {
		n += 4
	}
	if flags&greVersion == 1 && flags&greAck != 0 {
		n += 4
	}
	if flags&greRouting != 0 { // source route entries, up to one of length 0
		for n+4 <= len(b) {
			family, size := be16(b[n:]), int(b[n+3])
			n += 4 + size
			if family == 0 && size == 0 {
				break
			}
		}
	}
	if !w.close(n, proto) {
		return stepEnd
	}
	switch proto {
	case etherBridging, 0x6400: // Ethernet, MikroTik's EoIP
		return stepEthernet
	case 0x88be: // ERSPAN: type I has no header and no sequence number
		if flags&greSequence == 0 {
			return w.shim(KindERSPAN, 0, stepEthernet)
		}
		return stepERSPAN2
	case 0x22eb:
		return stepERSPAN3
	case 0x883e:
		return stepWCCP
	case 0x880b:
		return stepPPPHDLC
	case 0x6559:
		return stepFrameRelay
	case etherIPv4, etherIPv6, etherARP, etherMPLS, etherMPLSMulti, etherNSH:
		return etherStep(proto)
	}
	if proto >= 0x8200 && proto <= 0x8370 && proto&0xf == 0 { // Aruba's 802.11
		return stepIEEE80211
	}
	return stepEnd
}

// erspan2 reads an ERSPAN type II header.
func (w *walker) erspan2() step {
	b := w.open(KindERSPAN, 8)
	if b == nil {
		return stepEnd
	}
	if b[0]>>4 != 1 {
		return w.closeTo(8, stepEnd)
	}
	return w.closeTo(8, stepEthernet)
}

// erspan3 reads an ERSPAN type III header, with its platform-specific part.
func (w *walker) erspan3() step {
	b := w.open(KindERSPAN, 12)
	if b == nil {
		return stepEnd
	}
	n := 12
	if b[11]&1 != 0 {
		n = 20
	}
	if b[0]>>4 != 2 || b[10]&0x7c != 0 { // another version, no Ethernet frame
		return w.closeTo(n, stepEnd)
	}
	return w.closeTo(n, stepEthernet)
}

// wccp skips the redirect header of WCCP version 2, which stands before the IP header
// unless version 1 is spoken.
func (w *walker) wccp() step {
	if b := w.left(); len(b) > 0 && b[0]>>4 == 4 {
		return stepIP
	}
	return w.shim(KindShim, 4, stepIP)
}

// l2tp reads the header of an L2TPv2 data message (RFC 2661, section 3.1).
func (w *walker) l2tp() step {
	b := w.open(KindL2TP, 6)
	if b == nil {
		return stepEnd
	}
	flags := be16(b)
	if flags&0x8000 != 0 || flags&0x000f != 2 { // control message, other version
		return w.closeTo(6, stepEnd)
	}
	n := 6
	if flags&0x4000 != 0 {
		n += 2
		w.clip(max(int(be16(b[2:])), 8))
	}
	if flags&0x0800 != 0 {
		n += 4
	}
	if flags&0x0200 != 0 {
		if len(b) < n+2 {
			return w.closeTo(n+2, stepEnd)
		}
		n += 2 + int(be16(b[n:]))
	}
	return w.closeTo(n, stepPPPHDLC)
}

// What the next-protocol field of VXLAN-GPE and of NSH says.
func nextProtocol(n uint8) step {
	switch n {
	case 1:
		return stepIP
	case 2:
		return stepIPv6
	case 3:
		return stepEthernet
	case 4:
		return stepNSH
	case 5:
		return stepMPLS
	default:
		return stepEnd
	}
}

func (w *walker) vxlanGPE() step {
	b := w.open(KindVXLAN, 8)
	if b == nil {
		return stepEnd
	}
	return w.closeTo(8, nextProtocol(b[3]))
}

// nsh reads a network service header (RFC 8300).
func (w *walker) nsh() step {
	b := w.open(KindNSH, 8)
	if b == nil {
		return stepEnd
	}
	n := max(8, int(b[1]&0x3f)*4)
	if b[2]&0x0f == 1 { // metadata of fixed length
		n = 24
	}
	return w.closeTo(n, nextProtocol(b[3]))
}

// geneve reads a Geneve header (RFC 8926, section 3.4).
func (w *walker) geneve() step {
	b := w.open(KindGeneve, 8)
	if b == nil {
		return stepEnd
	}
	proto := be16(b[2:])
	if !w.close(8+int(b[0]&0x3f)*4, proto) {
		return stepEnd
	}
	return etherStep(proto)
}
