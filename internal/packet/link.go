package packet

// EtherTypes that lead somewhere (IEEE registration authority).
const (
	etherIPv4      = 0x0800
	etherARP       = 0x0806
	etherTRILL     = 0x22f3
	etherBridging  = 0x6558 // transparent Ethernet bridging
	etherRARP      = 0x8035
	etherVLAN      = 0x8100
	etherIPv6      = 0x86dd
	etherMPLS      = 0x8847
	etherMPLSMulti = 0x8848
	etherPPPoED    = 0x8863 // discovery stage
	etherPPPoE     = 0x8864 // session stage
	etherJumboLLC  = 0x8870
	etherQinQ      = 0x88a8 // 802.1ad
	etherMACsec    = 0x88e5
	etherBackbone  = 0x88e7 // 802.1ah
	etherVNTag     = 0x8926
	etherHSR       = 0x892f
	etherETag      = 0x893f // 802.1BR
	etherNSH       = 0x894f
	etherCMD       = 0x8909 // Cisco metadata
	etherOldQ      = 0x9100
	etherRTag      = 0xf1c1 // 802.1CB
)

// Values of an 802.3 type/length field: up to maxLength it is a length, from minType on
// an EtherType.
const (
	maxLength = 1500
	minType   = 1536
)

// etherStep returns where an EtherType leads.
func etherStep(t uint16) step {
	switch t {
	case etherIPv4:
		return stepIP
	case etherIPv6:
		return stepIPv6
	case etherARP, etherRARP:
		return stepARP
	case etherVLAN, etherOldQ:
		return stepVLAN
	case etherQinQ:
		return stepServiceVLAN
	case etherMPLS, etherMPLSMulti:
		return stepMPLS
	case etherPPPoED:
		return stepPPPoED
	case etherPPPoE:
		return stepPPPoE
	case etherBridging:
		return stepEthernet
	case etherJumboLLC:
		return stepLLC
	case etherBackbone:
		return stepBackbone
	case etherMACsec:
		return stepMACsec
	case etherTRILL:
		return stepTRILL
	case etherNSH:
		return stepNSH
	case etherVNTag, etherRTag, etherHSR:
		return stepTag4
	case etherETag, etherCMD:
		return stepTag6
	default:
		return stepEnd
	}
}

// ether ends a link header of n bytes that names what follows by EtherType.
func (w *walker) ether(n int, t uint16) step {
	if !w.close(n, t) {
		return stepEnd
	}
	w.etherType = t
	return etherStep(t)
}

// etherOrLength is ether for a field that may be an 802.3 length.
func (w *walker) etherOrLength(n int, t uint16) step {
	if t >= minType || t == 0 {
		return w.ether(n, t)
	}
	w.etherType = 0
	if !w.close(n, 0) || t > maxLength {
		return stepEnd
	}
	w.clip(int(t))
	if b := w.left(); len(b) >= 2 && be16(b) == 0xffff { // Novell's raw 802.3
		return stepEnd
	}
	return stepLLC
}

func (w *walker) ethernet() step {
	if b := w.left(); len(b) >= 14 && isISL(b) {
		return w.shim(KindShim, 26, stepEthernet)
	}
	b := w.open(KindEthernet, 14)
	if b == nil {
		return stepEnd
	}
	return w.etherOrLength(14, be16(b[12:]))
}

// vlan reads an 802.1Q or 802.1ad tag: 16 bits of priority and identifier, then the type
// of what follows.
func (w *walker) vlan(k Kind) step {
	b := w.open(k, 4)
	if b == nil {
		return stepEnd
	}
	w.vlanID = be16(b) & 0x0fff
	if w.p.VLAN == NoVLAN && w.depth == 0 {
		w.p.VLAN = w.vlanID
	}
	if k == KindServiceVLAN {
		return w.ether(4, be16(b[2:]))
	}
	return w.etherOrLength(4, be16(b[2:]))
}

// isISL tells whether a frame is one of Ethernet in Cisco's ISL: the first five bytes of
// the destination say so, the half byte behind them names the network, and a length stands
// where others have a type.
func isISL(b []byte) bool {
	return be32(b)&0xfdffffff == 0x01000c00 && b[4] == 0 && b[5]>>4 == 0 && be16(b[12:]) <= maxLength
}

// macsec reads an 802.1AE security tag. What follows is only looked into when it is
// authenticated but not encrypted.
func (w *walker) macsec() step {
	b := w.open(KindShim, 6)
	if b == nil {
		return stepEnd
	}
	n := 6
	if b[0]&0x20 != 0 { // the tag holds a secure channel identifier
		n += 8
	}
	if b[0]&0x0c != 0 || len(b) < n+2 {
		w.close(n, 0)
		return stepEnd
	}
	const icv = 16
	w.clip(max(0, w.end-w.off-icv))
	return w.ether(n+2, be16(b[n:]))
}

// llc reads an 802.2 header and, behind it, the SNAP identifiers: the organisation and the
// protocol in its numbering (IEEE 802, RFC 1042).
func (w *walker) llc() step {
	b := w.open(KindLLC, 3)
	if b == nil {
		return stepEnd
	}
	dsap, ssap := b[0], b[1]
	n := 3
	if b[2]&3 != 3 { // information and supervisory frames have a longer control field
		n = 4
	}
	information := b[2]&1 == 0 || b[2] == 0x03
	if dsap != 0xaa || ssap != 0xaa {
		if w.close(n, uint16(dsap)) && information && dsap == 0x06 {
			return stepIP
		}
		return stepEnd
	}
	if len(b) < n+5 {
		w.close(n+5, 0)
		return stepEnd
	}
	oui, pid := uint32(b[n])<<16|uint32(be16(b[n+1:])), be16(b[n+3:])
	switch oui {
	case 0x000000, 0x0000f8: // RFC 1042, 802.1H
		if information {
			return w.ether(n+5, pid)
		}
	case 0x0080c2: // bridged frames (RFC 2684)
		switch pid {
		case 0x0001, 0x0007:
			return w.closeTo(n+5+2, stepEthernet) // two bytes of padding stand before the frame
		}
	}
	w.close(n+5, 0)
	return stepEnd
}

// closeTo ends the header in hand, n bytes long, and leads to s.
func (w *walker) closeTo(n int, s step) step {
	if !w.close(n, 0) {
		return stepEnd
	}
	return s
}

// null reads the address family of LINKTYPE_NULL, in the byte order of the machine that
// captured, or of LINKTYPE_LOOP, in network byte order. Some systems write an EtherType
// instead.
func (w *walker) null() step {
	b := w.open(KindNull, 4)
	if b == nil {
		return stepEnd
	}
	family := be32(b)
	if w.p.Link != LinkLoop && family > 0xffff {
		if le := le32(b); le <= 0xffff {
			family = le
		}
	}
	if family > maxLength {
		return w.ether(4, uint16(family))
	}
	if !w.close(4, uint16(family)) {
		return stepEnd
	}
	switch family {
	case 2:
		return stepIP
	case 24, 28, 30: // AF_INET6 of NetBSD and OpenBSD, of FreeBSD, of Darwin
		return stepIPv6
	default:
		return stepEnd
	}
}

func (w *walker) arp() step {
	b := w.open(KindARP, 8)
	if b == nil {
		return stepEnd
	}
	w.close(8+2*(int(b[4])+int(b[5])), be16(b[2:]))
	return stepEnd
}
