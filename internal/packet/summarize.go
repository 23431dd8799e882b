package packet

// Summarize fills s from the captured bytes of a packet. The caller has set Number, Time,
// Offset, DataOff, CapLen, WireLen, Interface and Direction; the rest is overwritten.
// data has s.CapLen bytes and is not kept.
func (d *Decoder) Summarize(data []byte, s *Summary, link LinkType) {
	if link == LinkEthernet && plain(data, s) {
		d.outcomes[OutcomeTransport]++
		return
	}
	d.walkSummary(data, s, link)
}

// SummarizeApart is [Decoder.Summarize] for one of several decoders that share the packets
// of a capture. It returns false, and nothing has been counted, when there is a fragment in
// the packet: the other pieces of its datagram may have gone to another decoder. Such
// packets are for one decoder's Summarize, in the order of the capture; what the others
// find does not depend on order.
func (d *Decoder) SummarizeApart(data []byte, s *Summary, link LinkType) bool {
	if link == LinkEthernet && plain(data, s) {
		d.outcomes[OutcomeTransport]++
		return true
	}
	d.apart = true
	whole := d.walkSummary(data, s, link)
	d.apart = false
	return whole
}

// walkSummary is Summarize for packets that are not plain. It returns false, and leaves s
// half filled, when there is a fragment that is another decoder's.
func (d *Decoder) walkSummary(data []byte, s *Summary, link LinkType) bool {
	p := &d.scratch
	p.Data, p.Link, p.WireLen, p.Time = data, link, s.WireLen, s.Time
	w := walker{d: d, p: p}
	w.start()
	if w.shared {
		p.Data = nil
		return false
	}
	w.summary(s)
	p.Data, p.Reassembled = nil, nil
	d.outcomes[s.Outcome]++
	return true
}

// summary fills s from the packet that was walked through.
func (w *walker) summary(s *Summary) {
	p := w.p
	s.VLAN = p.VLAN
	s.EtherType = w.etherType
	s.Depth = w.depth
	s.Outcome = p.Outcome
	s.Flags = 0
	if s.CapLen < s.WireLen {
		s.Flags |= Truncated
	}
	if w.quoted {
		s.Flags |= Quoted | MoreHeaders
	}
	if w.depth > 2 || w.more {
		s.Flags |= MoreHeaders
	}
	s.Seq, s.Ack, s.Window, s.TCPFlags = 0, 0, 0, 0
	s.OuterPayloadOff, s.OuterPayloadLen = p.tuple(&s.Outer, p.IP, p.Transport)
	if p.InnerIP == p.IP {
		s.Inner.set(&s.Outer)
		s.PayloadOff, s.PayloadLen = s.OuterPayloadOff, s.OuterPayloadLen
	} else {
		s.PayloadOff, s.PayloadLen = p.tuple(&s.Inner, p.InnerIP, p.InnerTransport)
	}
	if p.InnerTransport < 0 {
		return
	}
	l := &p.Layers[p.InnerTransport]
	if l.Flags&LayerReassembled != 0 {
		s.Flags |= Reassembled
	}
	if l.Kind == KindTCP && l.Len >= 16 {
		b := p.Header(l)
		s.Seq, s.Ack = be32(b[4:]), be32(b[8:])
		s.TCPFlags, s.Window = be16(b[12:])&0x0fff, be16(b[14:])
	}
}

// tuple fills t from the IP header and the transport header at these indexes, and returns
// where the transport's payload starts and how long it is.
func (p *Packet) tuple(t *Tuple, ip, transport int8) (off, length uint32) {
	*t = Tuple{}
	if ip < 0 {
		return 0, 0
	}
	l := &p.Layers[ip]
	b := p.Header(l)
	var frag uint16
	if l.Kind == KindIPv4 {
		t.Version = 4
		t.Src.set4(b[12:16])
		t.Dst.set4(b[16:20])
		frag = be16(b[6:]) & ipOffsetMask
	} else {
		t.Version = 6
		t.Src = Addr(b[8:])
		t.Dst = Addr(b[24:])
	}
	t.Proto = uint8(l.Proto)
	last := ip
	for i := int(ip) + 1; i < int(p.N); i++ {
		e := &p.Layers[i]
		if !e.Kind.extension() || e.Flags&LayerTruncated != 0 {
			break
		}
		t.Proto = uint8(e.Proto)
		last = int8(i)
		if e.Kind == KindFragment {
			frag = be16(p.Header(e)[2:]) &^ 7
		}
	}
	if l.Flags&LayerFragment != 0 {
		t.Flags |= TupleFragment
		if frag != 0 {
			t.Flags |= TupleLater
		}
	}
	if transport < 0 {
		if t.Flags == TupleFragment && hasPorts(t.Proto) { // a first fragment
			if b = p.Payload(&p.Layers[last]); len(b) >= 4 {
				t.SrcPort, t.DstPort = be16(b), be16(b[2:])
				t.Flags |= TupleHasPorts
			}
		}
		return 0, 0
	}
	l = &p.Layers[transport]
	b = p.Header(l)
	t.SrcPort, t.DstPort = be16(b), be16(b[2:])
	t.Flags |= TupleHasPorts
	if l.Len < fixedLen(l.Kind) {
		t.Flags |= TupleCut
	}
	if l.Kind == KindTCP && l.Len > 12 && b[12]>>4 < 5 {
		t.Flags |= TupleBad
	}
	return l.Off + l.Len, l.PayLen
}

// fixedLen is the length of a transport header without options, bytes.
func fixedLen(k Kind) uint32 {
	switch k {
	case KindTCP:
		return 20
	case KindSCTP, KindDCCP:
		return 12
	default:
		return 8
	}
}

// hasPorts tells whether a protocol's header starts with two ports.
func hasPorts(proto uint8) bool {
	switch proto {
	case ProtoTCP, ProtoUDP, ProtoSCTP, ProtoUDPLite, protoDCCP:
		return true
	default:
		return false
	}
}

// extension tells whether k is an IPv6 extension header, or the authentication header,
// which is one also where it follows IPv4 (RFC 8200, section 4).
func (k Kind) extension() bool {
	switch k {
	case KindHopByHop, KindRouting, KindFragment, KindDestOpts, KindAH:
		return true
	default:
		return false
	}
}

// Header returns the captured bytes of a header. They belong to p.Data or to the Decoder.
func (p *Packet) Header(l *Layer) []byte {
	b := p.Data
	if l.Flags&LayerReassembled != 0 {
		b = p.Reassembled
	}
	return b[l.Off : l.Off+l.Len]
}

// Payload returns the captured bytes of what follows a header, as far as the header's
// packet goes. They belong to p.Data or to the Decoder.
func (p *Packet) Payload(l *Layer) []byte {
	b := p.Data
	if l.Flags&LayerReassembled != 0 {
		b = p.Reassembled
	}
	start := min(int(l.Off+l.Len), len(b))
	return b[start:min(start+int(l.PayLen), len(b))]
}
