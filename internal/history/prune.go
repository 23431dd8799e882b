package history

import (
	"math"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// impossible tells, from bloom filters and bounds alone, that no row whose headers are all
// in the columns can pass. False says nothing.
func (c *columns) impossible(f *query.Filter, x query.Expr) (bool, error) {
	switch x := x.(type) {
	case *query.And:
		l, err := c.impossible(f, x.Left)
		if l || err != nil {
			return l, err
		}
		return c.impossible(f, x.Right)
	case *query.Or:
		l, err := c.impossible(f, x.Left)
		if !l || err != nil {
			return false, err
		}
		return c.impossible(f, x.Right)
	case *query.Compare:
		if x.Op != query.Eq {
			return false, nil
		}
		field, _ := fieldOf(x)
		if field == nil {
			return false, nil
		}
		if n, ok := notedInColumns[field]; ok && n.mask == 0 {
			b := &c.f.Groups[c.group].Chunks[n.col]
			lit, plain := x.Right.(*query.Literal)
			_, direct := x.Left.(*query.FieldRef)
			if !plain || !direct || n.field.Type != query.TypeUint {
				return false, nil
			}
			return b.Values == 0 || b.Bounded && (lit.Value.Num > math.MaxInt64 || int64(lit.Value.Num) < b.Min || int64(lit.Value.Num) > b.Max), nil
		}
		how, ok := fieldsInColumns[field.Name]
		if _, plain := x.Left.(*query.FieldRef); !ok || !plain {
			return false, nil
		}
		return c.missing(&how, x.Right.(*query.Literal))
	}
	return false, nil
}

// missing tells that a value is in none of a field's columns.
func (c *columns) missing(how *fieldColumns, lit *query.Literal) (bool, error) {
	var needle index.Needle
	switch {
	case how.kind == wideLeaf:
		b := &c.f.Groups[c.group].Chunks[how.cols[0]]
		n := int64(lit.Value.Num)
		return b.Bounded && (n < b.Min || n > b.Max), nil
	case how.kind == portLeaf:
		if lit.Value.Num > math.MaxUint16 {
			return true, nil
		}
		needle = index.NumberNeedle(uint32(lit.Value.Num))
	case how.kind == addressLeaf && lit.Bits == 8*len(lit.Value.Bytes):
		var a packet.Addr
		switch len(lit.Value.Bytes) {
		case 4:
			a = packet.AddrFrom4([4]byte(lit.Value.Bytes))
		case 16:
			a = packet.Addr(lit.Value.Bytes)
		default:
			return false, nil
		}
		needle = index.WordNeedle(string(a.AppendTo(nil, how.version)))
	default:
		return false, nil
	}
	for _, cols := range [][]index.Column{how.cols, how.inner} {
		for _, col := range cols {
			may, err := c.w.loader.MayHold(c.f, c.group, col, []index.Needle{needle})
			if may || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}
