package filter

import "golang.org/x/net/bpf"

// regs is what the machine's registers are known to hold; noValue where nothing is known.
type regs struct {
	a, x value
	mem  [scratchWords]value
}

var noRegs = func() (r regs) {
	r.a, r.x = noValue, noValue
	for i := range r.mem {
		r.mem[i] = noValue
	}
	return r
}()

// meet keeps what holds on both ways.
func (r *regs) meet(o *regs) {
	if r.a != o.a {
		r.a = noValue
	}
	if r.x != o.x {
		r.x = noValue
	}
	for i := range r.mem {
		if r.mem[i] != o.mem[i] {
			r.mem[i] = noValue
		}
	}
}

// emitter turns the graph into instructions.
type emitter struct {
	gr   *graph
	v    *values
	r    regs
	code []bpf.RawInstruction
	busy [scratchWords]bool // words that the value at hand keeps intermediate results in
	uses map[value]int      // how often a costly index is still wanted
}

// block is a node with its instructions; the last one is the comparison, whose ways are filled in by layout. A node
// without a comparison has no ways but goes on to the next block, or through a jump (longT).
type block struct {
	node     int32
	from, to int  // in the emitter's code
	longT    bool // the way is too far for a byte
	longF    bool
	start    int  // in the program
	island   bool // both returns stand before this block
	gone     bool
}

// emit writes the program.
func (gr *graph) emit() []bpf.RawInstruction {
	if isLeaf(gr.root) {
		k := uint32(0)
		if gr.root == accept {
			k = snapLen(gr.g.t)
		}
		return []bpf.RawInstruction{{Op: opRetK, K: k}}
	}
	order := gr.order()
	e := &emitter{gr: gr, v: &gr.g.v, uses: map[value]int{}}
	e.countUses(order)
	entry := make([]regs, len(order))
	known := make([]bool, len(order))
	place := make([]int32, len(gr.n))
	for p, i := range order {
		place[i] = int32(p)
	}
	entry[0], known[0] = noRegs, true
	blocks := make([]block, len(order))
	e.code = make([]bpf.RawInstruction, 0, 3*len(order))
	for p, i := range order {
		n := &gr.n[i]
		e.r = entry[p]
		from := len(e.code)
		e.test(n)
		blocks[p] = block{node: i, from: from, to: len(e.code)}
		for _, t := range [...]int32{n.t, n.f} {
			if isLeaf(t) {
				continue
			}
			q := place[t]
			if !known[q] {
				entry[q], known[q] = e.r, true
			} else {
				entry[q].meet(&e.r)
			}
		}
	}
	return gr.layout(e.code, gr.mergeBlocks(e.code, blocks, place), place)
}

// blockKey is what makes two blocks equal: their instructions and where they go to.
type blockKey struct {
	n    int
	code [3]bpf.RawInstruction
	t, f int32
}

// mergeBlocks keeps one of the blocks that do the same. Their tests may be of different values: what is in the
// registers comes from before.
func (gr *graph) mergeBlocks(code []bpf.RawInstruction, blocks []block, place []int32) []block {
	first := make(map[blockKey]int32, len(blocks))
	same := make([]int32, len(gr.n)) // the node that stands for a node, if another one does
	for p := len(blocks) - 1; p >= 0; p-- {
		b := &blocks[p]
		n := &gr.n[b.node]
		for _, w := range [...]*int32{&n.t, &n.f} {
			if s := same[*w]; s != 0 {
				*w = s
			}
		}
		key := blockKey{n: b.to - b.from, t: n.t, f: n.f}
		if key.n > len(key.code) {
			continue
		}
		copy(key.code[:], code[b.from:b.to])
		if other, ok := first[key]; ok {
			same[b.node] = other
			b.gone = true
			continue
		}
		first[key] = b.node
	}
	kept := blocks[:0]
	for _, b := range blocks {
		if !b.gone {
			place[b.node] = int32(len(kept))
			kept = append(kept, b)
		}
	}
	return kept
}

// order is the nodes such that each comes before those it goes on to; the false way comes first after a node, so that
// alternatives stand one after the other.
func (gr *graph) order() []int32 {
	seen := make([]bool, len(gr.n))
	out := make([]int32, 0, len(gr.n))
	var visit func(i int32)
	visit = func(i int32) {
		if isLeaf(i) || seen[i] {
			return
		}
		seen[i] = true
		visit(gr.n[i].f)
		visit(gr.n[i].t)
		out = append(out, i)
	}
	visit(gr.root)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// countUses counts in how many tests each index occurs that takes more than one instruction.
func (e *emitter) countUses(order []int32) {
	for _, i := range order {
		n := &e.gr.n[i]
		e.countIndex(n.a)
		if n.b != noValue {
			e.countIndex(n.b)
		}
	}
}

func (e *emitter) countIndex(x value) {
	if x == noValue {
		return
	}
	n := &e.v.n[x]
	if n.kind == vLoad && n.a != noValue && e.v.n[n.a].cost > 2 {
		e.uses[n.a]++
	}
	if n.kind != vLoad {
		e.countIndex(n.a)
		e.countIndex(n.b)
	}
}

// test emits one node: what it compares into A, and into X if it is no constant, and the comparison. A node whose ways
// are the same only loads.
func (e *emitter) test(n *gnode) {
	op := jmpBits[n.op]
	if n.t == n.f {
		e.toA(n.a)
		if n.b != noValue {
			e.toX(n.b)
		}
		return
	}
	if n.b == noValue {
		e.toA(n.a)
		e.put(op|jmpK, n.k)
		return
	}
	e.both(n.a, n.b)
	e.put(op|jmpX, 0)
}

func (e *emitter) put(op uint16, k uint32) {
	e.code = append(e.code, bpf.RawInstruction{Op: op, K: k})
}
