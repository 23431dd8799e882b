package filter

import "fmt"

// addr4 is an IPv4 address or network as conditions compare it.
type addr4 struct {
	addr, mask uint32
	net        bool // "net" was said, for messages
}

// addr6 is the same for IPv6.
type addr6 struct {
	addr, mask [16]byte
	net        bool
}

func (a addr4) word() string { return hostOrNet(a.net) }
func (a addr6) word() string { return hostOrNet(a.net) }

func hostOrNet(net bool) string {
	if net {
		return "net"
	}
	return "host"
}

// host4 is an IPv4 address in the headers that the protocol qualifier allows.
func (g *gen) host4(a addr4, p proto, d dir) cond {
	switch p {
	case pDefault:
		c := g.host4(a, pIP, d)
		if g.labels > 0 {
			return c // ARP cannot be told apart inside MPLS
		}
		c = g.or(c, g.host4(a, pARP, d))
		return g.or(c, g.host4(a, pRARP, d))
	case pIP:
		return g.address4(a, d, etherIP, 12, 16)
	case pARP:
		return g.address4(a, d, etherARP, 14, 24)
	case pRARP:
		return g.address4(a, d, etherRARP, 14, 24)
	case pIPv6:
		g.failHint(BadUse, "an IPv4 "+a.word()+" is not found in IPv6 headers", "ip "+a.word()+" …")
	}
	g.badHost(p, a.word())
	return 0
}

// badHost refuses a protocol that has no IP addresses.
func (g *gen) badHost(p proto, word string) {
	if p == pLink {
		g.failHint(BadUse, "the link layer has MAC addresses, not IP ones", word+" …")
	}
	g.fail(BadUse, fmt.Sprintf("%q does not go with %q: that header has no addresses", p.String(), word))
}

// address4 compares the source, the destination or both at their offsets in the network header.
func (g *gen) address4(a addr4, d dir, linkProto, src, dst uint32) cond {
	return g.bothEnds(d, src, dst, func(off uint32) cond {
		l := g.linkProto(linkProto)
		return g.and(l, g.masked(relNet, off, 4, a.addr, a.mask))
	}, "")
}

// bothEnds builds what a direction says out of a test of one end.
func (g *gen) bothEnds(d dir, src, dst uint32, one func(off uint32) cond, what string) cond {
	switch d {
	case dSrc:
		return one(src)
	case dDst:
		return one(dst)
	case dAnd:
		c := one(src)
		return g.and(c, one(dst))
	case dDefault, dOr:
		c := one(src)
		return g.or(c, one(dst))
	}
	if what == "" {
		what = "only 802.11 MAC addresses have them"
	}
	g.fail(BadUse, fmt.Sprintf("%q does not fit here: %s", d.String(), what))
	return 0
}

// host6 is an IPv6 address or network.
func (g *gen) host6(a addr6, p proto, d dir) cond {
	switch p {
	case pDefault, pIPv6:
		return g.bothEnds(d, 8, 24, func(off uint32) cond { return g.address6(a, off) }, "")
	case pIP:
		g.failHint(BadUse, "an IPv6 "+a.word()+" is not found in IPv4 headers", "ip6 "+a.word()+" …")
	}
	g.badHost(p, "ip6 "+a.word())
	return 0
}

// address6 compares sixteen bytes a word at a time, the first word first.
func (g *gen) address6(a addr6, off uint32) cond {
	c := g.linkProto(etherIPv6)
	for i := uint32(0); i < 16; i += 4 {
		c = g.and(c, g.masked(relNet, off+i, 4, be32(a.addr[i:]), be32(a.mask[i:])))
	}
	return c
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// etherHost is a MAC address in the link-layer header.
func (g *gen) etherHost(mac [6]byte, d dir) cond {
	at := func(src, dst uint32) cond {
		return g.bothEnds(d, src, dst, func(off uint32) cond { return g.bytes(relLink, off, mac[:]) },
			"only 802.11 frames have more than two addresses")
	}
	switch {
	case g.family == famEther:
		check := cond(-1)
		if g.tunnel {
			check = g.tunnelHasEther()
		}
		c := at(6, 0)
		if check >= 0 {
			c = g.and(check, c)
		}
		return c
	case g.family == fam80211:
		return g.wlanHost(mac, d)
	}
	switch g.link {
	case linkFDDI:
		return at(7, 1)
	case linkTokenRing:
		return at(8, 2)
	case linkIPFC:
		return at(10, 2)
	}
	g.fail(WrongLink, g.linkDesc()+" has no MAC addresses")
	return 0
}

// arcHost is a one-byte ARCnet address; its source comes first.
func (g *gen) arcHost(a byte, d dir) cond {
	return g.bothEnds(d, 0, 1, func(off uint32) cond { return g.bytes(relLink, off, []byte{a}) },
		"ARCnet has two addresses")
}

// decnetHost is a DECnet address: data packets with long or short headers, with or without a byte of padding.
func (g *gen) decnetHost(addr uint32, d dir) cond {
	swapped := addr>>8&0xff | addr<<8&0xff00
	return g.bothEnds(d, 3, 1, func(short uint32) cond {
		long := uint32(15)
		if short == 1 {
			long = 7
		}
		l := g.linkProto(etherDECnet)
		c := g.and(g.masked(relNet, 2, 2, 0x8106, 0xff07), g.eq(relNet, 3+long, 2, swapped))
		c = g.or(g.and(g.masked(relNet, 2, 1, 0x06, 0x07), g.eq(relNet, 2+long, 2, swapped)), c)
		c = g.or(g.and(g.masked(relNet, 2, 2, 0x8102, 0xff07), g.eq(relNet, 3+short, 2, swapped)), c)
		c = g.or(g.and(g.masked(relNet, 2, 1, 0x02, 0x07), g.eq(relNet, 2+short, 2, swapped)), c)
		return g.and(l, c)
	}, "")
}
