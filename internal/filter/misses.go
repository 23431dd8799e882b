package filter

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// maxRewritten bounds the expressions that are suggested, in bytes: longer ones help nobody.
const maxRewritten = 2000

// traits is what an expression looks at.
type traits struct {
	ports     bool // transport headers by "port"
	transport bool // transport headers by index
	ipv4Only  bool // an index that is looked for behind IPv4 only
	network   bool // anything above the link layer
	icmp      bool
	has       map[tok]bool
}

func (e *explainer) traits() traits {
	t := traits{has: map[tok]bool{}}
	walk(e.tree, func(x expr) {
		switch x := x.(type) {
		case *primitive:
			t.ports = t.ports || x.q.kind == kPort || x.q.kind == kPortRange
			t.network = t.network || x.q.proto != pLink
		case *abbreviation:
			t.network = true
			t.icmp = t.icmp || x.proto == pICMP
			t.has[tkProto] = t.has[tkProto] || x.proto == pICMPv6
		case *relation:
			for _, side := range [...]*arith{x.l, x.r} {
				walkArith(side, func(a *arith) {
					t.network = t.network || a.proto != pLink && a.proto != pRADIO
					t.transport = t.transport || a.proto == pTCP || a.proto == pUDP || a.proto == pSCTP || a.proto == pICMP
					t.ipv4Only = t.ipv4Only || onlyIPv4(a.proto)
				})
			}
		case *special:
			t.has[x.word] = true
			t.network = t.network || x.proto == pIP || x.proto == pIPv6
		}
	})
	return t
}

// misses lists what an expression does not match. Every suggestion is compiled before it is made.
func (e *explainer) misses() []Miss {
	t := e.traits()
	if !t.network || len(e.text) > maxRewritten/3 || negated(e.tree) {
		return nil
	}
	var out []Miss
	add := func(what, use string) {
		if len(use) > maxRewritten {
			return
		}
		if _, err := Compile(use, e.target); err == nil {
			out = append(out, Miss{what, use})
		}
	}
	self := e.self()
	if !t.has[tkVlan] {
		what := "packets with a VLAN tag"
		if e.target.Live && canonicalLink(e.target.LinkType) == linkEther {
			what = "packets with two VLAN tags, or with one that the driver left in the frame"
		}
		add(what, self+" or (vlan and "+self+")")
	}
	if t.ipv4Only {
		if s, ok := e.overIPv6(); ok {
			add("the same over IPv6: an index such as tcp[…] looks at IPv4 only", s)
		}
	}
	if t.icmp && !t.has[tkProto] {
		add("ICMPv6", self+" or icmp6")
	}
	if t.ports || t.transport {
		add("later fragments of IPv4 packets: only the first one has ports", self+" or (ip[6:2] & 0x1fff != 0)")
	}
	if t.ports {
		add("IPv6 packets with extension headers before the transport header",
			self+" or ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60")
	}
	for _, w := range [...]struct {
		word tok
		what string
	}{
		{tkPppoes, "packets inside of PPPoE sessions"},
		{tkMpls, "packets behind an MPLS label"},
		{tkVxlan, "packets inside of VXLAN tunnels"},
		{tkGeneve, "packets inside of Geneve tunnels"},
	} {
		if !t.has[w.word] {
			add(w.what, self+" or ("+wordText(w.word)+" and "+self+")")
		}
	}
	add("packets inside of IP-in-IP and GRE tunnels (this takes the whole tunnel)", self+" or proto 4 or proto 41 or proto 47")
	return out
}

// self is the expression as a part of another one.
func (e *explainer) self() string {
	if _, ok := e.tree.(*binary); ok {
		return "(" + e.text + ")"
	}
	return e.text
}

// negated reports whether a tree begins with "not": it then matches tagged and tunnelled packets rather than missing
// them.
func negated(e expr) bool {
	for {
		switch x := e.(type) {
		case *negation:
			return true
		case *group:
			e = x.x
		case *binary:
			if !negated(x.l) {
				return false
			}
			e = x.r
		default:
			return false
		}
	}
}

// overIPv6 rewrites an expression that is one relation, or relations joined, such that it looks behind IPv6 headers
// without extension as well.
func (e *explainer) overIPv6() (string, bool) {
	var guards []string
	ok := true
	var shift func(a *arith) *arith
	shift = func(a *arith) *arith {
		if a == nil {
			return nil
		}
		c := *a
		c.l, c.r = shift(a.l), shift(a.r)
		if a.op != aLoad {
			return &c
		}
		n, known := map[proto]string{pTCP: "6", pUDP: "17", pSCTP: "132", pPIM: "103"}[a.proto]
		if !known {
			ok = false
			return &c
		}
		if g := "ip6[6] = " + n; !slices.Contains(guards, g) {
			guards = append(guards, g)
		}
		c.proto = pIPv6
		if c.l.op == aNum {
			c.l.num += 40
		} else {
			c.l = &arith{op: aAdd, l: &arith{op: aNum, num: 40}, r: c.l}
		}
		return &c
	}
	var tree func(x expr) expr
	tree = func(x expr) expr {
		switch x := x.(type) {
		case *binary:
			c := *x
			c.l, c.r = tree(x.l), tree(x.r)
			return &c
		case *group:
			return &group{x: tree(x.x)}
		case *relation:
			c := *x
			c.l, c.r = shift(x.l), shift(x.r)
			return &c
		case *abbreviation:
			ok = ok && x.proto == pTCP || ok && x.proto == pUDP
			return x
		case *primitive:
			ok = ok && (x.q.kind == kPort || x.q.kind == kPortRange || x.id.kind == tkIPv6)
			return x
		}
		ok = false
		return x
	}
	s := reads(tree(e.tree))
	if !ok || len(guards) == 0 {
		return "", false
	}
	return e.self() + " or (" + strings.Join(guards, " and ") + " and (" + s + "))", true
}

// memory is a Resolver that asks another one at most once for a host, so that suggestions cost no name service.
type memory struct {
	Resolver
	mu    sync.Mutex
	hosts map[string]hostAnswer
}

type hostAnswer struct {
	addrs []netip.Addr
	err   error
}

func rememberNames(r Resolver) Resolver {
	if r == nil {
		r = systemResolver
	}
	return &memory{Resolver: r, hosts: map[string]hostAnswer{}}
}

// Host answers from memory where it can.
func (m *memory) Host(name string) ([]netip.Addr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.hosts[name]
	if !ok {
		a.addrs, a.err = m.Resolver.Host(name)
		m.hosts[name] = a
	}
	return a.addrs, a.err
}
