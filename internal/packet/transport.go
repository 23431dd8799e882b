package packet

// enterTransport remembers the header in hand as the transport of the last IP header.
func (w *walker) enterTransport() {
	p := w.p
	if w.flags&LayerQuoted != 0 || p.InnerIP < 0 || p.InnerTransport >= 0 {
		w.more = true
		return
	}
	p.InnerTransport = int8(p.N - 1)
	if p.InnerIP == p.IP {
		p.Transport = p.InnerTransport
	}
	w.outcome = OutcomeTransport
}

// tcp reads a TCP header (RFC 9293, section 3.1).
func (w *walker) tcp() step {
	if w.open(KindTCP, 20) == nil {
		w.enterCut()
	} else {
		w.enterTransport()
	}
	l := w.layer
	if l == nil || l.Len <= 12 {
		return stepEnd
	}
	hlen := int(w.buf[w.off+12]>>4) * 4
	switch {
	case hlen < 20:
		w.bad(20)
		l.PayLen = uint32(max(0, w.end-w.off-hlen))
	case l.Len < 20:
		w.cut(hlen)
	default:
		w.close(hlen, 0)
	}
	return stepEnd
}

// udp reads a UDP header (RFC 768) and goes on into the tunnels that have a port of their
// own.
func (w *walker) udp() step {
	b := w.open(KindUDP, 8)
	if b == nil {
		w.enterCut()
		return stepEnd
	}
	w.enterTransport()
	length := int(be16(b[4:]))
	if ip := w.lastIP(); length == 0 && ip != nil && ip.Kind == KindIPv6 {
		length = w.end - w.off // a jumbogram (RFC 2675, section 4)
	}
	if length < 8 {
		return w.bad(6)
	}
	w.clip(length)
	w.close(8, 0)
	return udpTunnel(be16(b), be16(b[2:]))
}

// udpLite reads a UDP-Lite header (RFC 3828): a coverage of the checksum stands where UDP
// has the length.
func (w *walker) udpLite() step {
	b := w.open(KindUDPLite, 8)
	if b == nil {
		return stepEnd
	}
	w.enterTransport()
	w.close(8, 0)
	return udpTunnel(be16(b), be16(b[2:]))
}

// dccp reads a DCCP header (RFC 4340).
func (w *walker) dccp() step {
	b := w.open(KindDCCP, 12)
	if b == nil {
		return stepEnd
	}
	w.enterTransport()
	n := int(b[4]) * 4
	if n < 12 {
		return w.bad(12)
	}
	w.close(n, 0)
	return stepEnd
}

// sctp reads an SCTP common header (RFC 9260).
func (w *walker) sctp() step {
	if w.open(KindSCTP, 12) == nil {
		w.enterCut()
		return stepEnd
	}
	w.enterTransport()
	w.close(12, 0)
	return stepEnd
}

// enterCut remembers a transport header that was cut behind its ports.
func (w *walker) enterCut() {
	if w.layer == nil || w.layer.Len < 4 {
		return
	}
	o := w.outcome
	w.enterTransport()
	w.outcome = o
}
