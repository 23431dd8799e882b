package query

import "github.com/tarrafa/tarrafa/internal/packet"

// transportFields are the fields above IP.
var transportFields = []Field{
	number("tcp.srcport", packet.KindTCP, 0, 2),
	number("tcp.dstport", packet.KindTCP, 2, 2),
	number("tcp.port", packet.KindTCP, 0, 2).and(2),
	number("tcp.seq_raw", packet.KindTCP, 4, 4),
	number("tcp.ack_raw", packet.KindTCP, 8, 4),
	{Name: "tcp.hdr_len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return headerLen(r, dst, packet.KindTCP, 12, 0xf0, 4)
	}},
	bits("tcp.flags", packet.KindTCP, 12, 2, 0x0fff).based(Hex4),
	bit("tcp.flags.ae", packet.KindTCP, 12, 2, 0x100),
	bit("tcp.flags.cwr", packet.KindTCP, 12, 2, 0x80),
	bit("tcp.flags.ece", packet.KindTCP, 12, 2, 0x40),
	bit("tcp.flags.urg", packet.KindTCP, 12, 2, 0x20),
	bit("tcp.flags.ack", packet.KindTCP, 12, 2, 0x10),
	bit("tcp.flags.push", packet.KindTCP, 12, 2, 0x08),
	bit("tcp.flags.reset", packet.KindTCP, 12, 2, 0x04),
	bit("tcp.flags.syn", packet.KindTCP, 12, 2, 0x02),
	bit("tcp.flags.fin", packet.KindTCP, 12, 2, 0x01),
	number("tcp.window_size_value", packet.KindTCP, 14, 2),
	hex("tcp.checksum", packet.KindTCP, 16, 2),
	number("tcp.urgent_pointer", packet.KindTCP, 18, 2),
	{Name: "tcp.len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			if l := &p.Layers[i]; l.Kind == packet.KindTCP && l.Len >= 20 && l.Flags&packet.LayerQuoted == 0 {
				dst = append(dst, Value{Num: uint64(l.PayLen)})
			}
		}
		return dst
	}},

	number("udp.srcport", packet.KindUDP, 0, 2),
	number("udp.dstport", packet.KindUDP, 2, 2),
	number("udp.port", packet.KindUDP, 0, 2).and(2),
	number("udp.length", packet.KindUDP, 4, 2),
	hex("udp.checksum", packet.KindUDP, 6, 2),

	number("sctp.srcport", packet.KindSCTP, 0, 2),
	number("sctp.dstport", packet.KindSCTP, 2, 2),
	number("sctp.port", packet.KindSCTP, 0, 2).and(2),
	hex("sctp.verification_tag", packet.KindSCTP, 4, 4),

	number("icmp.type", packet.KindICMP, 0, 1),
	number("icmp.code", packet.KindICMP, 1, 1),
	hex("icmp.checksum", packet.KindICMP, 2, 2),
	number("icmpv6.type", packet.KindICMPv6, 0, 1),
	number("icmpv6.code", packet.KindICMPv6, 1, 1),
	hex("icmpv6.checksum", packet.KindICMPv6, 2, 2),
}
