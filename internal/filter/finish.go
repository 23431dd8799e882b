package filter

// finish brings tests into the form in which the machine does them and merges what is equal.
func (gr *graph) finish() {
	gr.decide(2)
	gr.g.v.merge = gr.g.elide && gr.g.vars == 0
	for i := range gr.n[2:] {
		gr.settle(&gr.n[i+2])
	}
	gr.intern()
	if gr.g.elide {
		gr.trimRoot()
	}
	gr.skipDecided()
	gr.intern()
}

// settle rewrites one test: constants that are subtracted move to the other side, and a masked value that is compared
// with zero becomes a test of bits.
func (gr *graph) settle(n *gnode) {
	v := &gr.g.v
	if n.decided {
		return
	}
	if n.user {
		n.a, n.b = v.folded(n.a, gr.g.elide), v.folded(n.b, gr.g.elide)
	}
	if k, ok := v.isConst(n.b); ok {
		n.b, n.k = noValue, k
	}
	if k, ok := v.isConst(n.a); ok && n.b == noValue {
		n.decided = true
		if !holds(n.op, k, n.k) {
			n.t = n.f
		}
		n.f = n.t
		return
	}
	for n.op == opEQ && n.b == noValue && n.a != noValue {
		a := v.n[n.a]
		if a.kind != vALU {
			return
		}
		k, ok := v.isConst(a.b)
		switch {
		case !ok:
			return
		case a.op == aSub:
			n.a, n.k = a.a, n.k+k
		case a.op == aAnd && n.k == 0:
			n.op, n.a, n.k = opSET, a.a, k
			n.t, n.f = n.f, n.t
			if k == 0xffffffff && gr.g.elide {
				// tcpdump's optimiser takes "any of all bits" for always true, also for zero.
				n.f, n.keep = n.t, true
			}
			return
		default:
			return
		}
	}
}

// skipDecided lets every way pass by the tests of constants.
func (gr *graph) skipDecided() {
	pass := func(i int32) int32 {
		for !isLeaf(i) && gr.n[i].decided {
			i = gr.n[i].t
		}
		return i
	}
	gr.root = pass(gr.root)
	for i := range gr.n {
		n := &gr.n[i]
		n.t, n.f = pass(n.t), pass(n.f)
	}
}

// nodeKey is what makes two nodes equal.
type nodeKey struct {
	op   relop
	a, b value
	k    uint32
	t, f int32
}

// intern merges equal nodes, from the leaves up.
func (gr *graph) intern() {
	done := make([]int32, len(gr.n))
	seen := make(map[nodeKey]int32, len(gr.n))
	var visit func(i int32) int32
	visit = func(i int32) int32 {
		if isLeaf(i) {
			return i
		}
		if done[i] != 0 {
			return done[i]
		}
		n := &gr.n[i]
		n.t, n.f = visit(n.t), visit(n.f)
		key := nodeKey{n.op, n.a, n.b, n.k, n.t, n.f}
		r, ok := seen[key]
		if !ok {
			r = i
			seen[key] = i
		}
		done[i] = r
		return r
	}
	gr.root = visit(gr.root)
}

// trimRoot drops tests at the beginning whose answer does not matter. The first one's loads stay unless nothing
// follows.
func (gr *graph) trimRoot() {
	if isLeaf(gr.root) || gr.n[gr.root].t != gr.n[gr.root].f {
		return
	}
	r := gr.n[gr.root].t
	for !isLeaf(r) && gr.n[r].t == gr.n[r].f {
		r = gr.n[r].t
	}
	if isLeaf(r) || gr.n[gr.root].decided {
		gr.root = r
		return
	}
	gr.n[gr.root].t, gr.n[gr.root].f = r, r
}
