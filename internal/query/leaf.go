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

// testOf turns a condition on numbers into a test; ok is false when it is none.
func testOf(x Expr) (t numberTest, ok bool) {
	switch x := x.(type) {
	case *Exists:
		return numberTest{low: math.MinInt64, high: math.MaxInt64}, true
	case *Truth:
		return numberTest{not: true}, true
	case *Compare:
		n := int64(x.Right.(*Literal).Value.Num)
		if x.Left.Type() == TypeBool && x.Op != Eq && x.Op != Ne {
			return t, false
		}
		switch x.Op {
		case Eq, Ne:
			return numberTest{low: n, high: n, not: x.Op == Ne}, true
		case Gt, Le:
			return numberTest{low: math.MinInt64, high: n, not: x.Op == Gt}, true
		default:
			return numberTest{low: n, high: math.MaxInt64, not: x.Op == Lt}, true
		}
	case *In:
		list := intervals(x.X.Type(), x.Set)
		if len(list) == 1 {
			return numberTest{low: int64(list[0].low.Num), high: int64(list[0].high.Num)}, true
		}
		t.more = [][2]int64{}
		for _, iv := range list {
			t.more = append(t.more, [2]int64{int64(iv.low.Num), int64(iv.high.Num)})
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

// addressColumn says where in the tuples a field's addresses stand.
type addressColumn struct {
	version  uint8
	src, dst bool
}

var addressColumns = map[string]addressColumn{
	"ip.addr": {4, true, true}, "ip.src": {4, true, false}, "ip.dst": {4, false, true},
	"ipv6.addr": {6, true, true}, "ipv6.src": {6, true, false}, "ipv6.dst": {6, false, true},
}

// key is an address as a number of 128 bits.
type key struct{ high, low uint64 }

func keyOf(a *packet.Addr) key {
	return key{binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])}
}

func (k key) less(o key) bool { return k.high < o.high || k.high == o.high && k.low < o.low }

// addressLeaf tests the addresses of one IP version.
type addressLeaf struct {
	addressColumn
	all, not bool
	list     [][2]key // sorted, without overlaps
}

func (c addressColumn) leaf(x Expr) summaryNode {
	l := &addressLeaf{addressColumn: c, all: quantOf(x) == All}
	lowest, highest := key{}, key{math.MaxUint64, math.MaxUint64}
	switch x := x.(type) {
	case *Exists:
		l.list = [][2]key{{lowest, highest}}
	case *Compare:
		lit := x.Right.(*Literal)
		from, to := c.key(lit.Value), c.key(lit.last())
		switch x.Op {
		case Gt, Le:
			from = lowest
		case Lt, Ge:
			to = highest
		}
		l.list = [][2]key{{from, to}}
		l.not = x.Op == Ne || x.Op == Gt || x.Op == Lt
	case *In:
		for _, iv := range intervals(x.X.Type(), x.Set) {
			l.list = append(l.list, [2]key{c.key(iv.low), c.key(iv.high)})
		}
	default:
		return openLeaf{}
	}
	return l
}

// key returns an address as it stands in a Summary.
func (c addressColumn) key(v Value) key {
	var a packet.Addr
	if c.version == 4 {
		a = packet.AddrFrom4([4]byte(v.Bytes))
	} else {
		a = packet.Addr(v.Bytes)
	}
	return keyOf(&a)
}

func (l *addressLeaf) tri(s *packet.Summary) Tri {
	if !whole(s) {
		return Unknown
	}
	found, missed := l.tuple(&s.Outer)
	if s.Depth > 1 {
		f, m := l.tuple(&s.Inner)
		found, missed = found || f, missed || m
	}
	return answer(found && !(l.all && missed))
}

func (l *addressLeaf) tuple(t *packet.Tuple) (found, missed bool) {
	if t.Version != l.version {
		return false, false
	}
	if l.src {
		found = l.holds(keyOf(&t.Src))
		missed = !found
	}
	if l.dst {
		if l.holds(keyOf(&t.Dst)) {
			found = true
		} else {
			missed = true
		}
	}
	return found, missed
}

func (l *addressLeaf) holds(k key) bool {
	for i := range l.list {
		if iv := &l.list[i]; !iv[1].less(k) {
			return !k.less(iv[0]) != l.not
		}
	}
	return l.not
}
