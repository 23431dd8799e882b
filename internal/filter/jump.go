package filter

import "math/bits"

// findEdgeDominators computes, for every edge, the edges on all ways to it, and sorts edges by what they test.
func (o *optimiser) findEdgeDominators() {
	n := len(o.nodes)
	o.ew = (2*n + 63) / 64
	o.edom = onesSets(o.edom, 2*n, o.ew)
	o.work += 8 * n * o.ew
	in := onesSets(nil, n, o.ew) // what holds at a node
	clear(o.set(in, o.id[o.gr.root], o.ew))
	o.down(func(p int32) {
		s := o.set(in, p, o.ew)
		nd := &o.gr.n[o.nodes[p]]
		for i, t := range [...]int32{nd.t, nd.f} {
			e := p + int32(i*n)
			d := o.set(o.edom, e, o.ew)
			copy(d, s)
			d[e/64] |= 1 << (e % 64)
			if !isLeaf(t) {
				and(o.set(in, o.id[t], o.ew), d)
			}
		}
	})
	o.findClasses(n)
}

// findClasses groups the places whose tests can answer each other.
func (o *optimiser) findClasses(n int) {
	o.class = o.class[:0]
	o.classs = append(o.classs[:0], make([]int32, n)...)
	type key struct {
		a   value
		op  relop
		reg bool
	}
	keys := make(map[key]int32, n)
	for p := range int32(n) {
		nd := &o.gr.n[o.nodes[p]]
		k := key{nd.a, nd.op, nd.b != noValue}
		c, ok := keys[k]
		if !ok {
			c = int32(len(o.class))
			keys[k] = c
			o.class = append(o.class, make([]uint64, o.ew))
		}
		o.classs[p] = c
		e := p + int32(n)
		o.class[c][p/64] |= 1 << (p % 64)
		o.class[c][e/64] |= 1 << (e % 64)
	}
}

// jumps shortens every edge as far as it goes, from the leaves up.
func (o *optimiser) jumps() {
	n := int32(len(o.nodes))
	for l := 1; l < len(o.levels); l++ {
		for _, p := range o.levels[l] {
			nd := &o.gr.n[o.nodes[p]]
			nd.t = o.jump(p, nd.t)
			nd.f = o.jump(p+n, nd.f)
		}
	}
}

// jump is the place that edge e, which leads to target, may go to instead.
func (o *optimiser) jump(e, target int32) int32 {
	if isLeaf(target) {
		return target
	}
	if nd := &o.gr.n[target]; nd.t == nd.f && !nd.keep && o.gr.g.elide {
		target = nd.t
		o.change, o.moved = true, true
	}
	d := o.set(o.edom, e, o.ew)
	for !isLeaf(target) {
		next := o.answer(d, target)
		if next < 0 {
			break
		}
		target = next
		o.change = true
	}
	return target
}

// answer is where a test goes to that the edges of d have answered, or -1.
func (o *optimiser) answer(d []uint64, target int32) int32 {
	n := int32(len(o.nodes))
	child := &o.gr.n[target]
	c := o.class[o.classs[o.id[target]]]
	o.work += o.ew
	for w := range d {
		for x := d[w] & c[w]; x != 0; x &= x - 1 {
			e := int32(w*64 + bits.TrailingZeros64(x))
			yes := e < n
			if !yes {
				e -= n
			}
			p := &o.gr.n[o.nodes[e]]
			switch {
			case p.k == child.k && p.b == child.b:
				if yes {
					return child.t
				}
				return child.f
			case yes && p.op == opEQ && p.b == noValue:
				return child.f
			}
		}
	}
	return -1
}
