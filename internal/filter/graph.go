package filter

// The decision graph's leaves.
const (
	reject int32 = 0
	accept int32 = 1
)

// gnode is a test with a way on for each answer. A node whose ways are the same still loads what it tests.
type gnode struct {
	// round is when the optimiser sees that the answer is known, counted from 1, and yes the answer. 0: it never is.
	round   uint8
	yes     bool
	op      relop
	user    bool
	keep    bool // stays although both ways are the same
	decided bool // compares constants; t is where it goes
	a       value
	b       value // noValue: compare with k
	k       uint32
	t, f    int32
	set     []assign // not nil: no test; gives variables a value and goes on to t
}

// graph is a decision graph without cycles. Nodes 0 and 1 are the leaves.
type graph struct {
	g    *gen
	n    []gnode
	root int32
}

func isLeaf(i int32) bool { return i <= accept }

// graph builds the graph of a condition and resolves its variables.
func (g *gen) graph(root cond) *graph {
	if len(g.conds) > 2*maxNodes {
		g.tooLarge()
	}
	gr := &graph{g: g, n: make([]gnode, 2, len(g.conds)+2)}
	gr.root = gr.build(root, accept, reject)
	if g.vars > 0 {
		gr.specialise()
	}
	return gr
}

// decide takes the answers that are known up to a round. It is true while there were any to take.
func (gr *graph) decide(round int) (changed bool) {
	for i := range gr.n {
		n := &gr.n[i]
		if n.round == 0 {
			continue
		}
		changed = true
		if int(n.round) > round {
			continue
		}
		if n.yes {
			n.f = n.t
		} else {
			n.t = n.f
		}
		n.round = 0
	}
	return changed
}

// build makes the nodes of a condition that goes on to t when it is true and to f when not.
func (gr *graph) build(c cond, t, f int32) int32 {
	n := &gr.g.conds[c]
	switch n.kind {
	case cAnd:
		return gr.build(n.l, gr.build(n.r, t, f), f)
	case cOr:
		return gr.build(n.l, t, gr.build(n.r, t, f))
	case cNot:
		return gr.build(n.l, f, t)
	case cConst:
		return gr.node(gnode{decided: true, round: 1, yes: n.k != 0, a: noValue, b: noValue, t: t, f: f})
	case cTouch:
		return gr.node(gnode{keep: true, a: n.a, b: noValue, t: t, f: t})
	case cSet:
		return gr.node(gnode{set: n.set, t: t, f: t})
	}
	return gr.test(gnode{op: n.op, user: n.user, a: n.a, b: n.b, k: n.k, t: t, f: f})
}

func (gr *graph) node(n gnode) int32 {
	gr.n = append(gr.n, n)
	return int32(len(gr.n) - 1)
}

// test adds a test, which is decided when it compares constants.
func (gr *graph) test(n gnode) int32 {
	v := &gr.g.v
	if k, ok := v.isConst(n.b); ok {
		n.b, n.k = noValue, k
	}
	if a, ok := v.isConst(n.a); ok && n.b == noValue {
		n.decided, n.round, n.yes = true, 1, holds(n.op, a, n.k)
		if n.op == opEQ && n.user {
			n.round = 2 // tcpdump subtracts first
		}
	}
	if n.op == opSET && n.k == 0 && !n.user {
		n.round, n.yes = 1, false
	}
	return gr.node(n)
}

// holds compares two constants.
func holds(op relop, a, b uint32) bool {
	switch op {
	case opEQ:
		return a == b
	case opGT:
		return a > b
	case opGE:
		return a >= b
	}
	return a&b != 0
}
