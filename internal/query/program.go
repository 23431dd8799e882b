package query

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// newFilter compiles a checked tree.
func newFilter(root Expr) *Filter {
	fields := fieldsOf(nil, root)
	return &Filter{
		root: root, fields: fields, needs: needsOf(root, fields),
		program: compile(root), summary: summarize(root),
	}
}

// compile turns an expression into what evaluates it. Runs of && and of || become one
// node.
func compile(x Expr) node {
	switch x := x.(type) {
	case *And:
		return joined[allOf](compile(x.Left), compile(x.Right))
	case *Or:
		return joined[anyOf](compile(x.Left), compile(x.Right))
	case *Xor:
		return oneOf{compile(x.Left), compile(x.Right)}
	case *Not:
		return noneOf{compile(x.X)}
	case *Exists:
		return existing{sourceOf(x.X)}
	case *Truth:
		return truth{sourceOf(x.X), x.X.Type().plain()}
	case *Compare:
		return compileCompare(x)
	case *In:
		if each := eachRange(x); each != nil {
			return compile(each)
		}
		t, set := x.X.Type(), intervals(x.X.Type(), x.Set)
		return &tested{sourceOf(x.X), func(_ *Evaluator, v *Value) bool { return inside(t, set, v) }, x.Quant}
	case *Contains:
		return &tested{bytesSourceOf(x.X, false), testContains(x.Needle), x.Quant}
	default:
		m := x.(*Matches)
		return &tested{bytesSourceOf(m.X, false), testMatches(m), m.Quant}
	}
}

// eachRange takes a set whose condition is that all values lie in the same range apart,
// nil when that is not so.
func eachRange(x *In) Expr {
	if x.Quant == Any || len(x.Set) == 1 {
		return nil
	}
	var whole Expr
	for _, r := range x.Set {
		var one Expr = &In{x.Quant, x.X, []Range{r}}
		if whole != nil {
			one = &Or{whole, one}
		}
		whole = one
	}
	return whole
}

// joined makes one node of two; left is changed when it is such a node already.
func joined[T interface {
	~[]node
	node
}](left, right node) node {
	list, ok := left.(T)
	if !ok {
		list = T{left}
	}
	if r, ok := right.(T); ok {
		return append(list, r...)
	}
	return append(list, right)
}

func compileCompare(x *Compare) node {
	t, op := x.Left.Type(), x.Op
	lit, ok := x.Right.(*Literal)
	if !ok {
		return &paired{sourceOf(x.Left), sourceOf(x.Right), t, op, x.Quant}
	}
	iv := interval{lit.Value, lit.last()}
	test := func(_ *Evaluator, v *Value) bool { return op.holds(against(t, &iv, v)) }
	if t.signed() {
		n := int64(lit.Value.Num)
		test = func(_ *Evaluator, v *Value) bool {
			switch m := int64(v.Num); op {
			case Eq:
				return m == n
			case Ne:
				return m != n
			case Gt:
				return m > n
			case Ge:
				return m >= n
			case Lt:
				return m < n
			default:
				return m <= n
			}
		}
	}
	return &tested{sourceOf(x.Left), test, x.Quant}
}

func testContains(needle *Literal) func(*Evaluator, *Value) bool {
	b, text := needle.Value.Bytes, string(needle.Value.Bytes)
	return func(_ *Evaluator, v *Value) bool {
		if v.Bytes != nil {
			return bytes.Contains(v.Bytes, b)
		}
		return strings.Contains(v.Text, text)
	}
}

// testMatches returns the test of a pattern. In ASCII, bytes are the same as runes, and
// the faster ways of regexp serve.
func testMatches(m *Matches) func(*Evaluator, *Value) bool {
	re := m.re
	return func(e *Evaluator, v *Value) bool {
		switch {
		case v.Bytes == nil && ascii(v.Text):
			return re.MatchString(v.Text)
		case v.Bytes != nil && ascii(v.Bytes):
			return re.Match(v.Bytes)
		}
		e.reader = byteRunes{bytes: v.Bytes, text: v.Text}
		return re.MatchReader(&e.reader)
	}
}

func ascii[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// bytesSourceOf is sourceOf for contains, matches and (part) slices, which look at a
// protocol's bytes.
func bytesSourceOf(x Operand, part bool) source {
	ref, ok := x.(*FieldRef)
	if !ok || ref.Field.Type != TypeProtocol {
		return sourceOf(x)
	}
	return layered(bytesSource{ref.Field, part}, ref)
}

func layered(s source, ref *FieldRef) source {
	if ref.Layers == nil {
		return s
	}
	return &layerSource{s, layersOf(ref.Field), ref.Layers}
}

// sourceOf turns an operand that is no literal into what gives its values.
func sourceOf(x Operand) source {
	switch x := x.(type) {
	case *FieldRef:
		return layered(fieldSource{x.Field}, x)
	case *Slice:
		return &sliceSource{bytesSourceOf(x.X, true), x.Spans}
	case *Arith:
		return arithSourceOf(x)
	default:
		return callSource(x.(*Call))
	}
}

func arithSourceOf(a *Arith) source {
	lit, swapped := a.Left.(*Literal)
	x := a.Right
	if !swapped {
		lit, x = a.Right.(*Literal), a.Left
	}
	if lit.Kind.plain() {
		return &maskSource{sourceOf(x), lit.Value.Bytes}
	}
	return &arithSource{sourceOf(x), a.Op, int64(lit.Value.Num), swapped}
}

func callSource(c *Call) source {
	x := sourceOf(c.Args[0])
	switch c.Func {
	case "len":
		return lenSource{x}
	case "count":
		return countSource{x}
	case "upper":
		return &caseSource{x, 'a', 'z', 0x100 - ('a' - 'A')}
	case "lower":
		return &caseSource{x, 'A', 'Z', 'a' - 'A'}
	case "string":
		return &stringSource{x, c.Args[0].(*FieldRef).Field}
	}
	s := &extremeSource{typ: c.Type(), sign: 1}
	if c.Func == "min" {
		s.sign = -1
	}
	for _, arg := range c.Args {
		s.list = append(s.list, sourceOf(arg))
	}
	return s
}
