package packet

// gtp reads a GTP-U header (3GPP TS 29.281, section 5.1) or one of version 0 (TS 29.060),
// and goes on into the user's packet.
func (w *walker) gtp() step {
	b := w.open(KindGTPU, 8)
	if b == nil {
		return stepEnd
	}
	const tpdu = 255
	flags, message, length := b[0], b[1], int(be16(b[2:]))
	n := 8
	switch {
	case flags>>5 > 1: // GTPv2 is another protocol, and tells of no user's packets
		w.layer.Kind = KindShim
		return w.closeTo(8, stepEnd)
	case flags&0x10 == 0: // GTP'
		return w.closeTo(8, stepEnd)
	case flags>>5 == 0:
		n = 20
	default:
		if flags&0x07 != 0 {
			n = 12
			if flags&0x04 != 0 && len(b) >= 12 {
				for next := b[11]; next != 0 && n < len(b) && b[n] != 0; { // extension headers
					n += int(b[n]) * 4
					if n > len(b) {
						break
					}
					next = b[n-1]
				}
			}
		}
	}
	if flags>>5 == 1 {
		w.clip(8 + length)
	}
	if !w.close(n, uint16(message)) || message != tpdu {
		return stepEnd
	}
	b = w.left()
	switch {
	case len(b) == 0:
		return stepEnd
	case b[0] >= 0x45 && b[0] <= 0x4e:
		return stepIPv4
	case b[0]>>4 == 6:
		return stepIPv6
	case len(b) >= 14 && w.end-w.off > 14 && (be16(b[12:]) == etherIPv4 || be16(b[12:]) == etherIPv6 || be16(b[12:]) == etherARP):
		return stepEthernet
	default:
		return stepEnd
	}
}

// teredo reads the indications that may stand before Teredo's IPv6 header (RFC 4380,
// section 5.1.1).
func (w *walker) teredo() step {
	b, start := w.left(), w.off
	if len(b) >= 2 && b[0] == 0 && b[1] == 1 { // authentication
		if len(b) < 4 {
			return w.leaf(KindTeredo, 4)
		}
		n := 4 + int(b[2]) + int(b[3]) + 8 + 1
		if w.shim(KindTeredo, n, stepIPv6) == stepEnd {
			return stepEnd
		}
		b = w.left()
	}
	if len(b) >= 2 && b[0] == 0 && b[1] == 0 { // origin
		if w.shim(KindTeredo, 8, stepIPv6) == stepEnd {
			return stepEnd
		}
		b = w.left()
	}
	if len(b) == 0 || b[0]>>4 != 6 {
		return stepEnd
	}
	if w.off == start { // neither stands there: it is Teredo all the same
		return w.shim(KindTeredo, 0, stepIPv6)
	}
	return stepIPv6
}

// ayiya reads the header of an AYIYA tunnel (draft-massar-v6ops-ayiya).
func (w *walker) ayiya() step {
	b := w.open(KindShim, 8)
	if b == nil {
		return stepEnd
	}
	n := 8 + 1<<(b[0]>>4) + int(b[1]>>4)*4
	if b[2]&0x0f != 1 { // not to be forwarded
		return w.closeTo(n, stepEnd)
	}
	if b[3] != protoIPv6 && b[3] != protoIPv4 {
		w.more = true // what follows belongs to no IP header
	}
	return w.closeTo(n, ipSteps[b[3]])
}

// tzsp reads a TZSP header with its tagged fields.
func (w *walker) tzsp() step {
	b := w.open(KindShim, 4)
	if b == nil {
		return stepEnd
	}
	proto, n := be16(b[2:]), 4
	for n < len(b) && b[n] != 1 {
		if b[n] == 0 { // padding
			n++
			continue
		}
		if n+1 >= len(b) {
			return w.closeTo(n, stepEnd)
		}
		n += 2 + int(b[n+1])
	}
	if b[1] == 2 || proto != 1 { // a configuration, not Ethernet
		return w.closeTo(min(n+1, len(b)), stepEnd)
	}
	return w.closeTo(n+1, stepEthernet)
}

// udpESP tells the three things that share a port (RFC 3948): ESP, IKE and keep-alives.
func (w *walker) udpESP() step {
	b := w.left()
	if len(b) < 8 || be32(b) == 0 {
		return stepEnd
	}
	return stepESP
}

// capwap reads the header of a CAPWAP data packet (RFC 5415, section 4.3), which holds an
// Ethernet or an 802.11 frame.
func (w *walker) capwap() step {
	b := w.open(KindShim, 8)
	if b == nil {
		return stepEnd
	}
	n := int(b[1]>>3) * 4
	if b[0] != 0 || n < 8 || b[3]&0x80 != 0 { // encrypted, or a fragment
		return w.closeTo(8, stepEnd)
	}
	if b[2]&1 != 0 {
		return w.closeTo(n, stepIEEE80211)
	}
	return w.closeTo(n, stepEthernet)
}
