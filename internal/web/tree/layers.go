package tree

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// layout describes a header.
type layout struct {
	name, field string
	fields      []field
	title       func(header []byte) string
	more        func(b *builder, n *Node, header []byte, off int)
}

// field is a value at a fixed place of a header.
type field struct {
	name, field string
	off, size   int // bytes
	text        func([]byte) string
}

func timeText(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000000000 UTC")
}

func number(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func dec(b []byte) string { return strconv.FormatUint(number(b), 10) }
func hex(b []byte) string { return fmt.Sprintf("0x%0*x", 2*len(b), number(b)) }
func raw(b []byte) string { return fmt.Sprintf("%x", b) }

func mac(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = fmt.Sprintf("%02x", c)
	}
	return strings.Join(parts, ":")
}

func ip(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

// part shows some bits of a number.
func part(shift, width uint) func([]byte) string {
	return func(b []byte) string { return strconv.FormatUint(number(b)>>shift&(1<<width-1), 10) }
}

func times(shift, width uint, factor uint64, unit string) func([]byte) string {
	return func(b []byte) string {
		return strconv.FormatUint(number(b)>>shift&(1<<width-1)*factor, 10) + unit
	}
}

// named adds the names of numbers that people meet.
func named(names map[uint64]string, show func([]byte) string) func([]byte) string {
	return func(b []byte) string {
		if name, ok := names[number(b)]; ok {
			return show(b) + " " + name
		}
		return show(b)
	}
}

var etherTypes = map[uint64]string{
	0x0800: "IPv4", 0x0806: "ARP", 0x86dd: "IPv6", 0x8100: "802.1Q", 0x88a8: "802.1ad", 0x8847: "MPLS", 0x8863: "PPPoE discovery",
	0x8864: "PPPoE session", 0x88cc: "LLDP", 0x8035: "RARP", 0x888e: "802.1X",
}

var protocols = map[uint64]string{
	0: "hop-by-hop", 1: "ICMP", 2: "IGMP", 4: "IPv4", 6: "TCP", 17: "UDP", 41: "IPv6", 43: "routing", 44: "fragment",
	47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6", 60: "destination options", 89: "OSPF", 132: "SCTP",
}

// tcpFlagNames from the highest bit down (RFC 9293, RFC 7560).
var tcpFlagNames = []struct {
	bit  uint16
	name string
}{{0x100, "AE"}, {0x80, "CWR"}, {0x40, "ECE"}, {0x20, "URG"}, {0x10, "ACK"}, {0x08, "PSH"}, {0x04, "RST"}, {0x02, "SYN"}, {0x01, "FIN"}}

func tcpFlags(b []byte) string {
	n := uint16(number(b)) & 0x0fff
	var names []string
	for _, f := range tcpFlagNames {
		if n&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return fmt.Sprintf("0x%03x %s", n, strings.Join(names, ", "))
}

func ports(header []byte) string {
	if len(header) < 4 {
		return ""
	}
	return dec(header[:2]) + " → " + dec(header[2:4])
}

var described = map[packet.Kind]layout{
	packet.KindEthernet: {name: "Ethernet", field: "eth", fields: []field{
		{"Destination", "eth.dst", 0, 6, mac}, {"Source", "eth.src", 6, 6, mac}, {"Type", "eth.type", 12, 2, named(etherTypes, hex)},
	}, title: func(h []byte) string {
		if len(h) < 12 {
			return ""
		}
		return mac(h[6:12]) + " → " + mac(h[:6])
	}},
	packet.KindVLAN:        vlan("802.1Q tag"),
	packet.KindServiceVLAN: vlan("802.1ad service tag"),
	packet.KindSLL: {name: "Linux cooked capture", field: "sll", fields: []field{
		{"Packet type", "sll.pkttype", 0, 2, dec}, {"Hardware type", "sll.hatype", 2, 2, dec}, {"Address length", "sll.halen", 4, 2, dec},
		{"Source", "sll.src.eth", 6, 6, mac}, {"Protocol", "sll.etype", 14, 2, named(etherTypes, hex)},
	}},
	packet.KindSLL2: {name: "Linux cooked capture v2", field: "sll", fields: []field{
		{"Protocol", "sll.etype", 0, 2, named(etherTypes, hex)}, {"Interface", "sll.ifindex", 4, 4, dec}, {"Hardware type", "sll.hatype", 8, 2, dec},
		{"Packet type", "sll.pkttype", 10, 1, dec}, {"Address length", "sll.halen", 11, 1, dec}, {"Source", "sll.src.eth", 12, 6, mac},
	}},
	packet.KindARP: {name: "Address Resolution Protocol", field: "arp", fields: []field{
		{"Hardware type", "arp.hw.type", 0, 2, dec}, {"Protocol type", "arp.proto.type", 2, 2, named(etherTypes, hex)},
		{"Hardware size", "arp.hw.size", 4, 1, dec}, {"Protocol size", "arp.proto.size", 5, 1, dec},
		{"Operation", "arp.opcode", 6, 2, named(map[uint64]string{1: "request", 2: "reply"}, dec)},
		{"Sender hardware address", "arp.src.hw_mac", 8, 6, mac}, {"Sender address", "arp.src.proto_ipv4", 14, 4, ip},
		{"Target hardware address", "arp.dst.hw_mac", 18, 6, mac}, {"Target address", "arp.dst.proto_ipv4", 24, 4, ip},
	}},
	packet.KindIPv4: {name: "Internet Protocol version 4", field: "ip", fields: []field{
		{"Version", "ip.version", 0, 1, part(4, 4)}, {"Header length", "ip.hdr_len", 0, 1, times(0, 4, 4, " bytes")},
		{"DSCP", "ip.dsfield.dscp", 1, 1, part(2, 6)}, {"ECN", "ip.dsfield.ecn", 1, 1, part(0, 2)},
		{"Total length", "ip.len", 2, 2, dec}, {"Identification", "ip.id", 4, 2, hex},
		{"Flags", "ip.flags", 6, 1, func(b []byte) string {
			return map[byte]string{0: "none", 1: "more fragments", 2: "don't fragment", 3: "don't fragment, more fragments"}[b[0]>>5&3]
		}},
		{"Fragment offset", "ip.frag_offset", 6, 2, times(0, 13, 8, " bytes")},
		{"Time to live", "ip.ttl", 8, 1, dec}, {"Protocol", "ip.proto", 9, 1, named(protocols, dec)},
		{"Checksum", "ip.checksum", 10, 2, hex}, {"Source", "ip.src", 12, 4, ip}, {"Destination", "ip.dst", 16, 4, ip},
	}, title: func(h []byte) string {
		if len(h) < 20 {
			return ""
		}
		return ip(h[12:16]) + " → " + ip(h[16:20])
	}, more: func(_ *builder, n *Node, h []byte, off int) {
		if len(h) > 20 {
			n.Nodes = append(n.Nodes, Node{Name: "Options", Value: raw(h[20:]), Off: off + 20, Len: len(h) - 20})
		}
	}},
	packet.KindIPv6: {name: "Internet Protocol version 6", field: "ipv6", fields: []field{
		{"Version", "ipv6.version", 0, 1, part(4, 4)}, {"Traffic class", "ipv6.tclass", 0, 2, part(4, 8)},
		{"Flow label", "ipv6.flow", 0, 4, part(0, 20)}, {"Payload length", "ipv6.plen", 4, 2, dec},
		{"Next header", "ipv6.nxt", 6, 1, named(protocols, dec)}, {"Hop limit", "ipv6.hlim", 7, 1, dec},
		{"Source", "ipv6.src", 8, 16, ip}, {"Destination", "ipv6.dst", 24, 16, ip},
	}, title: func(h []byte) string {
		if len(h) < 40 {
			return ""
		}
		return ip(h[8:24]) + " → " + ip(h[24:40])
	}},
	packet.KindTCP: {name: "Transmission Control Protocol", field: "tcp", fields: []field{
		{"Source port", "tcp.srcport", 0, 2, dec}, {"Destination port", "tcp.dstport", 2, 2, dec},
		{"Sequence number", "tcp.seq_raw", 4, 4, dec}, {"Acknowledgment number", "tcp.ack_raw", 8, 4, dec},
		{"Header length", "tcp.hdr_len", 12, 1, times(4, 4, 4, " bytes")}, {"Flags", "tcp.flags", 12, 2, tcpFlags},
		{"Window", "tcp.window_size_value", 14, 2, dec}, {"Checksum", "tcp.checksum", 16, 2, hex}, {"Urgent pointer", "tcp.urgent_pointer", 18, 2, dec},
	}, title: ports, more: tcpOptions},
	packet.KindUDP: {name: "User Datagram Protocol", field: "udp", fields: []field{
		{"Source port", "udp.srcport", 0, 2, dec}, {"Destination port", "udp.dstport", 2, 2, dec},
		{"Length", "udp.length", 4, 2, dec}, {"Checksum", "udp.checksum", 6, 2, hex},
	}, title: ports},
	packet.KindSCTP: {name: "Stream Control Transmission Protocol", field: "sctp", fields: []field{
		{"Source port", "sctp.srcport", 0, 2, dec}, {"Destination port", "sctp.dstport", 2, 2, dec},
		{"Verification tag", "sctp.verification_tag", 4, 4, hex}, {"Checksum", "sctp.checksum", 8, 4, hex},
	}, title: ports},
	packet.KindICMP: {name: "Internet Control Message Protocol", field: "icmp", fields: []field{
		{"Type", "icmp.type", 0, 1, named(map[uint64]string{0: "echo reply", 3: "destination unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded"}, dec)},
		{"Code", "icmp.code", 1, 1, dec}, {"Checksum", "icmp.checksum", 2, 2, hex}, {"Identifier", "icmp.ident", 4, 2, dec}, {"Sequence", "icmp.seq", 6, 2, dec},
	}},
	packet.KindICMPv6: {name: "Internet Control Message Protocol v6", field: "icmpv6", fields: []field{
		{"Type", "icmpv6.type", 0, 1, named(map[uint64]string{
			1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 128: "echo request", 129: "echo reply",
			133: "router solicitation", 134: "router advertisement", 135: "neighbor solicitation", 136: "neighbor advertisement", 143: "multicast listener report",
		}, dec)},
		{"Code", "icmpv6.code", 1, 1, dec}, {"Checksum", "icmpv6.checksum", 2, 2, hex},
	}},
	packet.KindGRE: {name: "Generic Routing Encapsulation", field: "gre", fields: []field{
		{"Flags and version", "gre.flags_and_version", 0, 2, hex}, {"Protocol", "gre.proto", 2, 2, named(etherTypes, hex)},
	}},
	packet.KindVXLAN:    {name: "Virtual eXtensible Local Area Network", field: "vxlan", fields: []field{{"Flags", "vxlan.flags", 0, 2, hex}, {"Network identifier", "vxlan.vni", 4, 3, dec}}},
	packet.KindMPLS:     {name: "MultiProtocol Label Switching", field: "mpls", fields: []field{{"Label", "mpls.label", 0, 3, part(4, 20)}, {"Time to live", "mpls.ttl", 3, 1, dec}}},
	packet.KindHopByHop: {name: "IPv6 hop-by-hop options", field: "ipv6.hopopts", fields: []field{{"Next header", "ipv6.hopopts.nxt", 0, 1, named(protocols, dec)}}},
	packet.KindRouting:  {name: "IPv6 routing header", field: "ipv6.routing", fields: []field{{"Next header", "ipv6.routing.nxt", 0, 1, named(protocols, dec)}, {"Type", "ipv6.routing.type", 2, 1, dec}, {"Segments left", "ipv6.routing.segleft", 3, 1, dec}}},
	packet.KindFragment: {name: "IPv6 fragment header", field: "ipv6.fraghdr", fields: []field{{"Next header", "ipv6.fraghdr.nxt", 0, 1, named(protocols, dec)}, {"Offset", "ipv6.fraghdr.offset", 2, 2, times(3, 13, 8, " bytes")}, {"More fragments", "ipv6.fraghdr.more", 3, 1, part(0, 1)}, {"Identification", "ipv6.fraghdr.ident", 4, 4, hex}}},
	packet.KindDestOpts: {name: "IPv6 destination options", field: "ipv6.dstopts", fields: []field{{"Next header", "ipv6.dstopts.nxt", 0, 1, named(protocols, dec)}}},
	packet.KindIGMP:     {name: "Internet Group Management Protocol", field: "igmp", fields: []field{{"Type", "igmp.type", 0, 1, hex}}},
	packet.KindNull:     {name: "Loopback", field: "null", fields: []field{{"Family", "null.family", 0, 4, hex}}},
	packet.KindLLC:      {name: "Logical-Link Control", field: "llc", fields: []field{{"DSAP", "llc.dsap", 0, 1, hex}, {"SSAP", "llc.ssap", 1, 1, hex}}},
	packet.KindPPPoE:    {name: "PPP over Ethernet", field: "pppoe", fields: []field{{"Code", "pppoe.code", 1, 1, hex}, {"Session", "pppoe.session_id", 2, 2, hex}, {"Length", "pppoe.payload_length", 4, 2, dec}}},
	packet.KindPPPoED:   {name: "PPP over Ethernet, discovery", field: "pppoe", fields: []field{{"Code", "pppoe.code", 1, 1, hex}, {"Session", "pppoe.session_id", 2, 2, hex}, {"Length", "pppoe.payload_length", 4, 2, dec}}},
}

func vlan(name string) layout {
	return layout{name: name, field: "vlan", fields: []field{
		{"Priority", "vlan.priority", 0, 2, part(13, 3)}, {"Drop eligible", "vlan.dei", 0, 2, part(12, 1)},
		{"Identifier", "vlan.id", 0, 2, part(0, 12)}, {"Type", "vlan.etype", 2, 2, named(etherTypes, hex)},
	}}
}

// tcpOptions reads the options of a TCP header (RFC 9293, section 3.2).
func tcpOptions(b *builder, n *Node, h []byte, off int) {
	if len(h) <= 20 {
		return
	}
	all := Node{Name: "Options", Field: "tcp.options", Value: bytesText(len(h) - 20), Off: off + 20, Len: len(h) - 20}
	for i := 20; i < len(h) && b.count < maxNodes; {
		b.count++
		kind := h[i]
		if kind <= 1 {
			all.Nodes = append(all.Nodes, Node{Name: []string{"End of options", "No operation"}[kind], Off: off + i, Len: 1})
			i++
			if kind == 0 {
				break
			}
			continue
		}
		if i+1 >= len(h) || h[i+1] < 2 || i+int(h[i+1]) > len(h) {
			all.Nodes = append(all.Nodes, Node{Name: "Damaged option", Off: off + i, Len: len(h) - i, Warn: true})
			break
		}
		size := int(h[i+1])
		all.Nodes = append(all.Nodes, tcpOption(kind, h[i+2:i+size], off+i, size))
		i += size
	}
	n.Nodes = append(n.Nodes, all)
}

func tcpOption(kind byte, v []byte, off, size int) Node {
	n := Node{Name: fmt.Sprintf("Option %d", kind), Value: raw(v), Off: off, Len: size}
	switch {
	case kind == 2 && len(v) == 2:
		n.Name, n.Field, n.Value = "Maximum segment size", "tcp.options.mss_val", dec(v)
	case kind == 3 && len(v) == 1:
		n.Name, n.Field, n.Value = "Window scale", "tcp.options.wscale.shift", dec(v)
	case kind == 4:
		n.Name, n.Value = "SACK permitted", ""
	case kind == 5 && len(v)%8 == 0:
		n.Name = "SACK"
		var blocks []string
		for ; len(v) >= 8; v = v[8:] {
			blocks = append(blocks, fmt.Sprintf("%d-%d", binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])))
		}
		n.Value = strings.Join(blocks, ", ")
	case kind == 8 && len(v) == 8:
		n.Name, n.Value = "Timestamps", fmt.Sprintf("%s, echo %s", dec(v[:4]), dec(v[4:]))
	}
	return n
}
