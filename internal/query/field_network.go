package query

import "github.com/tarrafa/tarrafa/internal/packet"

// networkFields are the fields of IPv4 and IPv6.
var networkFields = []Field{
	bits("ip.version", packet.KindIPv4, 0, 1, 0xf0),
	{Name: "ip.hdr_len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return headerLen(r, dst, packet.KindIPv4, 0, 0x0f, 0)
	}},
	hex("ip.dsfield", packet.KindIPv4, 1, 1),
	bits("ip.dsfield.dscp", packet.KindIPv4, 1, 1, 0xfc),
	bits("ip.dsfield.ecn", packet.KindIPv4, 1, 1, 0x03),
	number("ip.len", packet.KindIPv4, 2, 2),
	hex("ip.id", packet.KindIPv4, 4, 2),
	bits("ip.flags", packet.KindIPv4, 6, 1, 0xe0).based(Hex2),
	bit("ip.flags.rb", packet.KindIPv4, 6, 1, 0x80),
	bit("ip.flags.df", packet.KindIPv4, 6, 1, 0x40),
	bit("ip.flags.mf", packet.KindIPv4, 6, 1, 0x20),
	bits("ip.frag_offset", packet.KindIPv4, 6, 2, 0x1fff),
	number("ip.ttl", packet.KindIPv4, 8, 1),
	number("ip.proto", packet.KindIPv4, 9, 1),
	hex("ip.checksum", packet.KindIPv4, 10, 2),
	address("ip.src", TypeIPv4, packet.KindIPv4, 12),
	address("ip.dst", TypeIPv4, packet.KindIPv4, 16),
	address("ip.addr", TypeIPv4, packet.KindIPv4, 12, 16),

	bits("ipv6.version", packet.KindIPv6, 0, 1, 0xf0),
	bits("ipv6.tclass", packet.KindIPv6, 0, 4, 0x0ff00000).based(Hex8),
	bits("ipv6.flow", packet.KindIPv6, 0, 4, 0x000fffff).based(Hex6),
	number("ipv6.plen", packet.KindIPv6, 4, 2),
	number("ipv6.nxt", packet.KindIPv6, 6, 1),
	number("ipv6.hlim", packet.KindIPv6, 7, 1),
	address("ipv6.src", TypeIPv6, packet.KindIPv6, 8),
	address("ipv6.dst", TypeIPv6, packet.KindIPv6, 24),
	address("ipv6.addr", TypeIPv6, packet.KindIPv6, 8, 24),
}

// headerLen appends the length of each header of a kind, bytes, as a field that counts
// words of 32 bits says it; the field stands at off, under mask and above shift.
func headerLen(r *Row, dst []Value, k packet.Kind, off uint32, mask, shift uint8) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		if l := &p.Layers[i]; l.Kind == k && l.Len > off {
			dst = append(dst, Value{Num: uint64(p.Header(l)[off]&mask>>shift) * 4})
		}
	}
	return dst
}
