package history

import (
	"slices"
	"strings"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// notedColumns says how the columns hold a field that the flow table or the TCP analysis
// finds out.
type notedColumns struct {
	field *query.Field
	col   index.Column
	proto uint8         // of the innermost IP header; 0: any
	mask  flow.Analysis // of the analysis; 0: the column is the value
}

// notedInColumns are the fields that an index with the columns of connections answers. The
// others are found by a [sweep].
var notedInColumns = func() map[*query.Field]notedColumns {
	m := map[*query.Field]notedColumns{}
	add := func(name string, n notedColumns) {
		n.field = query.LookupField(name)
		m[n.field] = n
	}
	add("flow", notedColumns{col: index.Flow})
	add("tcp.stream", notedColumns{col: index.Stream, proto: packet.ProtoTCP})
	add("udp.stream", notedColumns{col: index.Stream, proto: packet.ProtoUDP})
	add("tcp.analysis.ack_rtt", notedColumns{col: index.AckRTT, proto: packet.ProtoTCP})
	add("tcp.analysis.initial_rtt", notedColumns{col: index.InitialRTT, proto: packet.ProtoTCP})
	add("tcp.analysis.flags", notedColumns{col: index.Analysis, proto: packet.ProtoTCP, mask: ^flow.Analysis(0)})
	for i := range flow.AnalysisCount {
		verdict := flow.Analysis(1) << i
		add("tcp.analysis."+verdict.Name(), notedColumns{col: index.Analysis, proto: packet.ProtoTCP, mask: verdict})
	}
	return m
}()

// inColumns tells whether all that a filter or a top asks of the connections is in the
// indexes of a view.
func (v *view) inColumns(fields []*query.Field) bool {
	tunnels, numbers, names := true, false, false // tunnels are no harm; numbers of flows are asked, or names
	for _, f := range fields {
		names = names || namedFields[f]
		if f.Noted() && !namedFields[f] {
			how, ok := notedInColumns[f]
			if !ok {
				return false
			}
			// Of tunnels the columns have the inner conversation only.
			numbers = numbers || how.col == index.Flow || how.col == index.Stream
			tunnels = tunnels && !strings.HasPrefix(how.field.Name, "udp.")
		}
	}
	for _, p := range v.parts {
		if p.packets == 0 {
			continue
		}
		if p.file == nil || p.file.Info.FlowMemory == 0 || names && !p.file.Info.Names {
			return false
		}
		if numbers && p.file.Info.FlowsFrom != v.units[0].first {
			// The first segments are gone since: what is read now counts from what is left.
			return false
		}
		for g := range p.file.Groups {
			if c := &p.file.Groups[g].Chunks[index.Depth]; !tunnels && (!c.Bounded || c.Max > 1) {
				return false
			}
		}
	}
	return true
}

// noted is one field's values in the rows of a unit.
type noted struct {
	notedColumns
	values, flows, outer, inner *index.Values
}

// noted loads what a field takes.
func (c *columns) noted(how notedColumns) (n noted, err error) {
	n.notedColumns = how
	if n.values, err = c.get(how.col); err != nil {
		return n, err
	}
	if n.flows, err = c.get(index.Flow); err != nil {
		return n, err
	}
	if n.outer, err = c.get(index.Proto); err != nil {
		return n, err
	}
	n.inner, err = c.get(index.InnerProto)
	return n, err
}

// value returns a row's value.
func (n *noted) value(i int) (v uint64, there bool) {
	if !n.values.Has(i) || !n.flows.Has(i) {
		return 0, false
	}
	if n.proto != 0 {
		p := n.outer
		if len(n.inner.Numbers) > 0 && n.inner.Has(i) {
			p = n.inner
		}
		if len(p.Numbers) == 0 || !p.Has(i) || uint8(p.Numbers[p.Small[i]]) != n.proto {
			return 0, false
		}
	}
	switch {
	case n.mask != 0:
		return 1, flow.Analysis(uint32(n.values.Small[i]))&n.mask != 0
	default:
		return uint64(n.values.Large[i]), true
	}
}

// notedLeaf evaluates a condition on what was found out of the connections.
func (c *columns) notedLeaf(f *query.Filter, x query.Expr, how notedColumns, v []uint8) (flat bool, err error) {
	part := f.Part(x)
	var row query.Row
	ask := func(notes ...query.Note) uint8 {
		row.Notes = notes
		if part.Match(&row) {
			return yes
		}
		return no
	}
	absent := ask()
	if !c.has(how.col) || !c.has(index.Flow) {
		c.constant(v, absent, nil)
		return true, nil
	}
	n, err := c.noted(how)
	if err != nil {
		return false, err
	}
	memo := map[uint64]uint8{}
	last, answer := uint64(0), ask(query.Note{Field: how.field})
	for i := range v {
		value, there := n.value(i)
		if !there {
			v[i] = absent
			continue
		}
		if value != last {
			known := false
			if answer, known = memo[value]; !known {
				answer = ask(query.Note{Field: how.field, Value: query.Value{Num: value}})
				memo[value] = answer
			}
			last = value
		}
		v[i] = answer
	}
	return false, nil
}

// notes appends what the columns hold of a row to dst, for the fields of a filter.
func (c *columns) notes(dst []query.Note, fields []*query.Field, i int) ([]query.Note, error) {
	if slices.ContainsFunc(fields, func(f *query.Field) bool { return namedFields[f] }) {
		n, err := c.named()
		if err != nil {
			return dst, err
		}
		if dst, err = n.notes(dst, n.said(i), c.f.Name()); err != nil {
			return dst, err
		}
	}
	for _, f := range fields {
		how, ok := notedInColumns[f]
		if !ok || !c.has(how.col) || !c.has(index.Flow) {
			continue
		}
		n, err := c.noted(how)
		if err != nil {
			return dst, err
		}
		if value, there := n.value(i); there {
			note := query.Note{Field: f, Value: query.Value{Num: value}}
			dst = append(dst, note)
			if how.mask == flow.DuplicateAck {
				dst = append(dst, note) // tshark has it twice: a field and a remark
			}
		}
	}
	return dst, nil
}
