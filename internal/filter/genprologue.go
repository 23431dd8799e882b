package filter

// prologue puts before the conditions what has to be known before them: the length of radio and 802.11 headers, and
// for PPI that an 802.11 frame follows.
func (g *gen) prologue(root cond) cond {
	if g.payloadVar == noVar {
		return g.withInit(root)
	}
	usesRadio, usesPayload := g.usesVar(g.radioVar), g.usesVar(g.payloadVar)
	g.elide = !usesPayload
	radio := offset{noVar, 0}
	if usesPayload || usesRadio {
		radio = g.radioOffset()
	}
	if usesPayload {
		root = g.and(g.wlanPayload(radio), root)
	}
	if usesRadio {
		root = g.and(g.radioSet(), root)
	}
	if g.base == linkPPI {
		root = g.and(g.test(opEQ, g.v.load(4, noValue, 4), 105<<24), root)
	}
	return g.withInit(root)
}

// withInit sets the variables that have a value from the beginning.
func (g *gen) withInit(root cond) cond {
	if len(g.init) == 0 {
		return root
	}
	return g.and(g.add(condNode{kind: cSet, set: g.init}), root)
}

// usesVar reports whether a tested value depends on variable v.
func (g *gen) usesVar(v int8) bool {
	if v == noVar {
		return false
	}
	for _, n := range g.v.n {
		if (n.kind == vVar || n.kind == vVarSum) && n.k == uint32(v) {
			return true
		}
	}
	return false
}

// radioOffset is where the 802.11 header begins.
func (g *gen) radioOffset() offset {
	if g.radioVar == noVar {
		return offset{noVar, 0}
	}
	return offset{g.radioVar, 0}
}

// radioSet gives the radio variable its value: the length that the radio header tells.
func (g *gen) radioSet() cond {
	set := func(base value, k uint32) cond {
		c := g.add(condNode{kind: cSet, set: []assign{{g.radioVar, base, k}}})
		if base == noValue {
			return c
		}
		return g.and(g.add(condNode{kind: cTouch, a: base}), c)
	}
	switch g.base {
	case linkAVS:
		return set(g.v.load(4, noValue, 4), 0)
	case linkPrism:
		// Some drivers put an AVS header under the Prism type; a Prism header has 144 bytes. Loads may not be
		// dropped from here on: tcpdump does not optimise such programs.
		g.elide = false
		magic := g.v.alu(aAnd, g.v.load(4, noValue, 0), g.v.constant(0xfffff000), false)
		avs := g.and(g.test(opEQ, magic, 0x80211000), set(g.v.load(4, noValue, 4), 0))
		return g.or(avs, set(noValue, 144))
	}
	// Radiotap and PPI: two bytes, little endian.
	high := g.v.alu(aShl, g.v.load(1, noValue, 3), g.v.constant(8), false)
	return set(g.v.alu(aOr, g.v.load(1, noValue, 2), high, false), 0)
}

// wlanPayload gives the payload variable its value: after 24 bytes of MAC header in any frame, 26 in QoS data frames;
// radiotap may say that the header is padded to a multiple of four bytes.
func (g *gen) wlanPayload(radio offset) cond {
	g.elide = false
	base := noValue
	if radio.v != noVar {
		base = g.variable(radio)
	}
	set := func(k uint32) cond {
		return g.add(condNode{kind: cSet, set: []assign{{g.payloadVar, base, k}}})
	}
	control := func(mask uint32) cond { return g.test(opSET, g.at(radio, 0, 1), mask) }
	if g.base != linkRadiotap {
		qos := g.and(control(0x80), set(26))
		data := g.and(control(0x08), g.and(g.not(control(0x04)), g.or(qos, set(24))))
		return g.or(data, set(24))
	}
	present := func(mask uint32) cond { return g.test(opSET, g.v.load(4, noValue, 4), mask) }
	padded := func(at uint32) cond { return g.test(opSET, g.v.load(1, noValue, at), 0x20) }
	round := func(k uint32) cond {
		sum := g.v.alu(aAdd, g.variable(radio), g.v.constant(k+3), false)
		sum = g.v.alu(aAnd, sum, g.v.constant(0xfffffffc), false)
		return g.add(condNode{kind: cSet, set: []assign{{g.payloadVar, sum, 0}}})
	}
	flags := func(k uint32) cond {
		tsft := g.and(present(0x01000000), g.or(g.and(padded(16), round(k)), set(k)))
		bare := g.or(g.and(padded(8), round(k)), set(k))
		known := g.and(present(0x02000000), g.and(g.not(present(0x80)), g.or(tsft, bare)))
		return g.or(known, set(k))
	}
	qos := g.and(control(0x80), flags(26))
	data := g.and(control(0x08), g.and(g.not(control(0x04)), g.or(qos, flags(24))))
	return g.or(data, set(24))
}
