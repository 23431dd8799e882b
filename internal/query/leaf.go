package query

import (
	"encoding/binary"
	"math"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// leaf compiles a condition for Summaries; what they do not hold becomes an openLeaf.
func leaf(x Expr) summaryNode {
	var operand Operand
	switch x := x.(type) {
	case *Exists:
		operand = x.X
	case *Truth:
		operand = x.X
	case *Compare:
		operand = x.Left
		if _, ok := x.Right.(*Literal); !ok {
			return openLeaf{}
		}
	case *In:
		operand = x.X
	case *Contains:
		operand = x.X
	case *Matches:
		operand = x.X
	}
	mask := int64(-1)
	if a, ok := operand.(*Arith); ok && a.Op == BitAnd && !a.Type().plain() {
		lit, swapped := a.Left.(*Literal)
		operand = a.Right
		if !swapped {
			lit, operand = a.Right.(*Literal), a.Left
		}
		mask = int64(lit.Value.Num)
	}
	ref, ok := operand.(*FieldRef)
	if !ok || ref.Layers != nil {
		return openLeaf{}
	}
	if l, ok := protocolLeaves[ref.Field.Name]; ok {
		if _, exists := x.(*Exists); exists {
			return l
		}
		return openLeaf{}
	}
	switch ref.Field.Name {
	case "direction":
		return directionOf(x)
	case "vlan", "vlan.id":
		return vlanLeaf{No}
	case wholeFrame:
		if _, exists := x.(*Exists); exists {
			return anything{}
		}
		return openLeaf{}
	}
	if a, ok := addressColumns[ref.Field.Name]; ok && mask == -1 {
		return a.leaf(x)
	}
	if c, ok := numberColumns[ref.Field.Name]; ok {
		return c.leaf(x, mask)
	}
	return openLeaf{}
}

var protocolLeaves = map[string]summaryNode{
	"ip": protocolLeaf{version: 4}, "ipv6": protocolLeaf{version: 6},
	"tcp": protocolLeaf{proto: packet.ProtoTCP, ports: true}, "udp": protocolLeaf{proto: packet.ProtoUDP, ports: true},
	"sctp": protocolLeaf{proto: packet.ProtoSCTP, ports: true},
	"icmp": protocolLeaf{proto: packet.ProtoICMP}, "icmpv6": protocolLeaf{proto: packet.ProtoICMPv6},
}

// anything is true of every packet.
type anything struct{}

func (anything) tri(*packet.Summary) Tri { return Yes }

// directionOf asks a condition on the direction once for each direction.
func directionOf(x Expr) summaryNode {
	n, l := compile(x), &directionLeaf{}
	for d := range packet.DirectionSent + 1 {
		p := packet.Packet{Direction: d}
		l[d] = answer(n.match(&Evaluator{}, &Row{Packet: &p}))
	}
	return l
}

// numberTest tells whether a number is among some. A list of intervals that do not
// overlap, or all but those.
type numberTest struct {
	low, high int64      // the only interval
	more      [][2]int64 // more than one: all of them, sorted
	not       bool
}

func (t *numberTest) holds(v int64) bool {
	if t.more == nil {
		return (v >= t.low && v <= t.high) != t.not
	}
	for _, iv := range t.more {
		if v <= iv[1] {
			return (v >= iv[0]) != t.not
		}
	}
	return t.not
}

// numberOf returns a value as the number that stands for it: that of an IPv4 address is its
// four bytes.
func numberOf(v Value) int64 {
	if len(v.Bytes) == 4 {
		return int64(binary.BigEndian.Uint32(v.Bytes))
	}
	return int64(v.Num)
}

// testOf turns a condition on numbers, or on IPv4 addresses, into a test; ok is false when
// it is none.
func testOf(x Expr) (t numberTest, ok bool) {
	switch x := x.(type) {
	case *Exists:
		return numberTest{low: math.MinInt64, high: math.MaxInt64}, true
	case *Truth:
		return numberTest{not: true}, true
	case *Compare:
		lit := x.Right.(*Literal)
		low, high := numberOf(lit.Value), numberOf(lit.last())
		if x.Left.Type() == TypeBool && x.Op != Eq && x.Op != Ne {
			return t, false
		}
		switch x.Op {
		case Eq, Ne:
			return numberTest{low: low, high: high, not: x.Op == Ne}, true
		case Gt, Le:
			return numberTest{low: math.MinInt64, high: high, not: x.Op == Gt}, true
		default:
			return numberTest{low: low, high: math.MaxInt64, not: x.Op == Lt}, true
		}
	case *In:
		list := intervals(x.X.Type(), x.Set)
		if len(list) == 1 {
			return numberTest{low: numberOf(list[0].low), high: numberOf(list[0].high)}, true
		}
		t.more = [][2]int64{}
		for _, iv := range list {
			t.more = append(t.more, [2]int64{numberOf(iv.low), numberOf(iv.high)})
		}
		return t, true
	}
	return t, false
}

// quantOf returns the quantifier of a condition.
func quantOf(x Expr) Quantifier {
	switch x := x.(type) {
	case *Compare:
		return x.Quant
	case *In:
		return x.Quant
	}
	return Any
}
