package filter

// environment is what the variables are worth at a place.
type environment []assign

// specialiser replaces variables by their values. Where paths with different values meet, what follows is there once
// for each of them: no memory is needed at run time, and conditions on the way that led here can be dropped.
type specialiser struct {
	gr    *graph
	old   []gnode
	envs  []environment
	memo  map[int64]int32
	deps  []int8 // per old node: 1 needs variables, -1 does not, 0 unknown
	subst []map[value]value
}

// specialise removes set nodes and variables.
func (gr *graph) specialise() {
	s := &specialiser{gr: gr, old: gr.n, memo: map[int64]int32{}, deps: make([]int8, len(gr.n))}
	gr.n = make([]gnode, 2, len(s.old))
	gr.root = s.visit(gr.root, s.env(make(environment, gr.g.vars)))
}

// env is the number of an environment.
func (s *specialiser) env(e environment) int {
next:
	for i, o := range s.envs {
		for j := range o {
			if o[j].base != e[j].base || o[j].k != e[j].k {
				continue next
			}
		}
		return i
	}
	for i := range e {
		if e[i] == (assign{}) {
			e[i].base = noValue
		}
	}
	s.envs = append(s.envs, e)
	s.subst = append(s.subst, map[value]value{})
	return len(s.envs) - 1
}

// depends reports whether anything from node i on needs variables.
func (s *specialiser) depends(i int32) bool {
	if isLeaf(i) {
		return false
	}
	if s.deps[i] != 0 {
		return s.deps[i] > 0
	}
	n := &s.old[i]
	d := n.set != nil
	if !d && !n.decided {
		d = s.gr.g.v.n[n.a].vars || n.b != noValue && s.gr.g.v.n[n.b].vars
	}
	t, f := s.depends(n.t), s.depends(n.f)
	d = d || t || f
	s.deps[i] = -1
	if d {
		s.deps[i] = 1
	}
	return d
}

// maxNodes bounds the graph: beyond it the program is too large whatever is done to it.
const maxNodes = 16 * MaxInstructions

// visit is node i under an environment.
func (s *specialiser) visit(i int32, env int) int32 {
	if isLeaf(i) {
		return i
	}
	if !s.depends(i) {
		env = 0
	}
	key := int64(i)<<32 | int64(env)
	if r, ok := s.memo[key]; ok {
		return r
	}
	if len(s.gr.n) > maxNodes {
		s.gr.g.tooLarge()
	}
	n := s.old[i]
	var r int32
	if n.set != nil {
		e := append(environment(nil), s.envs[env]...)
		for _, a := range n.set {
			e[a.v] = s.resolve(a, env)
		}
		r = s.visit(n.t, s.env(e))
	} else {
		t, f := s.visit(n.t, env), s.visit(n.f, env)
		if n.a != noValue {
			n.a = s.value(n.a, env)
		}
		if n.b != noValue {
			n.b = s.value(n.b, env)
		}
		n.t, n.f = t, f
		if n.decided {
			r = s.gr.node(n)
		} else {
			r = s.gr.test(n)
		}
	}
	s.memo[key] = r
	return r
}

// resolve is an assignment with the variables of its own value replaced.
func (s *specialiser) resolve(a assign, env int) assign {
	v := &s.gr.g.v
	r := assign{v: a.v, base: noValue, k: a.k}
	if a.base == noValue {
		return r
	}
	base, k := s.split(a.base, env)
	r.k += k
	if c, ok := v.isConst(base); ok {
		r.k += c
	} else {
		r.base = base
	}
	return r
}

// split is the value of x as an index: a value, or noValue, and a constant.
func (s *specialiser) split(x value, env int) (value, uint32) {
	v := &s.gr.g.v
	n := v.n[x]
	switch {
	case !n.vars:
		return x, 0
	case n.kind == vVar:
		a := s.envs[env][n.k]
		return a.base, a.k
	case n.kind == vALU && n.op == aAdd:
		// Only additions of small numbers are built with vVar inside; they do not overflow.
		l, kl := s.split(n.a, env)
		r, kr := s.split(n.b, env)
		switch {
		case l == noValue:
			return r, kl + kr
		case r == noValue:
			return l, kl + kr
		}
		return v.alu(aAdd, l, r, s.gr.g.elide), kl + kr
	}
	return s.value(x, env), 0
}

// value is x with variables replaced.
func (s *specialiser) value(x value, env int) value {
	v := &s.gr.g.v
	if x == noValue || !v.n[x].vars {
		return x
	}
	if r, ok := s.subst[env][x]; ok {
		return r
	}
	n := v.n[x]
	var r value
	switch n.kind {
	case vVar, vVarSum:
		a := s.envs[env][n.k]
		r = v.constant(a.k)
		if a.base != noValue {
			r = v.alu(aAdd, a.base, r, s.gr.g.elide)
		}
	case vLoad:
		r = s.load(n, env)
	case vNeg:
		r = v.neg(s.value(n.a, env))
	default:
		a := s.value(n.a, env)
		r = v.alu(n.op, a, s.value(n.b, env), s.gr.g.elide)
	}
	s.subst[env][x] = r
	return r
}

// load is a load with variables in its index.
func (s *specialiser) load(n valueNode, env int) value {
	v := &s.gr.g.v
	base, k := s.split(n.a, env)
	if base == noValue {
		return v.load(n.size, noValue, k+n.k)
	}
	if m, ok := s.headerLength(base); ok {
		base = m
	}
	k += n.k
	if k >= 1<<31 && k < 1<<32-1 {
		// A negative constant: the machine would refuse it although the sum is in the packet.
		base, k = v.alu(aAdd, base, v.constant(k), s.gr.g.elide), 0
	}
	return v.load(n.size, base, k)
}

// headerLength finds (packet[k]&0xf)<<2 with a constant k, for which the machine has an instruction.
func (s *specialiser) headerLength(x value) (value, bool) {
	v := &s.gr.g.v
	n := v.n[x]
	if n.kind != vALU || n.op != aShl {
		return x, false
	}
	if k, ok := v.isConst(n.b); !ok || k != 2 {
		return x, false
	}
	m := v.n[n.a]
	if m.kind != vALU || m.op != aAnd {
		return x, false
	}
	if k, ok := v.isConst(m.b); !ok || k != 0xf {
		return x, false
	}
	l := v.n[m.a]
	if l.kind != vLoad || l.size != 1 || l.a != noValue {
		return x, false
	}
	return v.msh(l.k), true
}
