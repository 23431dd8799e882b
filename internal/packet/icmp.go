package packet

// icmp reads an ICMP message (RFC 792) and goes on into the datagram that an error quotes.
func (w *walker) icmp() step {
	b := w.open(KindICMP, 4)
	if b == nil {
		return stepEnd
	}
	switch b[0] {
	case 3, 4, 5, 11, 12:
	default:
		return w.closeTo(min(8, len(b)), stepEnd)
	}
	if !w.close(8, 0) {
		return stepEnd
	}
	if len(b) == 8 {
		return stepEnd
	}
	hlen := int(b[8]&0x0f) * 4
	switch words := int(b[5]); {
	case b[0] == 5: // a redirect: the header and 64 bits
		w.clip(hlen + 8)
	case words != 0: // how much is quoted when extensions follow (RFC 4884)
		w.clip(hlen + words*4)
	}
	return w.quote(stepIP)
}

// icmpv6 reads an ICMPv6 message (RFC 4443).
func (w *walker) icmpv6() step {
	b := w.open(KindICMPv6, 4)
	if b == nil {
		return stepEnd
	}
	switch b[0] {
	case 1, 2, 3, 4:
		if !w.close(8, 0) {
			return stepEnd
		}
		return w.quote(stepIPv6)
	case 137:
		return w.redirect(b)
	default:
		return w.closeTo(min(8, len(b)), stepEnd)
	}
}

// redirect looks for the packet that an ICMPv6 redirect quotes in an option (RFC 4861,
// section 4.6.3).
func (w *walker) redirect(b []byte) step {
	at := 40
	for at+8 <= len(b) && b[at+1] != 0 {
		size := int(b[at+1]) * 8
		if b[at] == 4 {
			if !w.close(at+8, 0) {
				return stepEnd
			}
			w.clip(size - 8)
			return w.quote(stepIPv6)
		}
		at += size
	}
	return w.closeTo(min(40, len(b)), stepEnd)
}

// quote starts the headers that an ICMP error quotes.
func (w *walker) quote(s step) step {
	if len(w.left()) == 0 {
		return stepEnd
	}
	w.flags |= LayerQuoted
	w.quoted = true
	return s
}
