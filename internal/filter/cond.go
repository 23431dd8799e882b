package filter

// cond is the number of a condition in a generator's table.
type cond int32

// condKind says what a condition is.
type condKind uint8

const (
	cTest condKind = iota
	cAnd
	cOr
	cNot
	cConst // k: always or never
	cSet   // true; on the way it gives variables a value
	cTouch // true; the value a is loaded all the same, so that packets too short for it are no match
)

// condNode is a condition. Conditions are a tree: none is used twice.
type condNode struct {
	kind condKind
	op   relop
	l, r cond
	a    value // tested value
	b    value // compared with b, or with k when b is noValue
	k    uint32
	user bool // a relation that the user wrote: see graph.finish
	set  []assign
}

// assign gives a variable the value base + k; base may be noValue.
type assign struct {
	v    int8
	base value
	k    uint32
}

func (g *gen) add(c condNode) cond {
	g.conds = append(g.conds, c)
	return cond(len(g.conds) - 1)
}

// and is l and then r.
func (g *gen) and(l, r cond) cond { return g.add(condNode{kind: cAnd, l: l, r: r}) }

// or is l or else r.
func (g *gen) or(l, r cond) cond { return g.add(condNode{kind: cOr, l: l, r: r}) }

func (g *gen) not(c cond) cond { return g.add(condNode{kind: cNot, l: c}) }

func (g *gen) always() cond { return g.add(condNode{kind: cConst, k: 1}) }
func (g *gen) never() cond  { return g.add(condNode{kind: cConst}) }

// test compares a value with a constant.
func (g *gen) test(op relop, a value, k uint32) cond {
	return g.add(condNode{kind: cTest, op: op, a: a, b: noValue, k: k})
}

// eq, gt, ge compare size bytes at off, relative to base, with k.
func (g *gen) eq(base rel, off uint32, size uint8, k uint32) cond {
	return g.test(opEQ, g.field(base, off, size), k)
}

func (g *gen) gt(base rel, off uint32, size uint8, k uint32) cond {
	return g.test(opGT, g.field(base, off, size), k)
}

func (g *gen) ge(base rel, off uint32, size uint8, k uint32) cond {
	return g.test(opGE, g.field(base, off, size), k)
}

// bits is true when a bit of mask is set.
func (g *gen) bits(base rel, off uint32, size uint8, mask uint32) cond {
	return g.test(opSET, g.field(base, off, size), mask)
}

// masked compares the bits of mask with k.
func (g *gen) masked(base rel, off uint32, size uint8, k, mask uint32) cond {
	a := g.field(base, off, size)
	switch {
	case mask == 0xffffffff:
		return g.test(opEQ, a, k)
	case k == 0:
		return g.not(g.test(opSET, a, mask))
	}
	return g.test(opEQ, g.v.alu(aAnd, a, g.v.constant(mask), g.elide), k)
}

// bytes compares a run of bytes, the last word first.
func (g *gen) bytes(base rel, off uint32, b []byte) cond {
	c := cond(-1)
	more := func(size int) {
		b0 := b[len(b)-size:]
		b = b[:len(b)-size]
		k := uint32(0)
		for _, x := range b0 {
			k = k<<8 | uint32(x)
		}
		t := g.eq(base, off+uint32(len(b)), uint8(size), k)
		if c >= 0 {
			t = g.and(c, t)
		}
		c = t
	}
	for len(b) >= 4 {
		more(4)
	}
	for len(b) >= 2 {
		more(2)
	}
	if len(b) > 0 {
		more(1)
	}
	return c
}
