package query

import "github.com/tarrafa/tarrafa/internal/packet"

// networkFields are the fields of IPv4 and IPv6.
var networkFields = []Field{
	{Name: "ip.version", Type: TypeUint, at: []place{
		{kind: packet.KindIPv4, size: 1, mask: 0xf0}, {kind: packet.KindIPv6, size: 1, mask: 0xf0},
	}},
	{Name: "ip.hdr_len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return headerLen(r, dst, packet.KindIPv4, 0, 0x0f, 0, 1)
	}},
	hexadecimal("ip.dsfield", packet.KindIPv4, 1, 1),
	masked("ip.dsfield.dscp", packet.KindIPv4, 1, 1, 0xfc),
	masked("ip.dsfield.ecn", packet.KindIPv4, 1, 1, 0x03),
	{Name: "ip.len", Type: TypeUint, get: ipLen},
	hexadecimal("ip.id", packet.KindIPv4, 4, 2),
	masked("ip.flags", packet.KindIPv4, 6, 1, 0xe0).based(Hex2).whole(8),
	flagBit("ip.flags.rb", packet.KindIPv4, 6, 1, 0x80).whole(8),
	flagBit("ip.flags.df", packet.KindIPv4, 6, 1, 0x40).whole(8),
	flagBit("ip.flags.mf", packet.KindIPv4, 6, 1, 0x20).whole(8),
	masked("ip.frag_offset", packet.KindIPv4, 6, 2, 0x1fff),
	number("ip.ttl", packet.KindIPv4, 8, 1),
	number("ip.proto", packet.KindIPv4, 9, 1),
	hexadecimal("ip.checksum", packet.KindIPv4, 10, 2),
	unverified("ip.checksum.status", packet.KindIPv4, 12),
	address("ip.src", TypeIPv4, packet.KindIPv4, 12),
	{Name: "ip.dst", Type: TypeIPv4, get: ipDst},
	{Name: "ip.addr", Type: TypeIPv4, get: ipAddr},

	masked("ipv6.version", packet.KindIPv6, 0, 1, 0xf0),
	masked("ipv6.tclass", packet.KindIPv6, 0, 4, 0x0ff00000).based(Hex8),
	masked("ipv6.tclass.dscp", packet.KindIPv6, 0, 4, 0x0fc00000),
	masked("ipv6.tclass.ecn", packet.KindIPv6, 0, 4, 0x00300000),
	masked("ipv6.flow", packet.KindIPv6, 0, 4, 0x000fffff).based(Hex6),
	number("ipv6.plen", packet.KindIPv6, 4, 2).whole(7),
	number("ipv6.nxt", packet.KindIPv6, 6, 1),
	number("ipv6.hlim", packet.KindIPv6, 7, 1),
	address("ipv6.src", TypeIPv6, packet.KindIPv6, 8),
	address("ipv6.dst", TypeIPv6, packet.KindIPv6, 24),
	address("ipv6.addr", TypeIPv6, packet.KindIPv6, 8, 24),

	number("ipv6.hopopts.nxt", packet.KindHopByHop, 0, 1).when(fits),
	number("ipv6.dstopts.nxt", packet.KindDestOpts, 0, 1).when(fits),
	number("ipv6.routing.nxt", packet.KindRouting, 0, 1).when(fits),
	number("ipv6.routing.type", packet.KindRouting, 2, 1).when(fits),
	number("ipv6.routing.segleft", packet.KindRouting, 3, 1).when(fits),
	number("ipv6.fraghdr.nxt", packet.KindFragment, 0, 1).whole(8),
	masked("ipv6.fraghdr.offset", packet.KindFragment, 2, 2, 0xfff8).whole(8),
	flagBit("ipv6.fraghdr.more", packet.KindFragment, 2, 2, 0x0001).whole(8),
	hexadecimal("ipv6.fraghdr.ident", packet.KindFragment, 4, 4).whole(8),

	number("ah.next_header", packet.KindAH, 0, 1),
	hexadecimal("ah.spi", packet.KindAH, 4, 4),
	number("ah.sequence", packet.KindAH, 8, 4),
	hexadecimal("esp.spi", packet.KindESP, 0, 4),
	number("esp.sequence", packet.KindESP, 4, 4),
}

// fits tells whether an extension header fits into its packet.
func fits(p *packet.Packet, i int, _ []byte) bool {
	return p.Layers[i].Flags&packet.LayerMalformed == 0
}

// headerLen appends the length of each header of a kind, bytes, as a field that counts
// words of 32 bits says it: the field stands at off, under mask and above shift. whole
// bytes of the header must be there.
func headerLen(r *Row, dst []Value, k packet.Kind, off uint32, mask, shift uint8, whole uint32) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != k || l.Len < whole {
			continue
		}
		h := p.Header(l)
		if k == packet.KindIPv4 && h[0]>>4 != 4 {
			continue
		}
		dst = append(dst, Value{Num: uint64(h[off]&mask>>shift) * 4})
	}
	return dst
}

// ipDst appends the destination of each IPv4 header.
func ipDst(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		if l := &p.Layers[i]; l.Kind == packet.KindIPv4 {
			if b := destination(p.Header(l)); b != nil {
				dst = append(dst, Value{Bytes: b})
			}
		}
	}
	return dst
}

// ipAddr appends source and destination of each IPv4 header.
func ipAddr(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != packet.KindIPv4 || l.Len < 16 {
			continue
		}
		h := p.Header(l)
		dst = append(dst, Value{Bytes: h[12:16]})
		if b := destination(h); b != nil {
			dst = append(dst, Value{Bytes: b})
		}
	}
	return dst
}

// destination returns where an IPv4 packet goes: with a source route that is not used up
// that is the route's last entry (RFC 791, section 3.1). It returns nil when the header's
// captured bytes do not tell.
func destination(h []byte) []byte {
	const (
		endOfOptions, noOperation           = 0, 1
		looseSourceRoute, strictSourceRoute = 131, 137
	)
	if len(h) < 20 {
		return nil
	}
	for at, end := 20, int(h[0]&0x0f)*4; at < end; {
		if at >= len(h) {
			return nil
		}
		kind := h[at]
		if kind == endOfOptions {
			break
		}
		if kind == noOperation {
			at++
			continue
		}
		if at+1 >= end {
			break
		}
		if at+1 >= len(h) {
			return nil
		}
		n := int(h[at+1])
		if n < 2 || at+n > end {
			break
		}
		if kind == looseSourceRoute || kind == strictSourceRoute {
			if n < 7 {
				break
			}
			if at+2 >= len(h) {
				return nil
			}
			if h[at+2] < 4 || int(h[at+2]) > n { // used up
				break
			}
			if len(h) < end {
				return nil
			}
			return h[at+n-4 : at+n]
		}
		at += n
	}
	return h[16:20]
}

// ipLen appends the total length of each IPv4 header. Where the header says 0, because
// the network card has yet to cut the packet, it is the length that was found.
func ipLen(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != packet.KindIPv4 || l.Len < 4 {
			continue
		}
		n := uint64(be16(p.Header(l)[2:]))
		if n == 0 {
			n = uint64(l.Len + l.PayLen)
		}
		dst = append(dst, Value{Num: n})
	}
	return dst
}
