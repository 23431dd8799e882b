package query

import (
	"encoding/binary"
	"math"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// addressColumn says where in the tuples a field's addresses stand.
type addressColumn struct {
	version  uint8
	src, dst bool
}

var addressColumns = map[string]addressColumn{
	"ip.addr": {4, true, true}, "ip.src": {4, true, false}, "ip.dst": {4, false, true},
	"ipv6.addr": {6, true, true}, "ipv6.src": {6, true, false}, "ipv6.dst": {6, false, true},
}

// leaf compiles a condition on the column's addresses.
func (c addressColumn) leaf(x Expr) summaryNode {
	all := quantOf(x) == All
	if c.version == 4 {
		test, ok := testOf(x)
		if !ok {
			return openLeaf{}
		}
		return &address4Leaf{c, all, test}
	}
	l := &address6Leaf{addressColumn: c, all: all}
	lowest, highest := key{}, key{math.MaxUint64, math.MaxUint64}
	switch x := x.(type) {
	case *Exists:
		l.list = [][2]key{{lowest, highest}}
	case *Compare:
		lit := x.Right.(*Literal)
		from, to := keyOf(lit.Value.Bytes), keyOf(lit.last().Bytes)
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
			l.list = append(l.list, [2]key{keyOf(iv.low.Bytes), keyOf(iv.high.Bytes)})
		}
	default:
		return openLeaf{}
	}
	return l
}

// address4Leaf tests IPv4 addresses as numbers.
type address4Leaf struct {
	addressColumn
	all  bool
	test numberTest
}

func (l *address4Leaf) tri(s *packet.Summary) Tri {
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

func (l *address4Leaf) tuple(t *packet.Tuple) (found, missed bool) {
	if t.Version != 4 {
		return false, false
	}
	if l.src {
		found = l.test.holds(int64(binary.BigEndian.Uint32(t.Src[12:])))
		missed = !found
	}
	if l.dst {
		if l.test.holds(int64(binary.BigEndian.Uint32(t.Dst[12:]))) {
			found = true
		} else {
			missed = true
		}
	}
	return found, missed
}

// key is an IPv6 address as a number of 128 bits.
type key struct{ high, low uint64 }

func keyOf(b []byte) key {
	return key{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (k key) less(o key) bool { return k.high < o.high || k.high == o.high && k.low < o.low }

// address6Leaf tests IPv6 addresses.
type address6Leaf struct {
	addressColumn
	all, not bool
	list     [][2]key // sorted, without overlaps
}

func (l *address6Leaf) tri(s *packet.Summary) Tri {
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

func (l *address6Leaf) tuple(t *packet.Tuple) (found, missed bool) {
	if t.Version != 6 {
		return false, false
	}
	if l.src {
		found = l.holds(keyOf(t.Src[:]))
		missed = !found
	}
	if l.dst {
		if l.holds(keyOf(t.Dst[:])) {
			found = true
		} else {
			missed = true
		}
	}
	return found, missed
}

func (l *address6Leaf) holds(k key) bool {
	for i := range l.list {
		if iv := &l.list[i]; !iv[1].less(k) {
			return !k.less(iv[0]) != l.not
		}
	}
	return l.not
}
