package filter

import "fmt"

// anyTransport asks for a port in TCP, UDP and SCTP.
const anyTransport = 0

// port is a range of ports (lo = hi for one) of a transport protocol, over IPv6 or IPv4. rng says that the range's
// tests are wanted even when it has but one port: that is how "portrange 80" is defined.
func (g *gen) port(lo, hi, transport uint32, rng bool, d dir) cond {
	if lo > hi {
		lo, hi = hi, lo
	}
	one := func(tran rel, protoOff uint32) cond {
		atom := func(off uint32) cond {
			if !rng {
				return g.eq(tran, off, 2, lo)
			}
			c := g.ge(tran, off, 2, lo)
			return g.and(c, g.not(g.gt(tran, off, 2, hi)))
		}
		of := func(transport uint32) cond {
			c := g.eq(relNet, protoOff, 1, transport)
			if tran == relTran4 {
				c = g.and(c, g.firstFragment())
			}
			return g.and(c, g.bothEnds(d, 0, 2, atom, "ports have src and dst"))
		}
		if transport != anyTransport {
			return of(transport)
		}
		c := of(ipTCP)
		c = g.or(c, of(ipUDP))
		return g.or(of(ipSCTP), c)
	}
	v4 := g.and(g.linkProto(etherIP), one(relTran4, 9))
	v6 := g.and(g.linkProto(etherIPv6), one(relTran6, 6))
	return g.or(v6, v4)
}

// firstFragment is true unless the IPv4 packet is a fragment other than the first.
func (g *gen) firstFragment() cond { return g.not(g.bits(relNet, 6, 2, 0x1fff)) }

// transportOf is the protocol number that a port's qualifier asks for.
func (g *gen) transportOf(p proto, word kind) uint32 {
	switch p {
	case pDefault:
		return anyTransport
	case pTCP:
		return ipTCP
	case pUDP:
		return ipUDP
	case pSCTP:
		return ipSCTP
	}
	g.failHint(BadUse, fmt.Sprintf("%q has no ports", p.String()), "tcp "+word.String()+" …")
	return 0
}

// checkPort refuses numbers that are no port.
func (g *gen) checkPort(n int) uint32 {
	if n < 0 || n > 65535 {
		g.fail(BadUse, fmt.Sprintf("port %d is not between 0 and 65535", n))
	}
	return uint32(n)
}

// namedPort is a service's name.
func (g *gen) namedPort(name string, q qual) cond {
	want := g.transportOf(q.proto, kPort)
	n, of := g.service(name, want)
	return g.port(n, n, of, false, q.dir)
}

// service resolves a port name. The transport is narrowed to the one that the name is registered for.
func (g *gen) service(name string, want uint32) (port, transport uint32) {
	tcp, udp, ok := g.resolver().Port(name)
	if !ok {
		g.failHint(BadName, "unknown port "+quoted(name), similar(name, serviceNames()))
	}
	n, of := tcp, uint32(ipTCP)
	switch {
	case tcp < 0:
		n, of = udp, ipUDP
	case tcp == udp:
		of = anyTransport
	}
	if want != anyTransport && of != anyTransport && want != of {
		g.failHint(BadName, fmt.Sprintf("port %q is %s, not %s", name, transportName(of), transportName(want)),
			transportName(of)+" port "+name)
	}
	if want != anyTransport {
		of = want
	}
	return g.checkPort(n), of
}

func transportName(n uint32) string {
	return map[uint32]string{ipTCP: "tcp", ipUDP: "udp", ipSCTP: "sctp"}[n]
}

// namedRange is "A-B" of numbers or service names.
func (g *gen) namedRange(text string, q qual) cond {
	want := g.transportOf(q.proto, kPortRange)
	if lo, hi, ok := numericRange(text); ok {
		return g.port(g.checkPort(lo), g.checkPort(hi), want, true, q.dir)
	}
	cut := -1
	for i := range len(text) {
		if text[i] == '-' {
			cut = i
			break
		}
	}
	if cut < 0 {
		g.failHint(BadName, "a port range needs two ports", "portrange "+text+"-"+text)
	}
	lo, of := g.serviceOrNumber(text[:cut], want)
	hi, of2 := g.serviceOrNumber(text[cut+1:], want)
	if of != of2 {
		of = anyTransport
	}
	if want != anyTransport {
		of = want
	}
	return g.port(lo, hi, of, true, q.dir)
}

// serviceOrNumber resolves one end of a range.
func (g *gen) serviceOrNumber(s string, want uint32) (port, transport uint32) {
	if n, ok := decimal(s); ok {
		return g.checkPort(n), want
	}
	return g.service(s, want)
}

// numericRange reads "80-90".
func numericRange(s string) (lo, hi int, ok bool) {
	for i := range len(s) {
		if s[i] == '-' {
			lo, ok1 := decimal(s[:i])
			hi, ok2 := decimal(s[i+1:])
			return lo, hi, ok1 && ok2
		}
	}
	return 0, 0, false
}

// decimal reads an unsigned decimal number, cut off far above any port.
func decimal(s string) (int, bool) {
	if s == "" || digitRun(s, 0) != len(s) {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		n = min(n*10+int(s[i]-'0'), 1<<20)
	}
	return n, true
}
