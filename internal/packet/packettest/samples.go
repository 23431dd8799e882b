package packettest

import "encoding/binary"

// Sample is one packet with the LINKTYPE_ number of the link that it was seen on.
type Sample struct {
	Name string
	Link uint16
	Data []byte
}

// EtherTypes and IP protocols that the samples use.
const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd

	tcp, udp, icmp6 = 6, 17, 58
)

var (
	text    = []byte("hello world!")
	segment = TCP(text, 2, 4, 5, 180)

	inner4 = IPv4Between("192.0.2.1", "192.0.2.2", tcp, segment)
	inner6 = IPv6(udp, UDP(1000, 4321, text))
	innerE = Ethernet(typeIPv4, inner4)
)

// over4 returns a frame with an IPv4 packet.
func over4(proto uint8, parts ...[]byte) []byte {
	return Ethernet(typeIPv4, IPv4(proto, Join(parts...)))
}

// over6 returns a frame with an IPv6 packet.
func over6(next uint8, parts ...[]byte) []byte { return Ethernet(typeIPv6, IPv6(next, Join(parts...))) }

// overUDP returns a frame with a UDP datagram over IPv4.
func overUDP(src, dst uint16, parts ...[]byte) []byte { return over4(udp, UDP(src, dst, parts...)) }

// gtp returns a GTP-U packet with a user's packet.
func gtp(flags byte, extra string, inner []byte) []byte {
	ext := Hex(extra)
	h := []byte{flags, 255, 0, 0, 0, 0, 0, 1}
	binary.BigEndian.PutUint16(h[2:], uint16(len(ext)+len(inner)))
	return Join(h, ext, inner)
}

// pppoe returns a PPPoE session frame.
func pppoe(inner []byte) []byte {
	h := Hex("1100 0001 0000")
	binary.BigEndian.PutUint16(h[4:], uint16(len(inner)))
	return Ethernet(0x8864, h, inner)
}

// Samples returns packets of every kind, freshly made.
func Samples() []Sample {
	var all []Sample
	for _, group := range [][]Sample{plainSamples(), linkSamples(), networkSamples(), tunnelSamples(), quotedSamples()} {
		all = append(all, group...)
	}
	return all
}

func plainSamples() []Sample {
	return []Sample{
		{"tcp4", 1, Ethernet(typeIPv4, IPv4(tcp, segment))},
		{"udp4", 1, overUDP(1000, 4321, text)},
		{"tcp6", 1, over6(tcp, segment)},
		{"udp6", 1, over6(udp, UDP(1000, 4321, text))},
		{"sctp", 1, over4(132, Hex("03e8 10e1 00000001 00000000 0003 0014 00000001 0000 0000 00000000 61626364"))},
		{"udplite", 1, over4(136, Hex("03e8 10e1 0008 0000"), text)},
		{"dccp", 1, over4(33, Hex("03e8 10e1 04 00 0000 01 000000 00000000"), text)},
		{"icmp echo", 1, over4(1, Hex("0800 0000 0001 0002"), text)},
		{"icmpv6 echo", 1, over6(icmp6, Hex("8000 0000 0001 0002"), text)},
		{"igmp", 1, over4(2, Hex("1600 0000 e0000001"))},
		{"ospf", 1, over4(89, make([]byte, 44))},
		{"esp", 1, over4(50, Hex("00000001 00000002"), text)},
		{"arp", 1, Ethernet(0x0806, Hex("0001 0800 06 04 0001 020000000002 c0000201 000000000000 c0000202"))},
		{"lldp", 1, Ethernet(0x88cc, Hex("0207040002aabbccdd 0000"))},
		{"stp", 1, Ethernet(38, Hex("424203"), make([]byte, 35))},
	}
}

func linkSamples() []Sample {
	wlan := Join(Hex("0802 0000 020000000001 020000000002 020000000003 0000"), Hex("aaaa03000000 0800"), inner4)
	return []Sample{
		{"vlan", 1, Ethernet(0x8100, Hex("2007 0800"), inner4)},
		{"qinq", 1, Ethernet(0x8100, Hex("0007 8100 2008 86dd"), inner6)},
		{"service vlan", 1, Ethernet(0x88a8, Hex("0007 8100 2008 0800"), inner4)},
		{"provider backbone", 1, Ethernet(0x88e7, Hex("00000007"), innerE)},
		{"snap", 1, LLC(typeIPv4, inner4)},
		{"llc ip", 1, Ethernet(uint16(3+len(inner4)), Hex("060603"), inner4)},
		{"mpls", 1, Ethernet(0x8847, Hex("00064040 00065140"), inner4)},
		{"mpls v6", 1, Ethernet(0x8847, Hex("00064140"), inner6)},
		{"mpls channel", 1, Ethernet(0x8847, Hex("00064140 10000021"), inner4)},
		{"pppoe", 1, pppoe(Join(Hex("0021"), inner4))},
		{"pppoe discovery", 1, Ethernet(0x8863, Hex("1109 0000 0004 0101 0000"))},
		{"pppoe v6", 1, pppoe(Join(Hex("0057"), inner6))},
		{"trill", 1, Ethernet(0x22f3, Hex("0020 0001 0002"), innerE)},
		{"vn-tag", 1, Ethernet(0x8926, Hex("00000000 0800"), inner4)},
		{"e-tag", 1, Ethernet(0x893f, Hex("000000000000 0800"), inner4)},
		{"nsh", 1, Ethernet(0x894f, Hex("00020201 00000001"), inner4)},
		{"cooked", 113, Join(Hex("0000 0001 0006 020000000001 0000 0800"), inner4)},
		{"cooked vlan", 113, Join(Hex("0000 0001 0006 020000000001 0000 8100 0007 86dd"), inner6)},
		{"cooked2", 276, Join(Hex("0800 0000 00000002 0001 00 06 0200000000010000"), inner4)},
		{"null", 0, Join(Hex("02000000"), inner4)},
		{"null big-endian", 0, Join(Hex("0000001e"), inner6)},
		{"loop", 108, Join(Hex("00000018"), inner6)},
		{"raw v4", 101, inner4},
		{"raw v6", 101, inner6},
		{"ipv4", 228, inner4},
		{"ipv6", 229, inner6},
		{"ppp", 9, Join(Hex("ff030021"), inner4)},
		{"ppp compressed", 9, Join(Hex("57"), inner6)},
		{"ppp hdlc", 50, Join(Hex("ff030281 00064140"), inner4)},
		{"cisco hdlc", 104, Join(Hex("0f000800"), inner4)},
		{"frame relay", 107, Join(Hex("184103cc"), inner4)},
		{"token ring", 6, Join(Hex("1040 020000000001 820000000002 0630 00100020 aaaa03000000 0800"), inner4)},
		{"fddi", 10, Join(Hex("50 020000000001 020000000002 aaaa03000000 0800"), inner4)},
		{"atm", 100, Join(Hex("aaaa03000000 0800"), inner4)},
		{"802.11", 105, wlan},
		{"802.11 qos", 105, Join(Hex("8802 0000 020000000001 020000000002 020000000003 0000 0000 aaaa03000000 0800"), inner4)},
		{"radiotap", 127, Join(Hex("0000 0900 02000000 10"), wlan, Hex("01020304"))},
		{"ppi", 192, Join(Hex("0000 0800 69000000"), wlan)},
		{"pflog", 117, Join(Hex("3d020000"), make([]byte, 60), inner4)},
		{"nflog", 239, Join(Hex("02000000 0800 0100 08000300"), []byte{byte(4 + len(inner4)), 0, 9, 0}, inner4)},
	}
}

func networkSamples() []Sample {
	return []Sample{
		{"ip options", 1, Ethernet(typeIPv4, IPv4(udp, UDP(1000, 4321, text), 7, 7, 4, 9, 9, 9, 9, 0))},
		{"ip source route", 1, Ethernet(typeIPv4, IPv4(udp, UDP(1000, 4321, text), 131, 7, 4, 9, 9, 9, 9, 0))},
		{"ip length 0", 1, func() []byte {
			f := Ethernet(typeIPv4, IPv4(tcp, segment))
			f[16], f[17] = 0, 0
			return f
		}()},
		{"ip in ip", 1, over4(4, inner4)},
		{"6in4", 1, over4(41, inner6)},
		{"4in6", 1, over6(4, inner4)},
		{"ip in ip in ip", 1, over4(4, IPv4Between("3.3.3.3", "4.4.4.4", 41, inner6))},
		{"ah", 1, over4(51, Hex("0604 0000 00000001 00000002 aaaaaaaa aaaaaaaa aaaaaaaa"), segment)},
		{"hop-by-hop", 1, over6(0, Hex("3c00 05020000 0100"), Hex("0600 0104 00000000"), segment)},
		{"routing", 1, over6(43, Hex("0602 0001 00000000 20010db8000000000000000000000009"), segment)},
		{"fragment of one", 1, over6(44, Hex("0600 0000 00000001"), segment)},
		{"jumbogram", 1, func() []byte {
			p := Join(Hex("0600 c204 0001117c"), TCP(make([]byte, 69984)))
			return Ethernet(typeIPv6, IPv6(0, p))
		}()},
		{"ethernet in ip", 1, over4(97, Hex("3000"), innerE)},
		{"pim register", 1, over4(103, Hex("2100 0000 00000000"), inner4)},
	}
}

func tunnelSamples() []Sample {
	return []Sample{
		{"gre", 1, over4(47, Hex("0000 0800"), inner4)},
		{"gre key", 1, over4(47, Hex("b000 86dd 00000000 00000001 00000002"), inner6)},
		{"gre ethernet", 1, over4(47, Hex("0000 6558"), innerE)},
		{"gre pptp", 1, over4(47, Hex("3081 880b 003c 0007 00000001 00000005 ff030021"), inner4)},
		{"erspan 1", 1, over4(47, Hex("0000 88be"), innerE)},
		{"erspan 2", 1, over4(47, Hex("1000 88be 00000001 1001 0001 00000001"), innerE)},
		{"erspan 3", 1, over4(47, Hex("1000 22eb 00000001 2001 0001 00000001 0000 0000"), innerE)},
		{"vxlan", 1, overUDP(50000, 4789, Hex("0800000000000100"), innerE)},
		{"vxlan from a taken port", 1, overUDP(53, 4789, Hex("0800000000000100"), innerE)},
		{"vxlan from the port of radius", 1, overUDP(1812, 4789, Hex("0800000000000100"), innerE)},
		{"geneve from the port of sip", 1, overUDP(5060, 6081, Hex("0000 6558 00000100"), innerE)},
		{"vxlan-gpe", 1, overUDP(50000, 4790, Hex("0c000004 00000100 00020201 00000001"), inner4)},
		{"geneve", 1, overUDP(50000, 6081, Hex("0240 6558 00000100 0102 8001 01020304"), innerE)},
		{"gtp", 1, overUDP(2152, 2152, gtp(0x30, "", inner4))},
		{"gtp extension", 1, overUDP(2152, 2152, gtp(0x34, "00000085 01100900", inner6))},
		{"gtp version 2", 1, overUDP(2123, 2123, Hex("4820 000d 00000000 00000100 4b00 0100 07"))},
		{"teredo", 1, overUDP(50000, 3544, inner6)},
		{"teredo origin", 1, overUDP(3544, 50000, Hex("0001 0000 0102030405060708 00 0000 1234 01020304"), inner6)},
		{"ayiya", 1, overUDP(5072, 5072, Hex("44 52 11 29 00000000"), make([]byte, 36), inner6)},
		{"l2tp", 1, overUDP(1701, 1701, Hex("0002 0001 0002 ff030021"), inner4)},
		{"lisp", 1, overUDP(50000, 4341, Hex("c0000001 00000001"), inner4)},
		{"mpls in udp", 1, overUDP(50000, 6635, Hex("00064140"), inner4)},
		{"capwap", 1, overUDP(50000, 5247, Hex("00100000 00000000"), innerE)},
		{"tzsp", 1, overUDP(50000, 37008, Hex("01000001 0a01ff 00 0b020102 01"), innerE)},
		{"esp in udp", 1, overUDP(4500, 4500, Hex("00000001 00000002"), text)},
	}
}

func quotedSamples() []Sample {
	inner := IPv4Between("10.0.0.2", "10.0.0.1", tcp, segment)
	return []Sample{
		{"unreachable", 1, over4(1, Hex("0301 0000 0000 0000"), inner)},
		{"unreachable cut", 1, over4(1, Hex("0301 0000 0000 0000"), inner[:28])},
		{"time exceeded with extension", 1, over4(1, Hex("0b00 0000 0020 0000"), inner, make([]byte, 128-len(inner)), Hex("2000 0000 0008 0101 00064140"))},
		{"redirect", 1, over4(1, Hex("0501 0000 0a000003"), inner)},
		{"unreachable in gtp", 1, overUDP(2152, 2152, gtp(0x30, "", IPv4(1, Join(Hex("0303 0000 0000 0000"), inner))))},
		{"v6 too big", 1, over6(icmp6, Hex("0200 0000 00000500"), IPv6(tcp, segment))},
		{"v6 redirect", 1, over6(icmp6, Hex("8900 0000 00000000"), make([]byte, 32), Hex("0201 020000000001 0408 0000 00000000"), inner6[:56])},
	}
}
