package packet

// enterTransport remembers the header in hand as the transport of the last IP header.
func (w *walker) enterTransport() {
	p := w.p
	if w.flags&LayerQuoted != 0 || p.InnerIP < 0 || p.InnerTransport >= 0 {
		return
	}
	p.InnerTransport = int8(p.N - 1)
	if p.InnerIP == p.IP {
		p.Transport = p.InnerTransport
	}
	w.outcome = OutcomeTransport
}

func (w *walker) tcp() step {
	b := w.open(KindTCP, 20)
	if b == nil {
		return stepEnd
	}
	hlen := int(b[12]>>4) * 4
	if hlen < 20 {
		return w.bad(14)
	}
	w.enterTransport()
	w.close(hlen, 0)
	return stepEnd
}

func (w *walker) udp() step {
	b := w.open(KindUDP, 8)
	if b == nil {
		return stepEnd
	}
	length := int(be16(b[4:]))
	if length == 0 { // a jumbogram (RFC 2675, section 4)
		length = w.end - w.off
	}
	if length < 8 {
		return w.bad(8)
	}
	w.enterTransport()
	w.clip(length)
	w.close(8, 0)
	return stepEnd
}

func (w *walker) sctp() step {
	if w.open(KindSCTP, 12) == nil {
		return stepEnd
	}
	w.enterTransport()
	w.close(12, 0)
	return stepEnd
}

func (w *walker) icmp() step {
	return w.leaf(KindICMP, 4)
}

func (w *walker) icmpv6() step {
	return w.leaf(KindICMPv6, 4)
}
