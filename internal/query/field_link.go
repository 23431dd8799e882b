package query

import "github.com/tarrafa/tarrafa/internal/packet"

// Values of Ethernet's type field from this one on are types, smaller ones are lengths.
const minEtherType = 1536

// linkFields are the fields below IP.
var linkFields = []Field{
	address("eth.dst", TypeEther, packet.KindEthernet, 0).whole(14),
	address("eth.src", TypeEther, packet.KindEthernet, 6).whole(14),
	address("eth.addr", TypeEther, packet.KindEthernet, 0, 6).whole(14),
	hex("eth.type", packet.KindEthernet, 12, 2).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return be16(h[12:]) >= minEtherType
	}),
	number("eth.len", packet.KindEthernet, 12, 2).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return be16(h[12:]) <= 1500
	}),

	bits("vlan.priority", packet.KindVLAN, 0, 2, 0xe000),
	bit("vlan.dei", packet.KindVLAN, 0, 2, 0x1000),
	bits("vlan.id", packet.KindVLAN, 0, 2, 0x0fff),
	hex("vlan.etype", packet.KindVLAN, 2, 2).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return be16(h[2:]) >= minEtherType
	}),

	label("mpls.label", 0xfffff000, 12),
	label("mpls.exp", 0x00000e00, 9),
	label("mpls.bottom", 0x00000100, 8),
	label("mpls.ttl", 0x000000ff, 0),

	number("arp.hw.type", packet.KindARP, 0, 2),
	hex("arp.proto.type", packet.KindARP, 2, 2),
	number("arp.hw.size", packet.KindARP, 4, 1),
	number("arp.proto.size", packet.KindARP, 5, 1),
	number("arp.opcode", packet.KindARP, 6, 2),
	address("arp.src.hw_mac", TypeEther, packet.KindARP, 8).when(arpPlain).whole(28),
	address("arp.src.proto_ipv4", TypeIPv4, packet.KindARP, 14).when(arpPlain).whole(28),
	address("arp.dst.hw_mac", TypeEther, packet.KindARP, 18).when(arpPlain).whole(28),
	address("arp.dst.proto_ipv4", TypeIPv4, packet.KindARP, 24).when(arpPlain).whole(28),
}

// arpPlain tells whether an ARP packet speaks of Ethernet and IPv4.
func arpPlain(_ *packet.Packet, _ int, h []byte) bool {
	return be16(h) == 1 && be16(h[2:]) == 0x0800 && h[4] == 6 && h[5] == 4
}

// label is a field of each entry of an MPLS label stack: its bits under mask, above shift.
func label(name string, mask uint32, shift uint8) Field {
	return Field{Name: name, Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			l := &p.Layers[i]
			if l.Kind != packet.KindMPLS {
				continue
			}
			for h := p.Header(l); len(h) >= 4; h = h[4:] {
				dst = append(dst, Value{Num: uint64(be32(h) & mask >> shift)})
			}
		}
		return dst
	}}
}
