package packet

import (
	"net/netip"
	"strconv"
)

var outcomeNames = [OutcomeCount]string{
	"transport", "ip", "fragment", "non_ip", "truncated", "malformed", "too_deep", "link_type",
}

// String returns the outcome's name as statistics and metrics show it.
func (o Outcome) String() string {
	if o < OutcomeCount {
		return outcomeNames[o]
	}
	return "outcome_" + strconv.Itoa(int(o))
}

// String returns "sent", "received" or "unknown".
func (d Direction) String() string {
	switch d {
	case DirectionReceived:
		return "received"
	case DirectionSent:
		return "sent"
	default:
		return "unknown"
	}
}

// AddrFrom4 returns the v4-mapped form of four bytes of an IPv4 address.
func AddrFrom4(b [4]byte) Addr {
	return Addr{10: 0xff, 11: 0xff, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}
}

// Netip returns the address in the standard library's form. version is the Tuple's: 4
// gives an IPv4 address, 6 an IPv6 one (a v4-mapped IPv6 address stays as it is).
func (a Addr) Netip(version uint8) netip.Addr {
	if version == 4 {
		return netip.AddrFrom4([4]byte(a[12:]))
	}
	return netip.AddrFrom16(a)
}

// AppendTo appends the address as text, as tcpdump and tshark print it.
func (a Addr) AppendTo(dst []byte, version uint8) []byte {
	if version == 4 {
		return appendIPv4(dst, a[12:])
	}
	// An IPv4-compatible address (RFC 4291, section 2.5.5.1) ends in dotted form.
	if a[12]|a[13] != 0 && [12]byte(a[:12]) == [12]byte{} {
		return appendIPv4(append(dst, "::"...), a[12:])
	}
	return netip.AddrFrom16(a).AppendTo(dst)
}

// appendIPv4 appends four bytes in dotted form.
func appendIPv4(dst, b []byte) []byte {
	for i, c := range b {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(c), 10)
	}
	return dst
}

// The transport protocols that have a name in the table and in the statistics.
const (
	ProtoICMP    = 1
	ProtoTCP     = 6
	ProtoUDP     = 17
	ProtoICMPv6  = 58
	ProtoSCTP    = 132
	ProtoUDPLite = 136
)

// ProtoName returns "TCP", "UDP" or the number in decimal: the protocol as the table and
// the statistics name it.
func ProtoName(proto uint8) string {
	switch proto {
	case ProtoTCP:
		return "TCP"
	case ProtoUDP:
		return "UDP"
	default:
		return strconv.Itoa(int(proto))
	}
}

var kindNames = [KindCount]string{
	"none", "ethernet", "vlan", "mpls", "pppoe", "ppp", "sll", "sll2", "null", "llc", "radiotap", "802.11", "arp",
	"ipv4", "ipv6", "hop-by-hop", "routing", "fragment", "destination-options", "ah", "esp", "tcp", "udp", "sctp",
	"icmp", "icmpv6", "igmp", "gre", "vxlan", "geneve", "gtp", "teredo", "service-vlan", "cisco-hdlc", "udp-lite",
	"dccp", "erspan", "l2tp", "nsh", "pppoe-discovery", "shim",
}

// String returns the header's name in lower case.
func (k Kind) String() string {
	if k < KindCount {
		return kindNames[k]
	}
	return "kind_" + strconv.Itoa(int(k))
}
