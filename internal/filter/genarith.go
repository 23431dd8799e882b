package filter

import "fmt"

// operand is an arithmetic expression as a value, with the conditions under which it may be computed: tcp[13] is
// looked at only in TCP packets.
type operand struct {
	v     value
	guard cond // none when negative
}

// relation compares two arithmetic expressions. The guards of both sides are asked first.
func (g *gen) relation(e *relation) cond {
	l, r := g.arith(e.l), g.arith(e.r)
	c := condNode{kind: cTest, op: e.op, a: l.v, b: r.v, user: true}
	if k, ok := g.v.isConst(r.v); ok {
		c.b, c.k = noValue, k
	}
	t := g.add(c)
	if e.not {
		t = g.not(t)
	}
	guard := l.guard
	if guard >= 0 && r.guard >= 0 {
		guard = g.and(guard, r.guard)
	} else if guard < 0 {
		guard = r.guard
	}
	if guard >= 0 {
		t = g.and(guard, t)
	}
	return t
}

// arith generates an arithmetic expression. Of a binary operation only the left side's guard counts; that is so in
// tcpdump, too: "1 + tcp[0] = 5" does not ask for TCP.
func (g *gen) arith(a *arith) operand {
	switch a.op {
	case aNum:
		return operand{g.v.constant(a.num), -1}
	case aLen:
		return operand{g.length(), -1}
	case aLoad:
		return g.access(a)
	case aNeg:
		o := g.arith(a.l)
		g.asWritten(func() { o.v = g.v.neg(o.v) })
		return o
	}
	l, r := g.arith(a.l), g.arith(a.r)
	k, isConst := g.v.isConst(g.v.folded(r.v, g.elide))
	switch {
	case a.op == aDiv && isConst && k == 0:
		g.failArith(a, "division by zero")
	case a.op == aMod && isConst && k == 0:
		g.failArith(a, "modulus by zero")
	case (a.op == aShl || a.op == aShr) && a.r.op == aNum && k > 31:
		g.failArith(a, "shift by more than 31 bits")
	}
	g.asWritten(func() { l.v = g.v.alu(a.op, l.v, r.v, g.elide) })
	return l
}

// asWritten runs f such that the values it makes are not folded yet.
func (g *gen) asWritten(f func()) {
	g.v.raw = true
	f()
	g.v.raw = false
}

func (g *gen) failArith(a *arith, msg string) {
	panic(compileError{&Error{Expr: g.text, Pos: a.pos, Near: g.text[a.pos : a.pos+nameLen(g.text[a.pos:])],
		Reason: BadUse, Message: msg}})
}

// access is proto[l:size].
func (g *gen) access(a *arith) operand {
	idx := g.arith(a.l)
	if a.size != 1 && a.size != 2 && a.size != 4 {
		g.failArith(a, fmt.Sprintf("a field of %d bytes: the size is 1, 2 or 4", a.size))
	}
	size := uint8(a.size)
	switch a.proto {
	case pRADIO:
		if g.link != linkRadiotap && g.link != linkAVS && g.link != linkPrism {
			g.failArith(a, "only captures with a radio header have radio[…]")
		}
		return operand{g.indexed(offset{noVar, 0}, 0, idx.v, size), idx.guard}
	case pLink:
		return operand{g.indexed(g.linkHdr, 0, idx.v, size), idx.guard}
	case pIP, pARP, pRARP, pATALK, pDECNET, pSCA, pLAT, pMOPRC, pMOPDL, pIPv6:
		v := g.indexed(g.payload, g.net, idx.v, size)
		return operand{v, g.guarded(idx.guard, g.abbreviation(a.proto))}
	case pTCP, pUDP, pSCTP, pICMP, pIGMP, pIGRP, pPIM, pVRRP, pCARP:
		v := g.transport(idx.v, size)
		c := g.and(g.abbreviation(a.proto), g.firstFragment())
		c = g.guarded(idx.guard, c)
		return operand{v, g.and(g.abbreviation(pIP), c)}
	case pICMPv6:
		c := g.guarded(idx.guard, g.abbreviation(pIPv6))
		c = g.and(c, g.eq(relNet, 6, 1, ipICMPv6))
		return operand{g.indexed(g.payload, g.net+40, idx.v, size), c}
	}
	g.failArith(a, fmt.Sprintf("%s[…] is not supported", a.proto))
	return operand{}
}

// guarded is c after an inner guard, if there is one.
func (g *gen) guarded(inner, c cond) cond {
	if inner >= 0 {
		return g.and(inner, c)
	}
	return c
}

// indexed is size bytes at o plus off plus the value idx.
func (g *gen) indexed(o offset, off uint32, idx value, size uint8) value {
	if o.v == noVar && g.vars == 0 {
		var x value
		g.asWritten(func() { x = g.v.load(size, idx, o.k+off) })
		return x
	}
	idx = g.v.folded(idx, g.elide)
	k, isConst := g.v.isConst(idx)
	switch {
	case o.v == noVar:
		return g.v.load(size, idx, o.k+off)
	case isConst && k < 1<<31:
		return g.at(o, off+k, size)
	}
	sum := g.v.add(valueNode{kind: vVarSum, k: uint32(o.v), a: noValue, b: noValue})
	idx = g.v.alu(aAdd, idx, sum, g.elide)
	return g.v.add(valueNode{kind: vLoad, size: size, k: o.k + off, a: idx, b: noValue})
}

// transport is size bytes at idx after the IPv4 header.
func (g *gen) transport(idx value, size uint8) value {
	k := g.payload.k + g.net
	if g.vars == 0 {
		h := g.headerLen4()
		var x value
		g.asWritten(func() { x = g.v.load(size, g.v.alu(aAdd, idx, h, g.elide), k) })
		return x
	}
	idx = g.v.folded(idx, g.elide)
	if c, ok := g.v.isConst(idx); ok && (g.payload.v == noVar || c < 1<<31) {
		return g.v.load(size, g.headerLen4(), k+c)
	}
	if g.payload.v == noVar {
		return g.v.load(size, g.v.alu(aAdd, idx, g.headerLen4(), g.elide), k)
	}
	h := g.v.alu(aAnd, g.field(relNet, 0, 1), g.v.constant(0xf), g.elide)
	h = g.v.alu(aShl, h, g.v.constant(2), g.elide)
	sum := g.v.add(valueNode{kind: vVarSum, k: uint32(g.payload.v), a: noValue, b: noValue})
	idx = g.v.alu(aAdd, idx, g.v.alu(aAdd, h, sum, g.elide), g.elide)
	return g.v.add(valueNode{kind: vLoad, size: size, k: k, a: idx, b: noValue})
}
