package filter

import "fmt"

// limit refuses an identifier that its field cannot hold.
func (g *gen) limit(e *special, what string, maximum uint32) {
	if e.num > maximum {
		g.fail(BadUse, fmt.Sprintf("%s %d is above %d", what, e.num, maximum))
	}
}

// vlan is a VLAN tag, of any id or of one. Everything to its right looks behind the tag.
func (g *gen) vlan(e *special) cond {
	if g.labels > 0 {
		g.fail(BadUse, "a VLAN tag cannot be asked for inside MPLS")
	}
	if g.family != famEther && (g.family != fam80211 || g.link == linkPPI) {
		g.fail(WrongLink, g.linkDesc()+" has no VLAN tags")
	}
	g.limit(e, "VLAN id", 0xfff)
	defer func() { g.tags++ }()
	if g.t.Live && g.tags == 0 && g.link == linkEther && g.linkHdr == g.outer {
		return g.vlanLive(e)
	}
	c := g.tagType()
	if e.has {
		c = g.and(c, g.masked(relNet, 0, 2, e.num, 0xfff))
	}
	g.payload.k += 4
	g.linkType.k += 4
	return c
}

// tagType is any of the Ethernet types of a tag.
func (g *gen) tagType() cond {
	c := g.or(g.linkProto(etherVLAN), g.linkProto(etherQinQ))
	return g.or(c, g.linkProto(etherQinQ2))
}

// vlanLive asks for the outermost tag of a live Linux capture, which the kernel has taken out of the frame into the
// packet's metadata; a second tag, or one that the driver left, still stands in the frame. Which of both is known at
// run time only, so what follows counts from a variable: 0 or 4.
func (g *gen) vlanLive(e *special) cond {
	inMeta := func() cond { return g.test(opEQ, g.v.ext(1, extVLANPresent), 1) }
	c := inMeta()
	v := g.newVar()
	moved := g.add(condNode{kind: cSet, set: []assign{{v: v, base: noValue, k: 4}}})
	c = g.or(c, g.and(moved, g.tagType()))
	if e.has {
		tag := g.v.alu(aAnd, g.v.ext(2, extVLANTag), g.v.constant(0xfff), g.elide)
		meta := g.and(inMeta(), g.test(opEQ, tag, e.num))
		c = g.and(c, g.or(meta, g.and(g.not(inMeta()), g.masked(relNet, 0, 2, e.num, 0xfff))))
	}
	g.init = append(g.init, assign{v: v, base: noValue})
	g.payload.v, g.linkType.v = v, v
	return c
}

// mpls is a label, any or one. Everything to its right looks behind it.
func (g *gen) mpls(e *special) cond {
	var c cond
	switch {
	case g.labels > 0:
		c = g.masked(relMPLS, 2, 1, 0, 1) // not the last label
	case g.family == famEther, g.family == famCHDLC:
		c = g.linkProto(etherMPLS)
	case g.link == linkPPP:
		c = g.linkProto(0x281) // PPP's number for MPLS unicast
	default:
		g.fail(WrongLink, g.linkDesc()+" carries no MPLS")
	}
	if e.has {
		g.limit(e, "MPLS label", 0xfffff)
		c = g.and(c, g.masked(relNet, 0, 4, e.num<<12, 0xfffff000))
	}
	g.net += 4
	g.netLLC += 4
	g.labels++
	return c
}

// pppoes is a PPPoE session, any or one. Everything to its right looks into the PPP packet, whose type field follows
// six bytes of PPPoE.
func (g *gen) pppoes(e *special) cond {
	c := g.linkProto(etherPPPoES)
	if e.has {
		g.limit(e, "PPPoE session", 0xffff)
		c = g.and(c, g.masked(relNet, 0, 4, e.num, 0xffff))
	}
	g.family, g.link, g.tunnel = famPPP, linkPPP, false
	g.linkHdr = offset{g.payload.v, g.payload.k + g.net + 6}
	g.linkType = g.linkHdr
	g.payload = offset{g.linkHdr.v, g.linkHdr.k + 2}
	g.net, g.netLLC = 0, 0
	return c
}

// geneve is a Geneve packet (RFC 8926), with any network identifier or with one. What is to its right looks at what
// it carries: an Ethernet frame, or a packet without one.
func (g *gen) geneve(e *special) cond {
	g.limit(e, "Geneve VNI", 0xffffff)
	type place struct {
		header value  // index of the Geneve header's loads, noValue when it is constant
		v      int8   // variable of the payload
		k      uint32 // constant part of the Geneve header's offset
	}
	check := func(tran rel, proto uint32, protoOff uint32) cond {
		c := g.eq(relNet, protoOff, 1, ipUDP)
		if tran == relTran4 {
			c = g.and(c, g.firstFragment())
		}
		c = g.and(g.linkProto(proto), g.and(c, g.eq(tran, 2, 2, 6081)))
		c = g.and(c, g.masked(tran, 8, 1, 0, 0xc0))
		if e.has {
			c = g.and(c, g.masked(tran, 12, 4, e.num<<8, 0xffffff00))
		}
		return c
	}
	lt, lh, pl := g.newVar(), g.newVar(), g.newVar()
	inside := func(p place) cond {
		// Where the Geneve header ends: eight bytes and options of four bytes each.
		opts := g.v.load(1, p.header, p.k)
		if p.header == noValue && p.v != noVar {
			opts = g.at(offset{p.v, p.k}, 0, 1)
		}
		opts = g.v.alu(aMul, g.v.alu(aAnd, opts, g.v.constant(0x3f), false), g.v.constant(4), false)
		base, start := opts, noValue
		switch {
		case p.header != noValue:
			base, start = g.v.alu(aAdd, opts, p.header, false), p.header
		case p.v != noVar:
			start = g.variable(offset{p.v, 0})
			base = g.v.alu(aAdd, opts, start, false)
		}
		etherType := g.v.load(2, p.header, p.k+2)
		if p.header == noValue && p.v != noVar {
			etherType = g.at(offset{p.v, p.k + 2}, 0, 2)
		}
		frame := g.add(condNode{kind: cSet, set: []assign{{lt, base, p.k + 20}, {lh, base, p.k + 8}, {pl, base, p.k + 22}}})
		bare := g.add(condNode{kind: cSet, set: []assign{{lt, start, p.k + 2}, {lh, base, p.k + 8}, {pl, base, p.k + 8}}})
		teb := g.test(opEQ, etherType, etherTEB)
		// Both ways are true; which was gone decides the offsets.
		return g.or(g.and(teb, frame), bare)
	}
	v4 := check(relTran4, etherIP, 9)
	at4 := place{header: g.headerLen4(), v: noVar, k: g.payload.k + g.net + 8}
	c4 := g.and(v4, inside(at4))
	v6 := check(relTran6, etherIPv6, 6)
	at6 := place{header: noValue, v: g.payload.v, k: g.payload.k + g.net + 48}
	c6 := g.and(v6, inside(at6))
	g.elide = false
	for _, v := range [...]int8{lt, lh, pl} {
		g.init = append(g.init, assign{v: v, base: noValue})
	}
	g.family, g.link, g.tunnel = famEther, linkEther, true
	g.linkType, g.linkHdr, g.payload = offset{lt, 0}, offset{lh, 0}, offset{pl, 0}
	g.net = 0 // what follows an LLC header without SNAP stays where the outer link type has it
	return g.or(c4, c6)
}

// tunnelHasEther is true when a tunnel carries an Ethernet frame, not a bare packet: header and payload of the link
// layer are then at different places.
func (g *gen) tunnelHasEther() cond {
	sum := func(o offset) value { return g.v.add(valueNode{kind: vVarSum, k: uint32(o.v), a: noValue, b: noValue}) }
	return g.not(g.add(condNode{kind: cTest, op: opEQ, a: sum(g.linkHdr), b: sum(g.payload)}))
}

// vxlan is a VXLAN packet (RFC 7348) with any network identifier or with one; libpcap has it from 1.11 on. What is to
// its right looks at the Ethernet frame inside.
func (g *gen) vxlan(e *special) cond {
	g.limit(e, "VXLAN VNI", 0xffffff)
	check := func(tran rel, proto, protoOff uint32) cond {
		c := g.eq(relNet, protoOff, 1, ipUDP)
		if tran == relTran4 {
			c = g.and(c, g.firstFragment())
		}
		c = g.and(g.linkProto(proto), g.and(c, g.eq(tran, 2, 2, 4789)))
		c = g.and(c, g.masked(tran, 8, 1, 0x08, 0x08)) // the VNI is valid
		if e.has {
			c = g.and(c, g.masked(tran, 12, 4, e.num<<8, 0xffffff00))
		}
		return c
	}
	v := g.newVar()
	v4 := check(relTran4, etherIP, 9)
	set4 := g.add(condNode{kind: cSet, set: []assign{{v, g.headerLen4(), g.payload.k + g.net + 16}}})
	c4 := g.and(v4, set4)
	v6 := check(relTran6, etherIPv6, 6)
	base := noValue
	if g.payload.v != noVar {
		base = g.variable(g.payload)
	}
	set6 := g.add(condNode{kind: cSet, set: []assign{{v, base, g.payload.k + g.net + 56}}})
	c6 := g.and(v6, set6)
	g.init = append(g.init, assign{v: v, base: noValue})
	g.elide = false
	g.family, g.link, g.tunnel = famEther, linkEther, false
	g.linkHdr, g.linkType, g.payload = offset{v, 0}, offset{v, 12}, offset{v, 14}
	g.net, g.netLLC = 0, 3
	return g.or(c4, c6)
}
