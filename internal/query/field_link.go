package query

import (
	"bytes"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Values of Ethernet's type field from this one on are types, smaller ones are lengths.
const minEtherType = 1536

// linkFields are the fields below IP.
var linkFields = []Field{
	address("eth.dst", TypeEther, packet.KindEthernet, 0).whole(14),
	address("eth.src", TypeEther, packet.KindEthernet, 6).whole(14),
	address("eth.addr", TypeEther, packet.KindEthernet, 0, 6).whole(14),
	hexadecimal("eth.type", packet.KindEthernet, 12, 2).when(func(_ *packet.Packet, _ int, h []byte) bool {
		t := be16(h[12:])
		return t >= minEtherType || t == 0
	}),
	number("eth.len", packet.KindEthernet, 12, 2).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return be16(h[12:]) <= 1500 && be16(h[12:]) != 0
	}),

	flagBit("eth.lg", packet.KindEthernet, 0, 1, 0x02).and(6).whole(14),
	flagBit("eth.ig", packet.KindEthernet, 0, 1, 0x01).and(6).whole(14),

	flagBit("eth.dst.lg", packet.KindEthernet, 0, 1, 0x02).whole(14),
	flagBit("eth.dst.ig", packet.KindEthernet, 0, 1, 0x01).whole(14),
	flagBit("eth.src.lg", packet.KindEthernet, 6, 1, 0x02).whole(14),
	flagBit("eth.src.ig", packet.KindEthernet, 6, 1, 0x01).whole(14),
	number("eth.dst.oui", packet.KindEthernet, 0, 3).whole(14),
	number("eth.src.oui", packet.KindEthernet, 6, 3).whole(14),
	number("eth.addr.oui", packet.KindEthernet, 0, 3).and(6).whole(14),

	number("sll.pkttype", packet.KindSLL, 0, 2).or(packet.KindSLL2, 10, 1),
	number("sll.hatype", packet.KindSLL, 2, 2).or(packet.KindSLL2, 8, 2),
	number("sll.halen", packet.KindSLL, 4, 2).or(packet.KindSLL2, 11, 1),
	{Name: "sll.src.eth", Type: TypeEther, at: []place{
		{kind: packet.KindSLL, off: 6, size: 6, when: func(_ *packet.Packet, _ int, h []byte) bool { return be16(h[4:]) == 6 }},
		{kind: packet.KindSLL2, off: 12, size: 6, when: func(_ *packet.Packet, _ int, h []byte) bool { return h[11] == 6 }},
	}},
	number("sll.ifindex", packet.KindSLL2, 4, 4),
	hexadecimal("sll.etype", packet.KindSLL, 14, 2).or(packet.KindSLL2, 0, 2),

	hexadecimal("pppoe.code", packet.KindPPPoE, 1, 1).or(packet.KindPPPoED, 1, 1),
	hexadecimal("pppoe.session_id", packet.KindPPPoE, 2, 2).or(packet.KindPPPoED, 2, 2),
	number("pppoe.payload_length", packet.KindPPPoE, 4, 2).or(packet.KindPPPoED, 4, 2),
	{Name: "ppp.protocol", Type: TypeUint, Base: Hex4, get: func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			if l := &p.Layers[i]; l.Kind == packet.KindPPP && l.Flags&packet.LayerTruncated == 0 {
				dst = append(dst, Value{Num: uint64(l.Proto)})
			}
		}
		return dst
	}},
	hexadecimal("chdlc.protocol", packet.KindCHDLC, 2, 2),

	masked("vlan.priority", packet.KindVLAN, 0, 2, 0xe000),
	flagBit("vlan.dei", packet.KindVLAN, 0, 2, 0x1000),
	masked("vlan.id", packet.KindVLAN, 0, 2, 0x0fff),
	hexadecimal("vlan.etype", packet.KindVLAN, 2, 2).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return be16(h[2:]) >= minEtherType
	}),

	mplsLabel("mpls.label", 0xfffff000, 12),
	mplsLabel("mpls.exp", 0x00000e00, 9),
	mplsLabel("mpls.bottom", 0x00000100, 8),
	mplsLabel("mpls.ttl", 0x000000ff, 0),

	number("vlan.len", packet.KindVLAN, 2, 2).when(func(_ *packet.Packet, _ int, h []byte) bool {
		return be16(h[2:]) <= 1500
	}),

	number("arp.hw.type", packet.KindARP, 0, 2),
	hexadecimal("arp.proto.type", packet.KindARP, 2, 2),
	number("arp.hw.size", packet.KindARP, 4, 1),
	number("arp.proto.size", packet.KindARP, 5, 1),
	number("arp.opcode", packet.KindARP, 6, 2),
	{Name: "arp.src.hw_mac", Type: TypeEther, get: arpAddress(0)},
	{Name: "arp.src.proto_ipv4", Type: TypeIPv4, get: arpAddress(1)},
	{Name: "arp.dst.hw_mac", Type: TypeEther, get: arpAddress(2)},
	{Name: "arp.dst.proto_ipv4", Type: TypeIPv4, get: arpAddress(3)},
	arpRemark("arp.isgratuitous", arpGratuitous),
	arpRemark("arp.isannouncement", arpAnnouncement),
	arpRemark("arp.isprobe", arpProbe),
}

// arpAddress returns what appends one of the four addresses of an ARP packet (RFC 826):
// hardware and protocol address of the sender, then of the target. Only those of Ethernet
// and of IPv4 have fields.
func arpAddress(which int) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			l := &p.Layers[i]
			if l.Kind != packet.KindARP || l.Flags&packet.LayerTruncated != 0 {
				continue
			}
			h := p.Header(l)
			hardware, proto := int(h[4]), int(h[5])
			at, n, shown := 8+which/2*(hardware+proto), hardware, be16(h) == 1 || be16(h) == 6
			shown = shown && hardware == 6
			if which%2 == 1 {
				at, n, shown = at+hardware, proto, be16(h[2:]) == 0x0800 && proto == 4
			}
			if shown {
				dst = append(dst, Value{Bytes: h[at : at+n]})
			}
		}
		return dst
	}
}

// mplsLabel is a field of each entry of an MPLS label stack: its bits under mask, above shift.
func mplsLabel(name string, mask uint32, shift uint8) Field {
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

// arpRemark is true of each ARP packet of Ethernet and IPv4 that test is true of; of others
// there is nothing.
func arpRemark(name string, test func(opcode uint16, src, target, dst []byte) bool) Field {
	return Field{Name: name, Type: TypeBool, get: func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			l := &p.Layers[i]
			if l.Kind != packet.KindARP || l.Flags&packet.LayerTruncated != 0 || l.Len < 28 {
				continue
			}
			h := p.Header(l)
			if be16(h) == 1 && be16(h[2:]) == 0x0800 && h[4] == 6 && h[5] == 4 && test(be16(h[6:]), h[14:18], h[18:24], h[24:28]) {
				dst = append(dst, Value{Num: 1})
			}
		}
		return dst
	}}
}

const arpRequest, arpReply = 1, 2

// arpGratuitous tells whether an ARP packet tells of its sender's own address (RFC 5944,
// section 4.6), arpAnnouncement whether in the way of RFC 5227, and arpProbe whether it
// asks if an address is free (RFC 5227, section 1.1).
func arpGratuitous(opcode uint16, src, _, dst []byte) bool {
	return (opcode == arpRequest || opcode == arpReply) && bytes.Equal(src, dst)
}

func arpAnnouncement(opcode uint16, src, target, dst []byte) bool {
	return opcode == arpRequest && bytes.Equal(src, dst) && allZero(target)
}

func arpProbe(opcode uint16, src, target, dst []byte) bool {
	return opcode == arpRequest && allZero(src) && !allZero(dst) && allZero(target)
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }
