package filter

import "fmt"

// special generates the primitives with a syntax of their own.
func (g *gen) special(e *special) cond {
	switch e.word {
	case tkBroadcast:
		return g.broadcast(e.proto)
	case tkMulticast:
		return g.multicast(e.proto)
	case tkLess:
		return g.not(g.test(opGT, g.length(), e.num))
	case tkGreater:
		return g.test(opGE, g.length(), e.num)
	case tkByte:
		return g.byteTest(e)
	case tkInbound, tkOutbound:
		return g.direction(e.word == tkOutbound)
	case tkIfindex:
		return g.ifindex(e.num)
	case tkIfname:
		return g.ifname(e.name.text)
	case tkVlan:
		return g.vlan(e)
	case tkMpls:
		return g.mpls(e)
	case tkPppoed:
		return g.linkProto(etherPPPoED)
	case tkPppoes:
		return g.pppoes(e)
	case tkGeneve:
		return g.geneve(e)
	case tkVxlan:
		return g.vxlan(e)
	case tkLLC:
		return g.llc(e)
	case tkType, tkSubtype:
		return g.wlanKind(e)
	}
	return g.wlanDir(&e.name)
}

// length is the packet's length on the wire. A cooked socket's filter does not see the header that the capture will
// put before the packet; it is added, so that a filter says the same live and over the file.
func (g *gen) length() value {
	if g.cooked() {
		return g.v.wireLen(layouts[g.base].payload)
	}
	return g.v.wireLen(0)
}

// broadcast is the link layer's broadcast address, or an IPv4 one of the target's network.
func (g *gen) broadcast(p proto) cond {
	switch p {
	case pDefault, pLink:
		all := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		switch {
		case g.family == famArcnet:
			return g.arcHost(0, dDst)
		case g.hasMACs():
			return g.etherHost(all, dDst)
		}
		g.fail(WrongLink, g.linkDesc()+" has no broadcast address")
	case pIP:
		if g.t.Netmask == NetmaskUnknown {
			g.failHint(BadUse, "the netmask of this interface is not known, so IPv4 broadcasts cannot be told", "ether broadcast")
		}
		hosts := ^g.t.Netmask
		l := g.linkProto(etherIP)
		zeros := g.masked(relNet, 16, 4, 0, hosts)
		return g.and(l, g.or(zeros, g.masked(relNet, 16, 4, hosts, hosts)))
	}
	g.failHint(BadUse, fmt.Sprintf("%q has no broadcast", p.String()), "ether broadcast")
	return 0
}

// hasMACs reports whether the link layer has 48-bit addresses.
func (g *gen) hasMACs() bool {
	return g.family == famEther || g.family == fam80211 || g.link == linkFDDI || g.link == linkTokenRing || g.link == linkIPFC
}

// multicast is a set low bit in the destination's first byte, or an IP multicast address.
func (g *gen) multicast(p proto) cond {
	is := func(off uint32) cond { return g.bits(relLink, off, 1, 1) }
	switch p {
	case pDefault, pLink:
		switch {
		case g.family == famArcnet:
			return g.arcHost(0, dDst)
		case g.family == fam80211:
			return g.wlanDestination(is)
		case g.family == famEther && g.tunnel:
			return g.and(g.tunnelHasEther(), is(0))
		case g.family == famEther:
			return is(0)
		case g.link == linkFDDI:
			return is(1)
		case g.link == linkTokenRing, g.link == linkIPFC:
			return is(2)
		}
		g.failHint(WrongLink, g.linkDesc()+" has no multicast addresses", "ip multicast or ip6 multicast")
	case pIP:
		return g.and(g.linkProto(etherIP), g.ge(relNet, 16, 1, 224))
	case pIPv6:
		return g.and(g.linkProto(etherIPv6), g.eq(relNet, 24, 1, 255))
	}
	g.failHint(BadUse, fmt.Sprintf("%q has no multicast", p.String()), "ether multicast")
	return 0
}

// byteTest is "byte OFFSET OP VALUE", counted from the link layer.
func (g *gen) byteTest(e *special) cond {
	switch e.op {
	case '=':
		return g.eq(relLink, e.num, 1, e.num2)
	case '<':
		return g.not(g.ge(relLink, e.num, 1, e.num2))
	case '>':
		return g.gt(relLink, e.num, 1, e.num2)
	}
	g.failHint(Unsupported, "\"byte\" knows = < > only: tcpdump takes & and | and then compares something undefined",
		fmt.Sprintf("ether[%d] %c %d != 0", e.num, e.op, e.num2))
	return 0
}

// llcTypes are the control bytes of LLC frames and the bits that tell them (IEEE 802.2).
var llcTypes = map[string]struct{ value, mask uint32 }{
	"s": {1, 3}, "u": {3, 3},
	"rr": {0x01, 0x0f}, "rnr": {0x05, 0x0f}, "rej": {0x09, 0x0f},
	"ui": {0x03, 0xef}, "ua": {0x63, 0xef}, "disc": {0x43, 0xef}, "dm": {0x0f, 0xef}, "sabme": {0x6f, 0xef},
	"test": {0xe3, 0xef}, "xid": {0xaf, 0xef}, "frmr": {0x87, 0xef},
}

// llc is an LLC frame, of any kind or of one.
func (g *gen) llc(e *special) cond {
	var c cond
	switch {
	case g.family == famEther && g.link == linkEther:
		c = g.and(g.not(g.gt(relLinkType, 0, 2, maxLength8023)), g.not(g.eq(relPayload, 0, 2, 0xffff)))
	case g.family == fam80211:
		c = g.dataFrame()
	case g.link == linkTokenRing, g.link == linkFDDI, g.link == linkATM1483:
		c = g.always()
	default:
		g.fail(WrongLink, g.linkDesc()+" has no LLC frames that could be told from others")
	}
	if !e.has {
		return c
	}
	name := lower(e.name.text)
	if e.name.kind == tkRnr {
		name = "rnr" // its other spelling, "rulenum", is taken as well
	}
	if name == "i" {
		return g.and(c, g.not(g.bits(relPayload, 2, 1, 1)))
	}
	t, ok := llcTypes[name]
	if !ok {
		g.fail(BadName, "unknown LLC type "+quoted(e.name.text))
	}
	return g.and(c, g.masked(relPayload, 2, 1, t.value, t.mask))
}

// direction is "inbound" or "outbound".
func (g *gen) direction(out bool) cond {
	sent := func(c cond) cond {
		if out {
			return c
		}
		return g.not(c)
	}
	const outgoing = 4 // PACKET_OUTGOING of linux/if_packet.h, also in cooked headers
	switch g.link {
	case linkSLL:
		return sent(g.eq(relLink, 0, 2, outgoing))
	case linkSLL2:
		return sent(g.eq(relLink, 10, 1, outgoing))
	case linkSLIP:
		c := g.eq(relLink, 0, 1, 0)
		if out {
			return g.not(c)
		}
		return c
	case linkPPPD:
		n := uint32(0)
		if out {
			n = 1
		}
		return g.eq(relLink, 0, 1, n)
	case linkIPNet:
		n := uint32(2)
		if out {
			n = 1
		}
		return g.eq(relLink, 2, 2, n)
	}
	if !g.t.Live {
		g.fail(WrongLink, "the direction is not in "+g.linkDesc()+" files: \"inbound\" and \"outbound\" work live and on cooked captures")
	}
	return sent(g.test(opEQ, g.v.ext(2, extPktType), outgoing))
}

// ifindex is the number of the interface that took the packet.
func (g *gen) ifindex(n uint32) cond {
	if g.link == linkSLL2 {
		return g.eq(relLink, 4, 4, n)
	}
	if !g.t.Live {
		g.fail(WrongLink, "the interface is not in "+g.linkDesc()+" files: \"ifindex\" works live and on cooked captures of version 2")
	}
	return g.test(opEQ, g.v.ext(4, extIfIndex), n)
}

// ifname is an interface by name; tcpdump knows it on pf captures only, here it is any interface of a live capture.
func (g *gen) ifname(name string) cond {
	if !g.t.Live {
		g.failHint(WrongLink, "interface names are not in capture files", "ifindex N")
	}
	n, ok := g.resolver().Interface(name)
	if !ok {
		g.fail(BadName, "no interface "+quoted(name))
	}
	return g.ifindex(uint32(n))
}
