package query

import "github.com/tarrafa/tarrafa/internal/packet"

// messageFields are the fields of ICMP, ICMPv6 and IGMP.
var messageFields = []Field{
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
	hexadecimal("igmp.type", packet.KindIGMP, 0, 1).when(groupKnown),
	{Name: "icmp.checksum.status", Type: TypeUint, get: checksumStatus(packet.KindICMP, 6)},
	{Name: "icmp.ident_le", Type: TypeUint, at: []place{{kind: packet.KindICMP, off: 4, size: 2, whole: 6, when: icmpQuery, little: true}}},
	{Name: "icmp.seq_le", Type: TypeUint, at: []place{{kind: packet.KindICMP, off: 6, size: 2, whole: 8, when: icmpQuery, little: true}}},
	{Name: "icmpv6.checksum.status", Type: TypeUint, get: checksumStatus(packet.KindICMPv6, 4)},
}

// icmpQuery tells whether an ICMP message has an identifier and a sequence number.
func icmpQuery(_ *packet.Packet, _ int, h []byte) bool {
	switch h[0] {
	case 0, 8, 13, 14, 15, 16, 17, 18:
		return true
	default:
		return false
	}
}

// icmpv6Echo tells whether an ICMPv6 message is an echo request or reply.
func icmpv6Echo(_ *packet.Packet, _ int, h []byte) bool { return h[0] == 128 || h[0] == 129 }
