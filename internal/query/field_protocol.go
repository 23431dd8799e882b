package query

import "github.com/tarrafa/tarrafa/internal/packet"

// protocolFields are there when the packet has a header of the protocol.
var protocolFields = []Field{
	{Name: "frame", Type: TypeProtocol, get: func(_ *Row, dst []Value) []Value {
		return append(dst, Value{Num: 1})
	}},
	protocol("eth", packet.KindEthernet),
	protocol("vlan", packet.KindVLAN),
	protocol("ieee8021ad", packet.KindServiceVLAN),
	protocol("mpls", packet.KindMPLS),
	protocol("pppoes", packet.KindPPPoE),
	protocol("ppp", packet.KindPPP),
	protocol("chdlc", packet.KindCHDLC),
	protocol("sll", packet.KindSLL, packet.KindSLL2),
	protocol("null", packet.KindNull),
	protocol("llc", packet.KindLLC),
	protocol("radiotap", packet.KindRadiotap),
	protocol("wlan", packet.KindIEEE80211),
	protocol("arp", packet.KindARP),
	protocol("ip", packet.KindIPv4),
	protocol("ipv6", packet.KindIPv6),
	protocol("ipv6.hopopts", packet.KindHopByHop),
	protocol("ipv6.routing", packet.KindRouting),
	protocol("ipv6.fraghdr", packet.KindFragment),
	protocol("ipv6.dstopts", packet.KindDestOpts),
	protocol("ah", packet.KindAH),
	protocol("esp", packet.KindESP),
	protocol("icmp", packet.KindICMP),
	protocol("icmpv6", packet.KindICMPv6),
	protocol("igmp", packet.KindIGMP),
	protocol("tcp", packet.KindTCP),
	protocol("udp", packet.KindUDP),
	protocol("udplite", packet.KindUDPLite),
	protocol("sctp", packet.KindSCTP),
	protocol("dccp", packet.KindDCCP),
	protocol("gre", packet.KindGRE),
	protocol("erspan", packet.KindERSPAN),
	protocol("vxlan", packet.KindVXLAN),
	protocol("geneve", packet.KindGeneve),
	protocol("gtp", packet.KindGTPU),
	protocol("teredo", packet.KindTeredo),
	protocol("l2tp", packet.KindL2TP),
	protocol("nsh", packet.KindNSH),
}
