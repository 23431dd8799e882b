package query

import (
	"slices"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// protocolFields are there when the packet has a header of the protocol, with as many
// captured bytes of it as tshark wants to see.
var protocolFields = []Field{
	protocol("eth", packet.KindEthernet).whole(14),
	protocol("vlan", packet.KindVLAN).whole(2),
	protocol("ieee8021ad", packet.KindServiceVLAN).whole(2),
	protocol("mpls", packet.KindMPLS).whole(4),
	protocol("pppoes", packet.KindPPPoE).whole(6),
	protocol("pppoed", packet.KindPPPoED).whole(6),
	protocol("ppp", packet.KindPPP).whole(1),
	protocol("chdlc", packet.KindCHDLC).whole(4),
	protocol("sll", packet.KindSLL, packet.KindSLL2),
	protocol("null", packet.KindNull).whole(4),
	protocol("llc", packet.KindLLC).whole(1),
	protocol("radiotap", packet.KindRadiotap).whole(4),
	protocol("wlan", packet.KindIEEE80211),
	protocol("arp", packet.KindARP).whole(2),
	protocol("ip", packet.KindIPv4).whole(1),
	protocol("ipv6", packet.KindIPv6),
	protocol("ipv6.hopopts", packet.KindHopByHop).whole(2),
	protocol("ipv6.routing", packet.KindRouting),
	protocol("ipv6.fraghdr", packet.KindFragment).whole(8),
	protocol("ipv6.dstopts", packet.KindDestOpts).whole(2),
	protocol("ah", packet.KindAH).whole(2),
	protocol("esp", packet.KindESP).whole(1),
	protocol("icmp", packet.KindICMP).whole(6),
	protocol("icmpv6", packet.KindICMPv6),
	protocol("igmp", packet.KindIGMP).whole(1),
	protocol("tcp", packet.KindTCP).whole(4),
	protocol("udp", packet.KindUDP).whole(4),
	protocol("udplite", packet.KindUDPLite).whole(4),
	protocol("sctp", packet.KindSCTP).whole(12),
	protocol("dccp", packet.KindDCCP).whole(4),
	protocol("gre", packet.KindGRE).whole(4),
	protocol("erspan", packet.KindERSPAN),
	protocol("vxlan", packet.KindVXLAN).whole(1),
	protocol("geneve", packet.KindGeneve).whole(1),
	protocol("gtp", packet.KindGTPU).whole(2),
	protocol("teredo", packet.KindTeredo),
	{Name: "lldp", Type: TypeProtocol, get: func(r *Row, dst []Value) []Value { return present(r, dst, isLLDP) }},
	{Name: "stp", Type: TypeProtocol, get: func(r *Row, dst []Value) []Value { return present(r, dst, isSTP) }},
	{Name: "ntp", Type: TypeProtocol, get: func(r *Row, dst []Value) []Value { return present(r, dst, isNTP) }},
	protocol("l2tp", packet.KindL2TP).whole(6),
	protocol("nsh", packet.KindNSH),
}

// present appends one value for each header that test says carries the protocol.
func present(r *Row, dst []Value, test func(p *packet.Packet, l *packet.Layer) bool) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		if test(p, &p.Layers[i]) {
			dst = append(dst, Value{Num: 1})
		}
	}
	return dst
}

func isLLDP(p *packet.Packet, l *packet.Layer) bool {
	switch l.Kind {
	case packet.KindEthernet, packet.KindVLAN, packet.KindServiceVLAN, packet.KindSLL, packet.KindSLL2:
		return l.Proto == 0x88cc && l.Flags&packet.LayerTruncated == 0
	}
	return false
}

func isSTP(p *packet.Packet, l *packet.Layer) bool {
	const spanningTree, control, numbered = 0x42, 0x03, 0x01
	if l.Kind != packet.KindLLC || l.Len < 3 || len(p.Payload(l)) < 4 { // as tshark wants to see
		return false
	}
	h := p.Header(l)
	return h[0] == spanningTree && (h[2]&^0x10 == control || h[2]&numbered == 0)
}

// isNTP tells whether a datagram is of NTP's port. Of two known ports the lower one counts.
func isNTP(p *packet.Packet, l *packet.Layer) bool {
	const port = 123
	if l.Kind != packet.KindUDP || l.Len < 8 || len(p.Payload(l)) == 0 {
		return false
	}
	h := p.Header(l)
	a, b := be16(h), be16(h[2:])
	return (a == port || b == port) && !slices.Contains(portsBeforeNTP, min(a, b))
}

// portsBeforeNTP are the UDP ports below that of NTP that tshark has a dissector for.
var portsBeforeNTP = []uint16{7, 13, 19, 37, 49, 53, 67, 68, 69, 111}
