package query

import "github.com/tarrafa/tarrafa/internal/packet"

// transportFields are the fields above IP.
var transportFields = []Field{
	number("tcp.srcport", packet.KindTCP, 0, 2).whole(4),
	number("tcp.dstport", packet.KindTCP, 2, 2).whole(4),
	number("tcp.port", packet.KindTCP, 0, 2).and(2).whole(4),
	number("tcp.seq_raw", packet.KindTCP, 4, 4).whole(16).when(sequenceShown),
	number("tcp.ack_raw", packet.KindTCP, 8, 4).whole(16).when(tcpSound),
	{Name: "tcp.hdr_len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return headerLen(r, dst, packet.KindTCP, 12, 0xf0, 4, 16)
	}},
	masked("tcp.flags", packet.KindTCP, 12, 2, 0x0fff).based(Hex4).whole(16).when(tcpSound),
	flagBit("tcp.flags.res", packet.KindTCP, 12, 2, 0xe00).whole(16).when(tcpSound),
	flagBit("tcp.flags.ae", packet.KindTCP, 12, 2, 0x100).whole(16).when(tcpSound),
	flagBit("tcp.flags.cwr", packet.KindTCP, 12, 2, 0x80).whole(16).when(tcpSound),
	flagBit("tcp.flags.ece", packet.KindTCP, 12, 2, 0x40).whole(16).when(tcpSound),
	flagBit("tcp.flags.urg", packet.KindTCP, 12, 2, 0x20).whole(16).when(tcpSound),
	flagBit("tcp.flags.ack", packet.KindTCP, 12, 2, 0x10).whole(16).when(tcpSound),
	flagBit("tcp.flags.push", packet.KindTCP, 12, 2, 0x08).whole(16).when(tcpSound),
	flagBit("tcp.flags.reset", packet.KindTCP, 12, 2, 0x04).whole(16).when(tcpSound),
	flagBit("tcp.flags.syn", packet.KindTCP, 12, 2, 0x02).whole(16).when(tcpSound),
	flagBit("tcp.flags.fin", packet.KindTCP, 12, 2, 0x01).whole(16).when(tcpSound),
	number("tcp.window_size_value", packet.KindTCP, 14, 2).whole(16).when(tcpSound),
	hexadecimal("tcp.checksum", packet.KindTCP, 16, 2).when(tcpSound),
	unverified("tcp.checksum.status", packet.KindTCP, 18).when(tcpSound),
	number("tcp.urgent_pointer", packet.KindTCP, 18, 2).when(tcpSound),
	{Name: "tcp.len", Type: TypeUint, get: tcpLen},
	{Name: "tcp.nxtseq", Type: TypeUint, notes: true, get: nextSequence},
	tcpMark("tcp.connection.syn", 0x02, 0x12),
	tcpMark("tcp.connection.synack", 0x12, 0x12),
	tcpMark("tcp.connection.fin", 0x01, 0x01),
	tcpMark("tcp.connection.rst", 0x04, 0x04),
	{Name: "tcp.payload", Type: TypeBytes, get: payload(packet.KindTCP)},
	{Name: "tcp.flags.str", Type: TypeText, get: flagLetters},

	number("udp.srcport", packet.KindUDP, 0, 2).whole(4).alsoLite(),
	number("udp.dstport", packet.KindUDP, 2, 2).whole(4).alsoLite(),
	number("udp.port", packet.KindUDP, 0, 2).and(2).whole(4).alsoLite(),
	{Name: "udp.length", Type: TypeUint, get: udpLength},
	hexadecimal("udp.checksum", packet.KindUDP, 6, 2).alsoLite(),
	{Name: "udp.checksum.status", Type: TypeUint, get: udpChecksumStatus},
	{Name: "udp.payload", Type: TypeBytes, get: payload(packet.KindUDP, packet.KindUDPLite)},

	number("sctp.srcport", packet.KindSCTP, 0, 2).whole(12),
	number("sctp.dstport", packet.KindSCTP, 2, 2).whole(12),
	number("sctp.port", packet.KindSCTP, 0, 2).and(2).whole(12),
	hexadecimal("sctp.verification_tag", packet.KindSCTP, 4, 4).whole(12),
	hexadecimal("sctp.checksum", packet.KindSCTP, 8, 4).whole(12),
	unverified("sctp.checksum.status", packet.KindSCTP, 12),

	number("dccp.srcport", packet.KindDCCP, 0, 2).whole(12),
	number("dccp.dstport", packet.KindDCCP, 2, 2).whole(12),
	number("dccp.port", packet.KindDCCP, 0, 2).and(2).whole(12),
}

// tcpMark is a remark that tshark makes of segments whose flags under mask are flags.
func tcpMark(name string, flags, mask byte) Field {
	return Field{Name: name, Type: TypeProtocol, at: []place{{kind: packet.KindTCP, off: 13, size: 1, whole: 16,
		when: func(p *packet.Packet, i int, h []byte) bool { return tcpSound(p, i, h) && h[13]&mask == flags }}}}
}

// nextSequence appends the number that follows each segment's last byte, counted as tcp.seq
// is. It is not known where tcp.len is not.
func nextSequence(r *Row, dst []Value) []Value {
	p := r.Packet
	number := 0
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != packet.KindTCP {
			continue
		}
		seq, ok := note(r, fieldSeq, number)
		number++
		n, known := segmentLen(p, i)
		if !ok || !known {
			continue
		}
		h := p.Header(l)
		if h[13]&0x03 != 0 { // SYN and FIN take a number
			n++
		}
		dst = append(dst, Value{Num: uint64(uint32(seq.Num) + n)})
	}
	return dst
}

// udpChecksumStatus appends what tshark says of checksums that it does not verify: 2, or
// that there is none.
func udpChecksumStatus(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != packet.KindUDP && l.Kind != packet.KindUDPLite || l.Len < 8 {
			continue
		}
		status := uint64(checksumUnverified)
		if be16(p.Header(l)[6:]) == 0 {
			status = checksumAbsent
			if ip := lastIP(p, i); l.Kind == packet.KindUDPLite || ip != nil && ip.Kind == packet.KindIPv6 {
				status = checksumIllegal // RFC 3828, section 3.1, and RFC 8200, section 8.1
			}
		}
		dst = append(dst, Value{Num: status})
	}
	return dst
}

// tcpLen appends the payload length of each segment whose length is known: not that of a
// header quoted in an ICMP error, nor that of a fragment.
func tcpLen(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		if n, known := segmentLen(p, i); known {
			dst = append(dst, Value{Num: uint64(n)})
		}
	}
	return dst
}

// segmentLen returns the length of what the TCP header i carries, bytes.
func segmentLen(p *packet.Packet, i int) (n uint32, known bool) {
	l := &p.Layers[i]
	const unknown = packet.LayerQuoted | packet.LayerFragment
	if l.Kind != packet.KindTCP || l.Len < 16 || l.Flags&unknown != 0 {
		return 0, false
	}
	if l.Flags&packet.LayerMalformed != 0 && tcpSound(p, i, p.Header(l)) {
		return 0, false // the segment is shorter than its header
	}
	return l.PayLen, true
}

// udpLength appends the length that each UDP header says, and for UDP-Lite, whose header
// says none, the length that was found.
func udpLength(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		switch l := &p.Layers[i]; {
		case l.Kind == packet.KindUDP && l.Len >= 6:
			dst = append(dst, Value{Num: uint64(be16(p.Header(l)[4:]))})
		case l.Kind == packet.KindUDPLite && l.Len >= 6:
			dst = append(dst, Value{Num: uint64(max(8, l.Len) + l.PayLen)})
		}
	}
	return dst
}

// sequenceShown tells whether tshark shows the raw sequence number: it does not for a
// header quoted in an ICMP error of IPv4.
func sequenceShown(p *packet.Packet, i int, _ []byte) bool {
	return i < 2 || p.Layers[i-1].Kind != packet.KindIPv4 || p.Layers[i-2].Kind != packet.KindICMP
}

// tcpSound tells whether a TCP header says that it is at least as long as it must be.
func tcpSound(_ *packet.Packet, _ int, h []byte) bool { return h[12]>>4 >= 5 }
