package filter

// way addresses one of the two edges of a node.
type way struct {
	node int32
	no   bool
}

func (gr *graph) get(w way) int32 {
	if w.no {
		return gr.n[w.node].f
	}
	return gr.n[w.node].t
}

func (gr *graph) put(w way, to int32) {
	if w.no {
		gr.n[w.node].f = to
	} else {
		gr.n[w.node].t = to
	}
}

// pullUps brings tests of one value together, from the leaves up.
func (o *optimiser) pullUps() {
	for l := 1; l < len(o.levels); l++ {
		for _, p := range o.levels[l] {
			o.pullUp(p, true)
			o.pullUp(p, false)
			if o.work > workBudget {
				return
			}
		}
	}
}

// pullUp looks at the chain of alternatives (or = true) or of requirements that begins at place p: tests that share
// their way out. All ways into p come from tests of one value; the first test further down the chain that looks at
// the same value is moved up before the first one that does not.
func (o *optimiser) pullUp(p int32, or bool) {
	gr := o.gr
	in := o.preds[p]
	if len(in) == 0 {
		return
	}
	b := o.nodes[p]
	first := o.nodes[in[len(in)-1]]
	val := gr.n[first].a
	for _, q := range in {
		if gr.n[o.nodes[q]].a != val {
			return
		}
	}
	exit := gr.get(way{b, !or})
	// member reports whether node i goes on with the chain.
	member := func(i int32) bool {
		o.work++
		switch {
		case isLeaf(i) || gr.get(way{i, !or}) != exit:
			return false
		case o.into != nil:
			return i == b || o.into[o.id[i]] == 1
		}
		return o.dominates(p, o.id[i])
	}
	diff := way{first, gr.n[first].t != b}
	top := true
	for {
		d := gr.get(diff)
		if !member(d) {
			return
		}
		if gr.n[d].a != val {
			break
		}
		diff, top = way{d, or}, false
	}
	same := way{gr.get(diff), or}
	for {
		s := gr.get(same)
		if !member(s) {
			return
		}
		if gr.n[s].a == val {
			break
		}
		same = way{s, or}
	}
	pull := gr.get(same)
	rest := gr.get(diff)
	gr.put(same, gr.get(way{pull, or}))
	gr.put(way{pull, or}, rest)
	if !top {
		gr.put(diff, pull)
	} else {
		for _, q := range in {
			w := way{o.nodes[q], gr.n[o.nodes[q]].t != b}
			gr.put(w, pull)
		}
	}
	o.change = true
	if o.into == nil {
		o.findDominators()
		return
	}
	o.into[o.id[pull]] = o.into[o.id[rest]]
	o.into[o.id[rest]] = 1
}
