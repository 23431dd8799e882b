package filterdiff

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// Generated returns n expressions of the grammar, the same for the same seed, spread over the link types with most of
// them on Ethernet. One in sixteen is damaged, so that refusals are compared as well.
func Generated(seed uint64, n int) []Case {
	g := &grammar{r: rand.New(rand.NewPCG(seed, 0x7461_7272_6166_6100))}
	out := make([]Case, 0, n)
	for range n {
		g.link = 1
		if g.r.IntN(3) == 0 {
			g.link = LinkTypes[g.r.IntN(len(LinkTypes))]
		}
		g.depth = 0
		e := g.expr()
		if g.r.IntN(16) == 0 && !named.MatchString(e) {
			e = g.damage(e)
		}
		out = append(out, Case{g.link, e})
	}
	return out
}

// named finds words that would be looked up as host names if damage put them behind "host": no test may reach a name
// service.
var named = regexp.MustCompile(`[0-9a-f]-[0-9a-f]|http|domain|ssh|\\`)

type grammar struct {
	r     *rand.Rand
	link  int
	depth int
}

func (g *grammar) pick(s ...string) string { return s[g.r.IntN(len(s))] }

// expr is conditions joined by and, or.
func (g *grammar) expr() string {
	g.depth++
	defer func() { g.depth-- }()
	s, ids := g.term()
	for n := g.r.IntN(4); n > 0; n-- {
		join := g.pick(" and ", " or ", " && ", " || ", " and not ", " or ! ")
		if ids != nil && g.r.IntN(3) == 0 {
			s += join + ids()
			continue
		}
		t, more := g.term()
		s += join + t
		ids = more
	}
	return s
}

// term is a primitive, perhaps negated or in parentheses; the second value makes further ids that inherit its
// qualifiers.
func (g *grammar) term() (string, func() string) {
	switch n := g.r.IntN(20); {
	case n == 0 && g.depth < 4:
		return "(" + g.expr() + ")", nil
	case n == 1:
		t, ids := g.term()
		return g.pick("not ", "!", "! ") + t, ids
	case n < 5:
		return g.relation(), nil
	case n < 9:
		return g.abbreviation(), nil
	case n < 10:
		return g.special(), nil
	}
	return g.primitive()
}

func (g *grammar) abbreviation() string {
	return g.pick("ip", "ip", "ip6", "arp", "rarp", "tcp", "tcp", "udp", "udp", "sctp", "icmp", "icmp6", "igmp", "pim", "ah", "esp",
		"vrrp", "stp", "ipx", "iso", "isis", "clnp", "atalk", "aarp", "l1", "lsp", "netbeui", "decnet", "lat")
}

func (g *grammar) special() string {
	return g.pick("broadcast", "multicast", "ip broadcast", "ip multicast", "ip6 multicast", "less "+g.size(), "greater "+g.size(),
		"vlan", "vlan 5", "vlan and vlan", "mpls", "mpls 7", "pppoes", "pppoes 39", "geneve", "geneve 11", "llc", "llc s", "llc ui",
		"byte 12 = 8", "byte 13 > 0", "inbound", "outbound", "ifindex 2", "pppoed", "type data", "dir tods")
}

func (g *grammar) size() string { return fmt.Sprint(g.r.IntN(120)) }

// primitive is qualifiers and an id.
func (g *grammar) primitive() (string, func() string) {
	d := directions[g.r.IntN(len(directions))]
	switch g.r.IntN(9) {
	case 0, 1:
		p := g.pick("", "", "ip ", "arp ", "rarp ")
		return g.list(p+d+"host ", g.ipv4)
	case 2:
		return g.list(g.pick("", "ip6 ")+d+"host ", g.ipv6)
	case 3:
		return g.list(g.pick("", "", "ip ", "arp ")+d+"net ", g.net4)
	case 4:
		return g.list(g.pick("", "ip6 ")+d+"net ", g.net6)
	case 5, 6:
		return g.list(g.pick("", "tcp ", "udp ", "sctp ")+d+"port ", g.port)
	case 7:
		return g.list(g.pick("", "tcp ", "udp ")+d+"portrange ", func() string {
			return fmt.Sprintf("%d-%d", g.r.IntN(200), g.r.IntN(200))
		})
	}
	switch g.r.IntN(3) {
	case 0:
		return g.list(g.pick("ip ", "ip6 ", "")+"proto ", func() string { return g.pick("6", "17", "1", "58", "44", `\tcp`, `\udp`, "132") })
	case 1:
		return g.list("ether proto ", func() string { return g.pick("0x800", `\ip6`, `\arp`, "0x86dd", "0x8100", `\stp`, "0xfe", "1500") })
	}
	return g.list("ether "+d+"host ", g.mac)
}

// list is one id after its qualifiers, or several in parentheses.
func (g *grammar) list(q string, id func() string) (string, func() string) {
	if g.r.IntN(8) != 0 {
		return q + id(), id
	}
	var s strings.Builder
	s.WriteString(id())
	for range g.r.IntN(3) {
		s.WriteString(g.pick(" or ", " and ", " or not ") + id())
	}
	return q + "(" + s.String() + ")", id
}

func (g *grammar) ipv4() string {
	return g.pick("10.0.0.1", "10.0.0.2", "10.0.1.3", "192.168.1.1", "224.0.0.5", "255.255.255.255", "10.0.0", "1.2.3.4")
}

func (g *grammar) ipv6() string {
	return g.pick("2001:db8::1", "2001:db8::2", "fe80::1", "ff02::1", "::1", "2001:db8:0:1::5")
}

func (g *grammar) net4() string {
	return g.pick("10.0.0.0/8", "10.0.0.0/24", "192.168.0.0/16", "10", "10.0", "10.0.0", "224.0.0.0/4", "10.0.0.0 mask 255.0.0.0", "0.0.0.0/0", "10.0.0.0/31")
}

func (g *grammar) net6() string {
	return g.pick("2001:db8::/32", "2001:db8::/64", "fe80::/10", "ff00::/8", "::/0", "2001:db8::1/128")
}

func (g *grammar) port() string {
	return g.pick("80", "53", "443", "1234", "http", "domain", "22", "0x50", "6081", "65535", "ssh")
}

func (g *grammar) mac() string {
	return g.pick("02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff", "2:0:0:0:0:1", "02-00-00-00-00-01", "0200.0000.0001")
}

func (g *grammar) relation() string {
	return g.arith(0) + g.pick(" = ", " == ", " != ", " < ", " > ", " <= ", " >= ", "=", "!=") + g.arith(1)
}

// arith is an arithmetic expression; deep ones are rare, constants likelier.
func (g *grammar) arith(depth int) string {
	switch n := g.r.IntN(12 + 6*depth); {
	case n == 0:
		return g.arith(depth+1) + g.pick(" + ", " - ", " * ", " & ", " | ", "+", "&") + g.arith(depth+1)
	case n == 1:
		return g.arith(depth+1) + g.pick(" << ", " >> ", " / ", " % ", " ^ ") + g.number()
	case n == 2:
		return "(" + g.arith(depth+1) + ")"
	case n == 3:
		return g.pick("-", "- ") + g.arith(depth+1)
	case n == 4:
		return g.pick("len", "length")
	case n == 5:
		return g.access(g.arith(depth + 2))
	case n < 9:
		return g.access(g.offset())
	case n == 9:
		return g.access(g.offset()) + g.pick(" & ", "&") + g.pick("0xf", "1", "0xf0", "0x1fff", "tcp-syn", "0xffffffff", "0xffff0000")
	}
	return g.number()
}

func (g *grammar) access(index string) string {
	p := g.pick("ether", "link", "ip", "ip", "ip6", "tcp", "tcp", "udp", "icmp", "icmp6", "arp", "sctp", "igmp", "radio")
	return p + "[" + index + g.pick("", "", ":1", ":2", ":4", " : 2") + "]"
}

func (g *grammar) offset() string {
	return g.pick("0", "1", "2", "4", "6", "8", "9", "12", "13", "16", "20", "24", "40", "60", "100", "tcpflags", "icmptype")
}

func (g *grammar) number() string {
	return g.pick("0", "1", "2", "3", "4", "5", "6", "17", "20", "40", "64", "80", "0x45", "0xff", "010", "255", "256", "2048", "0x86dd", "65535", "4294967295", "tcp-syn", "icmp-echo")
}

// damage takes a word away, adds one or puts one in another's place.
func (g *grammar) damage(e string) string {
	w := strings.Fields(e)
	i := g.r.IntN(len(w))
	other := g.pick("and", "or", "not", "(", ")", "tcp", "port", "host", "80", "10.0.0.1", "src", "[", "]", "=", "~", "net", "mask", "/", ":", "vlan", "::1", "len")
	switch g.r.IntN(3) {
	case 0:
		w = append(w[:i], w[i+1:]...)
	case 1:
		w[i] = other
	default:
		w = append(w[:i], append([]string{other}, w[i:]...)...)
	}
	return strings.Join(w, " ")
}
