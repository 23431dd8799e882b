// Package filterdiff compares the project's filter compiler with the real tcpdump: what is accepted, and which packets
// are matched. The corpus is here, without the test, so that benchmarks can use it.
package filterdiff

import "strings"

// Case is an expression for a link type (LINKTYPE_ value).
type Case struct {
	LinkType int
	Expr     string
}

// LinkTypes are the link types of the corpus, Ethernet first.
var LinkTypes = []int{1, 0, 108, 101, 228, 229, 113, 276, 9, 127, 105, 104, 51, 10, 6, 107, 100, 163, 192, 119}

// directions and the qualifiers that they go with.
var directions = []string{"", "src ", "dst ", "src or dst ", "dst or src ", "src and dst ", "dst and src "}

// Handwritten is the corpus by hand: every primitive of the manual with every qualifier, for every link type, and what
// people write.
func Handwritten() []Case {
	var out []Case
	for i, lt := range LinkTypes {
		for _, e := range primitives() {
			out = append(out, Case{lt, e})
		}
		if i >= 10 {
			continue
		}
		for _, e := range everyday {
			out = append(out, Case{lt, e})
		}
	}
	for _, lt := range []int{1, 127, 113, 101} {
		for _, e := range qualified() {
			out = append(out, Case{lt, e})
		}
	}
	for _, e := range wireless {
		out = append(out, Case{127, e}, Case{105, e}, Case{119, e}, Case{192, e}, Case{163, e})
	}
	for _, e := range tunnels {
		out = append(out, Case{1, e}, Case{9, e}, Case{127, e}, Case{113, e})
	}
	for _, e := range oddities {
		out = append(out, Case{1, e}, Case{276, e})
	}
	for _, e := range SyntaxErrors {
		out = append(out, Case{1, e})
	}
	return out
}

// primitives are those without an id, and one id of each kind.
func primitives() []string {
	return strings.Split(`ip,ip6,arp,rarp,tcp,udp,sctp,icmp,icmp6,igmp,igrp,pim,ah,esp,vrrp,carp,atalk,aarp,decnet,lat,sca,`+
		`moprc,mopdl,iso,esis,es-is,isis,is-is,clnp,stp,ipx,netbeui,l1,l2,iih,lsp,snp,csnp,psnp,broadcast,multicast,`+
		`ether broadcast,ether multicast,ip broadcast,ip multicast,ip6 multicast,ip6 broadcast,vlan,vlan 5,mpls,mpls 7,`+
		`pppoed,pppoes,pppoes 0x27,geneve,geneve 11,inbound,outbound,ifindex 2,less 100,greater 100,llc,llc i,llc s,llc u,`+
		`llc rr,llc rnr,llc rej,llc ui,llc ua,llc disc,llc dm,llc sabme,llc test,llc xid,llc frmr,proto 6,proto 17,`+
		`proto \tcp,proto \udp,proto ospf,ip proto 6,ip proto \tcp,ip6 proto 17,ip6 proto \udp,ip proto 300,ether proto 0x800,`+
		`ether proto \ip,ether proto \ip6,ether proto \arp,ether proto \aarp,ether proto \iso,ether proto \stp,`+
		`ether proto \ipx,ether proto \netbeui,ether proto \loopback,ether proto 0x88cc,ether proto 6,ether proto 0x42,`+
		`iso proto 0x83,iso proto \isis,iso proto \clnp,isis proto 15,link proto 2048,len > 60,len <= 60,len = 54,`+
		`len - 14 != 40,host 10.0.0.1,host 10.0.1,host 10.1,host 2001:db8::1,net 10,net 10.0.0.0/8,net 10.0.0.0 mask 255.0.0.0,`+
		`net 192.168.1,net 0.0.0.0/0,net 2001:db8::/32,net ::/0,net 2001:db8::1,port 80,port http,port domain,portrange 80-90,`+
		`portrange ftp-data-90,portrange 80-http,portrange 90-80,portrange 53,ether host 02:00:00:00:00:01,`+
		`ether host 02-00-00-00-00-01,ether host 0200.0000.0001,ether host 020000000001,ether host 2.0.0.0.0.1,`+
		`ether[0] & 1 != 0,link[0] = 1,link[1:2] = 0x0203,ip[0] & 0xf != 5,ip[6:2] & 0x1fff = 0,ip[8] < 5,ip6[6] = 6,`+
		`tcp[tcpflags] & (tcp-syn|tcp-fin) != 0,tcp[tcpflags] & (tcp-rst|tcp-ack) == (tcp-rst|tcp-ack),udp[4:2] > 20,`+
		`icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply,icmp6[icmp6type] = icmp6-echo,arp[6:2] = 1,`+
		`sctp[0:2] = 80,igmp[0] = 0x16,pim[0] = 0x20,vrrp[0] = 0x21,rarp[7] = 3,icmp[0] = 8,atalk[0] = 1,`+
		`byte 0 = 2,byte 12 > 7,byte 13 < 1,radio[0] = 0,radio[2:2] > 8`, ",")
}

// qualified are ids with all the qualifiers that can stand before them.
func qualified() []string {
	var out []string
	for _, d := range directions {
		for _, p := range []string{"", "ip ", "arp ", "rarp "} {
			for _, id := range []string{"host 10.0.0.1", "net 10.0.0.0/24", "10.0.0.2"} {
				if d == "" && id == "10.0.0.2" {
					continue
				}
				out = append(out, p+d+id)
			}
		}
		for _, p := range []string{"", "ip6 "} {
			out = append(out, p+d+"host 2001:db8::1", p+d+"net 2001:db8::/48")
		}
		for _, p := range []string{"", "tcp ", "udp ", "sctp "} {
			out = append(out, p+d+"port 80", p+d+"portrange 50-90")
		}
		for _, p := range []string{"ether ", "wlan ", "link ", "fddi ", "tr "} {
			out = append(out, p+d+"host 02:00:00:00:00:02")
		}
		if d != "" {
			out = append(out, "ether "+d+"2:0:0:0:0:1")
		}
		out = append(out, "decnet "+d+"host 10.15")
	}
	// Qualifiers that do not fit: both programs refuse them.
	for _, p := range []string{"tcp", "udp", "sctp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp", "ah", "esp", "icmp6",
		"atalk", "aarp", "lat", "sca", "moprc", "mopdl", "iso", "esis", "isis", "clnp", "stp", "ipx", "netbeui", "l1",
		"radio", "ip6", "link"} {
		out = append(out, p+" host 10.0.0.1", p+" net 10.0.0.0/8", p+" proto 6", p+" port 80", p+" host ::1",
			p+" broadcast", p+" multicast", p+"[0] = 1")
	}
	for _, a := range []string{"addr1", "addr2", "addr3", "addr4", "ra", "ta", "address1"} {
		out = append(out, "host "+a, a+" host 10.0.0.1", a+" port 80", "wlan "+a+" 02:00:00:00:00:01", a+" net ::/0")
	}
	return out
}

// everyday is what people type, from manuals and troubleshooting guides.
var everyday = []string{
	"tcp port 80 or tcp port 443", "tcp port 80 or 443", "port 80 or 443", "port 80 or port 443 or port 8080",
	"tcp dst port 22 or 23 or 3389", "not port 22", "not (port 22 or port 53)", "tcp and not port 22",
	"host 10.0.0.1 and port 80", "host 10.0.0.1 and (port 80 or port 443)", "host 10.0.0.1 or host 10.0.0.2",
	"host 10.0.0.1 and not host 10.0.0.2", "src host 10.0.0.1 and dst port 80", "src net 10.0.0.0/24 and dst net 10.0.1.0/24",
	"src 10.0.0.1", "dst 10.0.0.1 or 10.0.0.2", "host 10.0.0.1 and 10.0.0.2", "net 10.0.0.0/8 or net 172.16.0.0/12 or net 192.168.0.0/16",
	"not net 10.0.0.0/8 and not net 192.168.0.0/16", "icmp or icmp6", "icmp and host 10.0.0.1", "arp or icmp", "arp and host 10.0.0.1",
	"udp port 53 or tcp port 53", "udp port 67 or udp port 68", "udp portrange 5060-5070", "port domain or ntp", "tcp port http or https",
	"tcp[13] & 2 != 0", "tcp[13] == 18", "tcp[tcpflags] == tcp-syn", "tcp[tcpflags] & (tcp-syn) != 0 and tcp[tcpflags] & (tcp-ack) == 0",
	"tcp[tcpflags] & tcp-rst != 0", "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
	"tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)", "port 80 and tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x48545450",
	"ip[8] < 10", "ip[0] & 15 > 5", "ip[6] = 64", "((ip[6:2] > 0) and (not ip[6] = 64))", "ip[6:2] & 0x3fff != 0", "ip[1] & 0xfc == 0xb8",
	"ether[0] & 1 = 0 and ip[16] >= 224", "greater 1000 and tcp", "less 64 and not arp", "ip6 and tcp", "ip6 and not icmp6",
	"ip6 host 2001:db8::1 and tcp port 80", "ip6 proto 58", "ip6[6] = 44", "ip6[40] = 128", "multicast and not broadcast",
	"ether multicast and not broadcast", "not broadcast and not multicast", "ip multicast", "(tcp or udp) and (port 80 or port 443)",
	"(arp or rarp) or icmp", "tcp or udp or icmp", "tcp or udp or sctp", "not tcp and not udp", "not (tcp or udp)", "!tcp && !udp", "!(tcp||udp)",
	"src or dst port 80", "src and dst port 53", "src port 80 or dst port 80", "port not 80", "host 10.0.0.1 and port (80 or 443)",
	"tcp src port 80 and dst port 1234", "tcp and (src 10.0.0.1 or dst 10.0.0.2)", "udp and port 53 and host 10.0.0.53",
	"icmp[0] = 3 and icmp[1] = 4", "icmp[icmptype] = icmp-unreach", "icmp[icmptype] == icmp-timxceed and icmp[icmpcode] == 0",
	"udp[8:4] = 0x01020304", "udp[10] & 0x80 = 0 and udp port 53", "esp or udp port 500 or udp port 4500", "proto 47 or proto 50",
	"proto 89 or port 179", "ip proto 132", "port 5060 or portrange 10000-20000", "net 224.0.0.0/4", "dst net 239.0.0.0/8",
	"vlan and host 10.0.0.1", "vlan 100 and tcp", "vlan and vlan", "vlan 100 and vlan 200", "tcp or vlan and tcp", "mpls and ip",
	"mpls 1000 and host 10.0.0.1", "pppoes and ip", "pppoes and tcp port 80", "pppoed or pppoes", "tcp and not tcp", "ip or not ip",
	"src host 10.0.0.1 or 10.0.0.2 or 10.0.0.3 or 10.0.0.4", "tcp port 1 or 2 or 3 or 4 or 5 or 6 or 7 or 8 or 9 or 10",
	"host 35.199.111.15 or host 35.247.221.22", "tcp and (host 35.199.111.15 or host 35.247.221.22)", "tcp or udp",
	"tcp and host 10.0.0.1 and port 80 and not port 22 and greater 60", "ip and ip[9] = 6 and ip[12:4] = 0x0a000001",
	"ip src 10.0.0.1 and ip dst 10.0.0.2", "ip host 10.0.0.1", "dst host 10.0.0.2 and tcp dst port 80", "ip6 net 2001:db8::/32 and udp",
	"host 2001:db8::1 or host 10.0.0.1", "port 443 and not (host 10.0.0.1 or net 192.168.0.0/24)", "1 = 1", "1 = 2", "len > 0", "not len > 0",
}

// wireless are 802.11's own primitives.
var wireless = []string{
	"type mgt", "type ctl", "type data", "type management", "type control", "type 0", "type 4", "type 8", "type 1", "type foo",
	"wlan type mgt", "type mgt subtype beacon", "type mgt subtype probe-req", "type ctl subtype rts", "type ctl subtype ack",
	"type data subtype qos-data", "type data subtype null", "type mgt subtype 0x80", "type mgt subtype 1", "type ctl subtype beacon",
	"subtype beacon", "subtype deauth", "subtype qos", "subtype cts", "subtype data", "subtype nonsense", "dir nods", "dir tods",
	"dir fromds", "dir dstods", "dir 2", "dir sideways", "direction tods", "wlan addr1 02:00:00:00:00:01", "wlan addr2 02:00:00:00:00:01",
	"wlan addr3 02:00:00:00:00:01", "wlan addr4 02:00:00:00:00:01", "wlan ra 02:00:00:00:00:01", "wlan ta 02:00:00:00:00:01",
	"wlan host 02:00:00:00:00:01", "wlan src host 02:00:00:00:00:01", "wlan dst host 02:00:00:00:00:01",
	"wlan src and dst host 02:00:00:00:00:01", "wlan broadcast", "wlan multicast", "wlan[0] & 0xc = 8", "radio[0:2] = 0",
	"type data and tcp", "type mgt or port 80", "not type ctl", "wlan host 02:00:00:00:00:01 and tcp port 80", "wlan[1] & 3 = 1 and ip",
	"ip[ip[0] & 0xf] > 3", "tcp[tcp[12] >> 4] = 1", "tcp[len - 60] = 0", "wlan[radio[2]] = 8", "vlan 5 and ip", "llc and ip6",
}

// tunnels change the offsets of what follows them.
var tunnels = []string{
	"geneve and ip", "geneve and tcp", "geneve and tcp port 80", "geneve 11 and host 10.0.0.1", "geneve and arp", "geneve and ether host 02:00:00:00:00:01",
	"geneve and broadcast", "geneve and multicast", "geneve and ip6", "geneve and vlan 5 and ip", "geneve and vlan", "geneve and mpls and ip", "geneve and not tcp",
	"geneve and tcp[13] = 2", "geneve and ip[ip[0]&0xf] = 3", "geneve 16777215", "geneve 16777216", "geneve and geneve", "geneve and pppoes and ip", "geneve and llc",
	"tcp or geneve", "udp port 6081 and geneve and udp", "not geneve", "geneve and ether[0] & 1 = 1", "geneve and len > 100", "vlan and geneve and tcp", "geneve and stp",
	"vlan and tcp", "vlan 5 and host 10.0.0.1", "vlan 5 or vlan 6", "vlan and vlan 5 and tcp port 80", "vlan 4095", "vlan 4096", "vlan and arp", "vlan and ip6 and tcp",
	"vlan and ether[12:2] = 0x8100", "vlan and tcp[13] = 2", "vlan and mpls", "vlan and mpls 7 and ip", "vlan and pppoes and ip", "vlan and vlan and pppoes and tcp", "not vlan", "not vlan and tcp",
	"vlan and stp", "vlan and llc", "vlan and (tcp or udp)", "(vlan and tcp) or tcp", "tcp or (vlan and tcp)", "vlan and len = 58", "vlan (5)", "vlan 0", "vlan 0x5", "vlan and ether proto \\ip",
	"mpls and tcp", "mpls and mpls", "mpls 7 and mpls 8 and ip", "mpls and ip6", "mpls and host 10.0.0.1", "mpls and port 80", "mpls and arp", "mpls and vlan", "mpls and ip[0] = 0x45",
	"mpls 1048575", "mpls 1048576", "mpls and tcp[13] = 2", "mpls and not ip", "not mpls", "mpls and net 10.0.0.0/8", "mpls and host 2001:db8::1", "mpls and mpls and mpls and udp port 53",
	"pppoes and host 10.0.0.1", "pppoes and tcp", "pppoes 39 and ip", "pppoes 65535", "pppoes 65536", "pppoes and ip6", "pppoes and mpls and ip", "pppoes and arp", "pppoes and port 80", "pppoes and iso",
	"pppoes and tcp[13] = 2", "pppoes and vlan", "pppoes and ether host 02:00:00:00:00:01", "pppoes and len > 60", "pppoes and broadcast", "not pppoes", "pppoes and link[0] = 0", "pppoes and ipx",
}

// oddities are places where the language is not what one would think.
var oddities = []string{
	"1 + tcp[0] = 5", "tcp[0] + 1 = 5", "tcp[4:4] & 0xffffffff != 0", "tcp[4:4] & 0xffffffff = 0", "tcp[4:4] & 0xfffffffe = 0",
	"ip[0] % 3 + 1 = 2", "1 + ip[0] % 3 = 2", "ip[0] ^ 5 & 3 = 1", "ip[0] & 5 ^ 3 = 1", "-ip[0] * 3 > 5", "- ip[0] % 7 = 3",
	"ip[0] * 0 = 0", "ip[60] * 0 = 0", "0 * ip[60] = 0", "ip[60] & 0 = 0", "0 / ip[60] = 0", "ip[60] + 0 = 0", "ip[60] | 0 = 0",
	"ip[0] / 2 = 34", "ip[0] / (ip[1]) = 1", "ip[0] % (ip[1] + 1) = 0", "ip[0] / 0 = 1", "ip[0] % 0 = 1", "ip[0] << 32 = 0", "ip[0] >> 31 = 0",
	"ip[0] << (16 + 16) = 0", "1 << ip[0] > 0", "0xffffffff + 2 = 1", "0 - 1 > 5", "tcp and 1+1=3", "1+1=2 and tcp", "tcp or 1=1", "tcp and 1 = 1",
	"ip[2 + 3] = 4", "ip[ip[0]] = 1", "ip[ip[0] & 0xf] = 0", "tcp[tcp[12] >> 2 : 2] = 0x4745", "ip[0:4] = ip[4:4]", "ip[12:4] > ip[16:4]", "ip[12:4] >= ip[16:4]",
	"len = len", "ip[0] = ip[0]", "len - ip[2:2] = 14", "ip[2:2] != len - 14", "ip[60:4] = 3 or tcp", "tcp or ip[60:4] = 3", "not ip[60:4] = 3", "ip[1000] = 0 or udp",
	"tcp port 80 or ip[40:4] = 0 or tcp port 90", "ip src 10.0.0.1 or ip[30] = 3 or ip src 10.0.0.2", "ether[12:2] = 0x800 or ip6", "(tcp and port 80) or (udp and port 53) or (tcp and port 443)",
	"port 80 or (host 10.0.0.1) or 90", "port 80 and (90 or 91)", "port 80 and not 90", "not port 80 and 90", "(port 80) or 90", "host 10.0.0.1 or (10.0.0.2 and 10.0.0.3)", "host (10.0.0.1)", "port (80)", "port ((80))",
	"port not 80", "port not (80 or 81)", "tcp port (not 80 or 81)", "((port 80))", "not not tcp", "not (not tcp)", "! ! tcp", "(((tcp)))", "tcp[(13)] = 2", "(tcp[13]) = 2", "((tcp[13] & 2)) != 0", "(tcp[13] & 2 != 0)",
	"(1) = 1", "((1)) + 1 = 2", "(port 80 or (90 or 91))", "net 10", "net 10.1", "net 10.1.2", "net 10.1.2.3", "net 0", "host 1", "host 0x0a000001", "src 167772161", "net 10.0.0.0/0", "net 10.0.0.1/24", "net 0.0.0.0/0",
	"net 10.0.0.0 mask 255.0.255.0", "net 10.1.0.0 mask 255.0.0.0", "host 10.0.0.0/8", "net 1.2.3.4/33", "net ::1/129", "net 2001:db8::1/64", "net ::ffff:1.2.3.4", "host ::", "host 1::", "host 1:2:3:4:5:6:7:8", "host ::1.2.3.4",
	"host 256.1.1.1", "host 1.2.3.400", "port 65535", "port 65536", "portrange 1-65536", "portrange 80-", "portrange 5", "port 0", "port 080", "port 010", "port 0x50", "port 4294967296", "port 99999999999", "tcp port domain",
	"udp port http", "udp port bootps", "tcp port bootps", "port nonexistentservice", "sctp port domain", "port 80 and port http", "portrange http-https", "portrange domain-100", "proto tcp", "proto \\nothing", "ip proto \\icmp", "ether proto \\tcp",
	"ether proto 1500", "ether proto 1501", "ether proto 0xaa", "ether proto 0xfe", "ether proto 0xe0", "ether proto 0xf0", "ether proto 0x809b", "ether proto 0x80f3", "ether proto 0x8137", "ether proto 65536", "ip proto 256",
	"ether src 0:0:0:0:0:1", "ether dst ff:ff:ff:ff:ff:ff", "ether host 00:11:22:33:44", "ether host 1:2:3:4:5:6:7", "host 02:00:00:00:00:01", "ether host 001122334455", "ether host 10.0.0.1", "ether port 80", "ether net 10",
	"ether[0:3] = 1", "ether[0:8] = 1", "ether[0:0] = 1", "tcp[0:4] = 0x04d20050", "tcp[1000] = 1", "ether[4294967295] = 1", "ether[2147483648] = 1", "tcp[2147483647] = 1", "ip[-1] = 5", "ip[0 - 1] = 5", "ip[4294967295] = 5",
	"ip[65535] = 1", "link[len - 1] = 0", "ip[len - 20] = 0", "ether[len] = 0", "byte 5 & 3", "byte 5 & 3 = 2", "byte 5 | 2", "less 0", "greater 0", "greater 4294967295", "inbound", "outbound", "not inbound", "inbound and tcp", "ifindex 1", "ifindex 1 and tcp",
	"tcp && udp || icmp", "tcp || udp && icmp", "tcp and udp or icmp", "icmp or tcp and udp", "tcp or udp and port 53", "ip and tcp or udp and ip6", "tcp == 5", "host 10.0.0.1 and tcp[0] = 4 or len > 60", "tcp[0]=4&&udp", "tcp[0]=4 and (udp or icmp)",
	"ip and (ip[0] & 0xf) * 4 > 20", "(ip[0] & 0xf) * 4 > 20 and ip", "ip[(ip[0] & 0xf) * 4 + 1] = 0xd2", "icmp6[0] = 135 or icmp6[0] = 136", "icmp6[0:2] = 0x8000", "icmp6 and ip6[40] = 128",
	"arp[24:4] = 0x0a000001", "arp[6:2] = 2 and arp host 10.0.0.1", "arp src host 10.0.0.1", "arp dst host 10.0.0.1", "rarp host 10.0.0.1", "decnet host 10.15", "decnet src 10.15", "decnet host 1.2.3", "decnet host 5", "aarp host 10.0.0.1",
}

// SyntaxErrors are texts that are no expressions; all have to be refused.
var SyntaxErrors = []string{
	"tcp port", "port", "host", "net", "src", "dst", "proto", "and", "or", "not", "(", ")", "()", "tcp and", "tcp or", "and tcp", "tcp udp", "tcp 80",
	"(tcp", "tcp)", "((tcp)", "tcp and (udp", "80", "10.0.0.1", "foo", "tcp foo", "host and", "host or tcp", "port tcp", "port 80 90", "port 80,90", "port 80 tcp",
	"tcp[", "tcp[0", "tcp[0]", "tcp[0] =", "tcp[0] = ", "= 5", "tcp[0] == == 5", "tcp[0] = 5 = 6", "tcp[] = 5", "tcp[0:] = 5", "tcp[:2] = 5", "tcp[0:2:3] = 5", "tcp[0 1] = 5", "ip[0-1] = 3",
	"1", "1 +", "1 + 1", "1 = ", "len", "len >", "> 5", "5 > > 3", "ether", "ether host", "ether host foo:bar", "tcp host port", "tcp src", "src or", "src or port 80", "src and tcp",
	"src src 10.0.0.1", "tcp tcp", "host host 1.2.3.4", "port port 80", "net mask 255.0.0.0", "net 10.0.0.0 mask", "net 10.0.0.0/", "net /8", "net 10/8", "net 10.0.0.0/8/8", "10.0.0.0/8", "vlan vlan", "vlan and",
	"vlan foo", "mpls foo", "less", "greater", "less tcp", "byte", "byte 1", "byte 1 =", "byte 1 + 2", "ifindex", "ifindex foo", "type", "subtype", "dir", "type mgt subtype", "tcp & udp", "tcp | udp", "tcp, udp", "tcp; udp",
	"tcp[0] & & 5 = 1", "'tcp'", "\"tcp\"", "tcp # comment", "tcp @ 5", "tcp ~ 5", "ip.addr == 10.0.0.1", "tcp.port == 80", "tcp port eq 80", "tcp port = 80", "tcp.flags.syn == 1", "host = 10.0.0.1", "TCP", "TCP PORT 80",
	"src port or 80", "port or 80", "port 80 or", "port 80 or or 90", "port 80 and and 90", "port 80 not 90", "not", "not and tcp", "!", "!!", "tcp !", "port 80 !", "08 = 8", "port 08", "0x = 1", "tcp or 80", "len > 5 or 80", "(tcp) 80",
	"(80 or 90)", "(host)", "port (80 or tcp)", "port (tcp)", "port (80", "port 80)", "port () ", "host (10.0.0.1 or port 80)", "and and", "or or", "tcp xor udp", "tcp \\", "\\", "$", "$12", "tcp $12", "%", "^", "tcp ^ udp", "icmp[icmptype",
	"proto", "ip proto", "ip proto and", "ether proto", "tcp proto", "portrange", "portrange -", "gateway", "protochain", "inbound outbound", "llc foo bar", "geneve geneve", "host 1:2:3:4:5:6:7:8:9", "host 1::2::3", "host ::12345", "host 1:2:3",
}
