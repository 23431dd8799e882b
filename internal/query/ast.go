package query

import "regexp"

// Expr is a node of a filter that is true or false of a packet: [And], [Or], [Xor],
// [Not], [Exists], [Truth], [Compare], [In], [Contains] or [Matches]. Nodes are not changed
// once [Parse] has returned them. A translation (to SQL, to an index) handles the nodes
// that it knows and leaves the others to [Filter.Match].
type Expr interface{ expr() }

// And is true when both sides are.
type And struct{ Left, Right Expr }

// Or is true when one side is, or both.
type Or struct{ Left, Right Expr }

// Xor is true when exactly one side is.
type Xor struct{ Left, Right Expr }

// Not is true when the expression is not.
type Not struct{ X Expr }

// Exists is true when the packet has the field, or the slice of it, whatever its value:
// also a flag that is 0. X is a [FieldRef] or a [Slice].
type Exists struct{ X Operand }

// Truth is true when one of the operand's values is not zero (tcp.flags & 0x02).
type Truth struct{ X Operand }

// Op is a comparison.
type Op uint8

// The comparisons.
const (
	Eq Op = iota
	Ne
	Gt
	Ge
	Lt
	Le
)

// Quantifier says how many of the values must meet a condition.
type Quantifier uint8

// The quantifiers. With none of the values there, neither is met.
const (
	Any Quantifier = iota // at least one
	All                   // each
)

// Compare compares each value of Left with each of Right. Right is a [Literal] or another
// operand of a type that compares; Left is never a literal. By default == < <= > >= ask
// for any pair (Any) and != for all (All), as in Wireshark 4.0.
type Compare struct {
	Op          Op
	Quant       Quantifier
	Left, Right Operand
}

// In is true when a value of X lies in one of the ranges. With All it is true when all
// values lie in the same range, as in Wireshark.
type In struct {
	Quant Quantifier
	X     Operand
	Set   []Range // as written
}

// Range is what lies between two values, both inclusive. For a single value High is nil;
// then Low may be a subnet.
type Range struct{ Low, High *Literal }

// Contains is true when a value's bytes or text (with All: each) contain Needle's.
type Contains struct {
	Quant  Quantifier
	X      Operand
	Needle *Literal
}

// Matches is true when the pattern matches somewhere in a value's bytes or text (with All:
// in each). Pattern is as written; it is meant without regard to case.
type Matches struct {
	Quant   Quantifier
	X       Operand
	Pattern string

	re *regexp.Regexp
}

func (*And) expr()      {}
func (*Or) expr()       {}
func (*Xor) expr()      {}
func (*Not) expr()      {}
func (*Exists) expr()   {}
func (*Truth) expr()    {}
func (*Compare) expr()  {}
func (*In) expr()       {}
func (*Contains) expr() {}
func (*Matches) expr()  {}

// Operand is a node that stands for values: [FieldRef], [Literal], [Slice], [Arith] or
// [Call].
type Operand interface {
	// Type is the type of the values.
	Type() Type
}

// FieldRef stands for a field's occurrences in the packet.
type FieldRef struct {
	Field *Field
	// Layers restricts them to these layers of the field's protocol, counted from 1; empty:
	// all.
	Layers []Span
}

// Literal is a value that was written down, already of the type it is compared with.
type Literal struct {
	Value Value
	Kind  Type
	// Bits is how many leading bits of an address count (10.0.0.0/8: 8); all of them when
	// it is not a subnet.
	Bits int

	base Base // as String writes a number
}

// Slice stands for a part of each value's bytes. Of a protocol these are, as in Wireshark,
// the header's; of frame, tcp, icmp, icmpv6 and sctp also those that it carries.
type Slice struct {
	X     Operand
	Spans []Span
}

// Span is a run of bytes or of layers. From counts from 0 (layers: from 1), negative from
// the end. Len 0 means to the end.
type Span struct{ From, Len int }

// ArithOp is an operation on numbers.
type ArithOp uint8

// The operations.
const (
	BitAnd ArithOp = iota
	Add
	Sub
	Mul
	Div
	Mod
)

// Arith stands for the results of an operation with each of the values. One side is a
// [Literal]. Numbers are signed and fit in 32 bits, with or without sign; bytes and
// addresses know BitAnd only, over as many bytes as the shorter side has.
type Arith struct {
	Op          ArithOp
	Left, Right Operand
}

// Call stands for a function of the values: len, count, upper, lower, string, max or min.
type Call struct {
	Func string
	Args []Operand
}

// Type implements Operand.
func (r *FieldRef) Type() Type { return r.Field.Type }

// Type implements Operand.
func (l *Literal) Type() Type { return l.Kind }

// Type implements Operand.
func (*Slice) Type() Type { return TypeBytes }

// Type implements Operand.
func (a *Arith) Type() Type {
	if l, ok := a.Left.(*Literal); ok {
		return l.Kind
	}
	return a.Left.Type()
}

// Type implements Operand.
func (c *Call) Type() Type {
	switch c.Func {
	case "len", "count":
		return TypeUint
	case "upper", "lower", "string":
		return TypeText
	default:
		return c.Args[0].Type()
	}
}
