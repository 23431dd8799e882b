package query

import (
	"bytes"
	"sync"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Evaluator evaluates one filter for one goroutine. It allocates nothing once it has seen
// the packet with the most values.
type Evaluator struct {
	filter *Filter
	values []Value
	bytes  []byte // values that were put together: slices of several parts, upper(…)
	reader byteRunes
	layer  layerView
}

// layerView is a packet reduced to some of its headers, for the layer operator.
type layerView struct {
	row    Row
	packet packet.Packet
}

// Evaluator returns a new evaluator of the filter.
func (f *Filter) Evaluator() *Evaluator { return &Evaluator{filter: f} }

// Match tells whether a packet passes. r is only read.
func (e *Evaluator) Match(r *Row) bool {
	e.bytes, e.values = e.bytes[:0], e.values[:0]
	return e.filter.program.match(e, r)
}

// evaluators is a pool of a filter's evaluators.
type evaluators struct{ pool sync.Pool }

func (p *evaluators) match(f *Filter, r *Row) bool {
	e, ok := p.pool.Get().(*Evaluator)
	if !ok {
		e = f.Evaluator()
	}
	yes := e.Match(r)
	e.reader = byteRunes{}
	p.pool.Put(e)
	return yes
}

// condition nodes: what the tree of expressions is compiled to.
type node interface {
	match(e *Evaluator, r *Row) bool
}

type (
	allOf    []node
	anyOf    []node
	oneOf    struct{ left, right node } // xor
	noneOf   struct{ x node }
	existing struct{ x source }
	truth    struct {
		x     source
		plain bool // bytes, not numbers
	}
	tested struct { // each value is tested by itself
		x     source
		test  func(e *Evaluator, v *Value) bool
		quant Quantifier
	}
	paired struct { // values are compared with values
		left, right source
		typ         Type
		op          Op
		quant       Quantifier
	}
)

func (n allOf) match(e *Evaluator, r *Row) bool {
	for _, x := range n {
		if !x.match(e, r) {
			return false
		}
	}
	return true
}

func (n anyOf) match(e *Evaluator, r *Row) bool {
	for _, x := range n {
		if x.match(e, r) {
			return true
		}
	}
	return false
}

func (n oneOf) match(e *Evaluator, r *Row) bool {
	return n.left.match(e, r) != n.right.match(e, r)
}

func (n noneOf) match(e *Evaluator, r *Row) bool { return !n.x.match(e, r) }

// values returns the values of a source in the evaluator's memory; done gives it back.
func (e *Evaluator) list(x source, r *Row) []Value {
	start := len(e.values)
	e.values = x.append(e, r, e.values)
	return e.values[start:]
}

func (e *Evaluator) done(values []Value) { e.values = e.values[:len(e.values)-len(values)] }

func (n existing) match(e *Evaluator, r *Row) bool {
	list := e.list(n.x, r)
	defer e.done(list)
	return len(list) > 0
}

func (n truth) match(e *Evaluator, r *Row) bool {
	list := e.list(n.x, r)
	defer e.done(list)
	for i := range list {
		if n.plain && len(bytes.TrimLeft(list[i].Bytes, "\x00")) > 0 || !n.plain && list[i].Num != 0 {
			return true
		}
	}
	return false
}

func (n *tested) match(e *Evaluator, r *Row) bool {
	list := e.list(n.x, r)
	defer e.done(list)
	for i := range list {
		if n.test(e, &list[i]) != (n.quant == All) {
			return n.quant == Any
		}
	}
	return n.quant == All && len(list) > 0
}

// maxPairs is how many comparisons of two fields' values are made one by one; with more
// values both sides are sorted first, so that a packet full of values costs little.
const maxPairs = 1024

func (n *paired) match(e *Evaluator, r *Row) bool {
	start := len(e.values)
	left := len(e.list(n.left, r))
	e.list(n.right, r)
	both := e.values[start:]
	defer e.done(both)
	l, rr := both[:left], both[left:]
	if len(l) == 0 || len(rr) == 0 {
		return false
	}
	if len(l)*len(rr) > maxPairs {
		return n.sorted(l, rr)
	}
	for i := range l {
		for j := range rr {
			if n.op.holds(compareValues(n.typ, &l[i], &rr[j])) != (n.quant == All) {
				return n.quant == Any
			}
		}
	}
	return n.quant == All
}

// sorted answers what match does, after sorting both sides.
func (n *paired) sorted(l, r []Value) bool {
	sortValues(n.typ, l)
	sortValues(n.typ, r)
	lowest := compareValues(n.typ, &l[0], &r[len(r)-1])  // the smallest pair
	highest := compareValues(n.typ, &l[len(l)-1], &r[0]) // the largest pair
	switch n.op {
	case Eq, Ne:
		same := (n.op == Eq) == (n.quant == Any)
		if same { // any pair equal, or not all unequal
			return common(n.typ, l, r) == (n.quant == Any)
		}
		return (lowest == 0 && highest == 0) == (n.quant == All)
	case Lt, Le:
		if n.quant == Any {
			return n.op.holds(lowest)
		}
		return n.op.holds(highest)
	default:
		if n.quant == Any {
			return n.op.holds(highest)
		}
		return n.op.holds(lowest)
	}
}

// common tells whether two sorted lists share a value.
func common(t Type, l, r []Value) bool {
	for len(l) > 0 && len(r) > 0 {
		switch c := compareValues(t, &l[0], &r[0]); {
		case c == 0:
			return true
		case c < 0:
			l = l[1:]
		default:
			r = r[1:]
		}
	}
	return false
}
