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
	number("tcp.urgent_pointer", packet.KindTCP, 18, 2).when(tcpSound),
	{Name: "tcp.len", Type: TypeUint, get: tcpLen},
	{Name: "tcp.payload", Type: TypeBytes, get: payload(packet.KindTCP)},
	{Name: "tcp.flags.str", Type: TypeText, get: flagLetters},
	tcpOption("tcp.options.mss_val", optionMSS, 4, 2, 2),
	tcpOption("tcp.options.wscale.shift", optionWindowScale, 3, 2, 1),
	tcpOption("tcp.options.timestamp.tsval", optionTimestamp, 10, 2, 4),
	tcpOption("tcp.options.timestamp.tsecr", optionTimestamp, 10, 6, 4),

	number("udp.srcport", packet.KindUDP, 0, 2).whole(4).alsoLite(),
	number("udp.dstport", packet.KindUDP, 2, 2).whole(4).alsoLite(),
	number("udp.port", packet.KindUDP, 0, 2).and(2).whole(4).alsoLite(),
	{Name: "udp.length", Type: TypeUint, get: udpLength},
	hexadecimal("udp.checksum", packet.KindUDP, 6, 2).alsoLite(),
	{Name: "udp.payload", Type: TypeBytes, get: payload(packet.KindUDP, packet.KindUDPLite)},

	number("sctp.srcport", packet.KindSCTP, 0, 2).whole(12),
	number("sctp.dstport", packet.KindSCTP, 2, 2).whole(12),
	number("sctp.port", packet.KindSCTP, 0, 2).and(2).whole(12),
	hexadecimal("sctp.verification_tag", packet.KindSCTP, 4, 4).whole(12),
	hexadecimal("sctp.checksum", packet.KindSCTP, 8, 4).whole(12),

	number("dccp.srcport", packet.KindDCCP, 0, 2).whole(12),
	number("dccp.dstport", packet.KindDCCP, 2, 2).whole(12),
	number("dccp.port", packet.KindDCCP, 0, 2).and(2).whole(12),

	number("icmp.type", packet.KindICMP, 0, 1).whole(6),
	number("icmp.code", packet.KindICMP, 1, 1).whole(6),
	hexadecimal("icmp.checksum", packet.KindICMP, 2, 2).whole(6),
	number("icmp.ident", packet.KindICMP, 4, 2).whole(6).when(icmpQuery),
	number("icmp.seq", packet.KindICMP, 6, 2).whole(8).when(icmpQuery),
	number("icmp.mtu", packet.KindICMP, 6, 2).whole(8).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return h[0] == 3 && h[1] == 4
	}),
	address("icmp.redir_gw", TypeIPv4, packet.KindICMP, 4).whole(8).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return h[0] == 5
	}),
	number("icmpv6.type", packet.KindICMPv6, 0, 1),
	number("icmpv6.code", packet.KindICMPv6, 1, 1),
	hexadecimal("icmpv6.checksum", packet.KindICMPv6, 2, 2),
	hexadecimal("icmpv6.echo.identifier", packet.KindICMPv6, 4, 2).when(icmpv6Echo),
	number("icmpv6.echo.sequence_number", packet.KindICMPv6, 6, 2).when(icmpv6Echo),
	hexadecimal("igmp.type", packet.KindIGMP, 0, 1),
}

// tcpLen appends the payload length of each segment whose length is known: not that of a
// header quoted in an ICMP error, nor that of a fragment.
func tcpLen(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		const unknown = packet.LayerQuoted | packet.LayerFragment
		if l.Kind != packet.KindTCP || l.Len < 16 || l.Flags&unknown != 0 {
			continue
		}
		if l.Flags&packet.LayerMalformed != 0 && tcpSound(p, i, p.Header(l)) {
			continue // the segment is shorter than its header
		}
		dst = append(dst, Value{Num: uint64(l.PayLen)})
	}
	return dst
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
