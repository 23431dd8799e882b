package packet

// pppoe reads the header of PPPoE's session stage (RFC 2516).
func (w *walker) pppoe() step {
	b := w.open(KindPPPoE, 6)
	if b == nil {
		return stepEnd
	}
	n := int(be16(b[4:]))
	w.close(6, 0)
	w.clip(n)
	w.layer.PayLen = uint32(n)
	return stepPPP
}

// pppHDLC reads PPP that may start with the address and control bytes of HDLC-like
// framing (RFC 1662), or be Cisco's HDLC.
func (w *walker) pppHDLC() step {
	b := w.left()
	if len(b) >= 2 && b[0] == 0xff {
		return w.pppAt(2)
	}
	if len(b) >= 1 && (b[0] == 0x0f || b[0] == 0x8f) {
		return stepCHDLC
	}
	return stepPPP
}

// ppp reads the protocol field of PPP (RFC 1661, section 2): one byte when compressed.
func (w *walker) ppp() step { return w.pppAt(0) }

func (w *walker) pppAt(off int) step {
	b := w.open(KindPPP, off+1)
	if b == nil {
		return stepEnd
	}
	n, proto := off+1, uint16(b[off])
	if b[off]&1 == 0 {
		if n = off + 2; len(b) >= n {
			proto = be16(b[off:])
		}
	}
	if !w.close(n, proto) {
		return stepEnd
	}
	switch proto {
	case 0x0021, etherIPv4:
		return stepIP
	case 0x0057, etherIPv6:
		return stepIPv6
	case 0x0281, 0x0283:
		return stepMPLS
	case 0x0031: // bridged frames (RFC 3518)
		return w.bcp()
	case 0x003d:
		return w.multilink()
	case 0x004b: // SNA over 802.2
		return stepLLC
	default:
		return stepEnd
	}
}

// bcp reads a bridged frame: flags and the kind of network.
func (w *walker) bcp() step {
	b := w.open(KindShim, 2)
	if b == nil {
		return stepEnd
	}
	if b[1] != 1 { // not Ethernet
		return w.closeTo(2, stepEnd)
	}
	return w.closeTo(2, stepEthernet)
}

// multilink reads the header of the multilink protocol (RFC 1990) with long sequence
// numbers; only whole packets are looked into.
func (w *walker) multilink() step {
	b := w.open(KindShim, 4)
	if b == nil {
		return stepEnd
	}
	if b[0]&0xc0 != 0xc0 {
		return w.closeTo(4, stepEnd)
	}
	return w.closeTo(4, stepPPP)
}
