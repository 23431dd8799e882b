package packet

// mpls reads a stack of labels (RFC 3032) as one header. Nothing says what follows the
// last one: the first half byte tells IPv4 and IPv6, and a pseudowire of Ethernet by its
// control word.
func (w *walker) mpls() step {
	b := w.open(KindMPLS, 4)
	if b == nil {
		return stepEnd
	}
	const (
		channelLabel = 13 // an associated channel follows (RFC 5586)
		alertLabel   = 14 // maintenance messages follow (RFC 3429)
	)
	n := 4
	for b[n-2]&1 == 0 { // not the bottom
		if n += 4; n > len(b) {
			w.cut(n)
			return stepEnd
		}
	}
	label := be32(b[n-4:]) >> 12
	w.close(n, 0)
	b = w.left()
	switch {
	case len(b) == 0 || label == alertLabel:
		return stepEnd
	case label == channelLabel:
		return stepPWChannel
	}
	switch b[0] >> 4 {
	case 4:
		return stepIPv4
	case 6:
		return stepIPv6
	case 1:
		return stepPWChannel
	case 0:
		if len(b) < 18 || likelyType(be16(b[12:])) && !likelyType(be16(b[16:])) {
			return stepEthernet
		}
		return w.shim(KindShim, 4, stepEthernet) // a control word (RFC 4448)
	default:
		return stepEnd
	}
}

// likelyType tells whether t is an EtherType that real frames have.
func likelyType(t uint16) bool { return etherStep(t) != stepEnd || t == 0x88cc }

// pwChannel reads the header of a pseudowire's associated channel (RFC 4385, section 5).
func (w *walker) pwChannel() step {
	b := w.open(KindShim, 4)
	if b == nil {
		return stepEnd
	}
	switch be16(b[2:]) {
	case 0x0021:
		return w.closeTo(4, stepIPv4)
	case 0x0057:
		return w.closeTo(4, stepIPv6)
	default:
		return w.closeTo(4, stepEnd)
	}
}

// trill reads a TRILL header (RFC 6325, section 3), which holds an Ethernet frame.
func (w *walker) trill() step {
	b := w.open(KindShim, 6)
	if b == nil {
		return stepEnd
	}
	return w.closeTo(6+int(be16(b)>>6&0x1f)*4, stepEthernet)
}
