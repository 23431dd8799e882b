package filter

import "fmt"

// name is an id that is a name: what it names depends on the type qualifier.
func (g *gen) name(name string, q qual) cond {
	switch q.kind {
	case kNet:
		n, ok := g.resolver().Network(name)
		if !ok || n == 0 {
			g.fail(BadName, "unknown network "+quoted(name))
		}
		return g.host4(justify(addr4{addr: n, mask: 0xffffffff, net: true}), q.proto, q.dir)
	case kPort:
		return g.namedPort(name, q)
	case kPortRange:
		return g.namedRange(name, q)
	case kProto:
		return g.protoID(g.protoNumber(name, q), q)
	}
	switch q.proto {
	case pLink:
		mac, ok := g.resolver().Ether(name)
		if !ok {
			g.fail(BadName, "unknown MAC host "+quoted(name)+" (names are looked up in /etc/ethers)")
		}
		return g.etherHost(mac, q.dir)
	case pDECNET:
		g.fail(Unsupported, "DECnet names are not supported, write AREA.NODE")
	}
	return g.namedHost(name, q)
}

// namedHost is a host by name: any of its addresses.
func (g *gen) namedHost(name string, q qual) cond {
	if q.proto != pDefault && q.proto != pIP && q.proto != pARP && q.proto != pRARP && q.proto != pIPv6 {
		g.badHost(q.proto, "host")
	}
	addrs, err := g.resolver().Host(name)
	if err != nil || len(addrs) == 0 {
		pos, near := g.near(g.where)
		panic(compileError{&Error{Expr: g.text, Pos: pos, Near: near, Reason: BadName,
			Message: "unknown host " + quoted(name), Suggestion: similar(name, keywordList), Err: err}})
	}
	// Link types without a type field carry IP only: ARP is not asked for.
	p4 := q.proto
	if p4 == pDefault && g.linkType.k == unset {
		p4 = pIP
	}
	c := cond(-1)
	for _, a := range addrs {
		var one cond
		switch {
		case a.Unmap().Is4() && q.proto != pIPv6:
			four := a.Unmap().As4()
			one = g.host4(addr4{addr: be32(four[:]), mask: 0xffffffff}, p4, q.dir)
		case !a.Unmap().Is4() && (q.proto == pDefault || q.proto == pIPv6):
			h := addr6{addr: a.As16()}
			for i := range h.mask {
				h.mask[i] = 0xff
			}
			one = g.host6(h, q.proto, q.dir)
		default:
			continue
		}
		if c >= 0 {
			one = g.or(c, one)
		}
		c = one
	}
	if c < 0 {
		g.fail(BadName, fmt.Sprintf("host %q has no address that goes with %q", name, q.proto.String()))
	}
	return c
}

// protoNumber resolves a protocol's name under its qualifier.
func (g *gen) protoNumber(name string, q qual) uint32 {
	switch q.proto {
	case pDefault, pIP, pIPv6:
		if n, ok := g.resolver().Protocol(name); ok {
			return uint32(n)
		}
		g.fail(BadName, "unknown IP protocol "+quoted(name))
	case pLink:
		if n, ok := etherNames[name]; ok {
			return n
		}
		g.fail(BadName, "unknown Ethernet protocol "+quoted(name))
	case pISO:
		switch name {
		case "esis":
			return nlpidESIS
		case "isis":
			return nlpidISIS
		case "clnp":
			return nlpidCLNP
		}
		g.fail(BadName, "unknown OSI protocol "+quoted(name))
	}
	g.fail(BadName, "unknown protocol "+quoted(name))
	return 0
}

// etherNames are the names that "ether proto" knows.
var etherNames = map[string]uint32{
	"aarp": etherAARP, "arp": etherARP, "atalk": etherATALK, "decnet": etherDECnet, "ip": etherIP, "ip6": etherIPv6,
	"lat": etherLAT, "loopback": 0x9000, "mopdl": etherMOPDL, "moprc": etherMOPRC, "rarp": etherRARP,
	"sca": etherSCA, "iso": sapISO, "stp": sapSTP, "ipx": sapIPX, "netbeui": sapNetBEUI,
}
