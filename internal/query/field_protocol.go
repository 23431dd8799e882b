package query

import "github.com/tarrafa/tarrafa/internal/packet"

// protocolFields are there when the packet has a header of the protocol.
var protocolFields = []Field{
	protocol("eth", packet.KindEthernet),
	protocol("vlan", packet.KindVLAN),
	protocol("arp", packet.KindARP),
	protocol("ip", packet.KindIPv4),
	protocol("ipv6", packet.KindIPv6),
	protocol("icmp", packet.KindICMP),
	protocol("icmpv6", packet.KindICMPv6),
	protocol("tcp", packet.KindTCP),
	protocol("udp", packet.KindUDP),
	protocol("sctp", packet.KindSCTP),
}
