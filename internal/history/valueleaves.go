package history

import (
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// table asks for each entry of a column's dictionary. only is the one answer when all
// entries have the same.
func (c *columns) table(ask asker, how *fieldColumns, col index.Column) (table []uint8, only bool, err error) {
	values, err := c.list(col)
	if err != nil {
		return nil, false, err
	}
	table = make([]uint8, max(len(values.Words), len(values.Numbers)))
	var s packet.Summary // asked in place: one for all
	for i, word := range values.Words {
		a, version := wordAddr(word)
		s = summaryOf(version, packet.ProtoTCP)
		s.Outer.Src, s.Outer.Dst = a, a
		s.Inner = s.Outer
		table[i] = answers[ask(&s)]
	}
	s = summaryOf(4, how.proto)
	for i, n := range values.Numbers {
		s.Outer.SrcPort, s.Outer.DstPort = uint16(n), uint16(n)
		s.Inner = s.Outer
		table[i] = answers[ask(&s)]
	}
	only = true
	for _, a := range table {
		only = only && a == no
	}
	return table, only, nil
}

// values evaluates a condition on addresses or ports, one or two in each IP header.
func (c *columns) values(ask asker, how *fieldColumns, all bool, v []uint8, unknown []bool) (flat bool, err error) {
	inner := c.has(how.inner[0])
	var tables [][]uint8
	nothing := true
	for _, col := range how.cols {
		t, none, err := c.table(ask, how, col)
		if err != nil {
			return false, err
		}
		tables, nothing = append(tables, t), nothing && none
	}
	for _, col := range how.inner {
		if !inner {
			break
		}
		t, none, err := c.table(ask, how, col)
		if err != nil {
			return false, err
		}
		tables, nothing = append(tables, t), nothing && none
	}
	if nothing {
		c.constant(v, no, unknown)
		return unknown == nil, nil
	}
	if err := c.level(how, how.cols, index.Proto, tables, all, v); err != nil {
		return false, err
	}
	if inner {
		o := c.vector()
		defer c.give()
		if err := c.level(how, how.inner, index.InnerProto, tables[len(how.cols):], all, o); err != nil {
			return false, err
		}
		there := c.w.values[how.inner[0]].There
		for i := range v {
			switch {
			case there != nil && there[i] == 0:
			case all:
				v[i] = open // all of both headers, whichever have the field
			default:
				v[i] = max(v[i], o[i])
			}
		}
	}
	veil(v, unknown)
	return false, nil
}

// level evaluates a condition for one IP header of each row.
func (c *columns) level(how *fieldColumns, cols []index.Column, proto index.Column, tables [][]uint8, all bool, v []uint8) error {
	a, err := c.get(cols[0])
	if err != nil {
		return err
	}
	if len(a.Words) == 0 && len(a.Numbers) == 0 {
		c.constant(v, no, nil)
		return nil
	}
	ta := tables[0]
	if len(cols) == 1 {
		for i, n := range a.Small[:len(v)] {
			v[i] = ta[n]
		}
	} else {
		b, err := c.get(cols[1])
		if err != nil {
			return err
		}
		tb := tables[1]
		bs := b.Small[:len(v)]
		if all {
			for i, n := range a.Small[:len(v)] {
				v[i] = min(ta[n], tb[bs[i]])
			}
		} else {
			for i, n := range a.Small[:len(v)] {
				v[i] = max(ta[n], tb[bs[i]])
			}
		}
	}
	absent(v, a.There)
	if how.kind != portLeaf {
		return nil
	}
	// The ports are those of another protocol where it is not the one asked for.
	p, err := c.list(proto)
	if err != nil {
		return err
	}
	ours := make([]bool, len(p.Numbers))
	every := true
	for i, n := range p.Numbers {
		ours[i] = uint8(n) == how.proto || how.proto == packet.ProtoUDP && n == protoUDPLite
		every = every && ours[i]
	}
	if every {
		return nil
	}
	if p, err = c.get(proto); err != nil {
		return err
	}
	for i, n := range p.Small[:len(v)] {
		if !ours[n] {
			v[i] = no
		}
	}
	return nil
}

const protoUDPLite = 136

func absent(v, there []uint8) {
	for i, t := range there {
		if t == 0 {
			v[i] = no
		}
	}
}
