package query

import "github.com/tarrafa/tarrafa/internal/packet"

// tunnelFields are the fields of the headers that put packets into packets.
var tunnelFields = []Field{
	hexadecimal("gre.proto", packet.KindGRE, 2, 2),
	{Name: "gre.key", Type: TypeUint, Base: Hex8, get: greKey},

	number("vxlan.vni", packet.KindVXLAN, 4, 3),
	hexadecimal("geneve.proto_type", packet.KindGeneve, 2, 2),
	hexadecimal("geneve.vni", packet.KindGeneve, 4, 3),

	hexadecimal("gtp.flags", packet.KindGTPU, 0, 1),
	hexadecimal("gtp.message", packet.KindGTPU, 1, 1),
	number("gtp.length", packet.KindGTPU, 2, 2),
	hexadecimal("gtp.teid", packet.KindGTPU, 4, 4).when(func(_ *packet.Packet, _ int, h []byte) bool { return h[0]>>5 == 1 }),

	masked("erspan.vlan", packet.KindERSPAN, 0, 2, 0x0fff),
	masked("erspan.spanid", packet.KindERSPAN, 2, 2, 0x03ff),
	number("nsh.spi", packet.KindNSH, 4, 3),
	number("nsh.si", packet.KindNSH, 7, 1),
}

// greKey appends the key of each GRE header that has one (RFC 2890).
func greKey(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != packet.KindGRE || l.Len < 8 {
			continue
		}
		h := p.Header(l)
		if h[0]&0x20 == 0 || h[1]&7 != 0 {
			continue
		}
		at := 4
		if h[0]&0xc0 != 0 { // checksum and offset stand before
			at = 8
		}
		if len(h) >= at+4 {
			dst = append(dst, Value{Num: uint64(be32(h[at:]))})
		}
	}
	return dst
}
