package history

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// topMost bounds the distinct values that are counted. Those that appear when so many are
// known are left out, and the answer says that it is approximate.
const topMost = 1 << 20

// UnknownFieldError says that there is no field of that name.
type UnknownFieldError struct{ Name string }

// Error implements error.
func (e *UnknownFieldError) Error() string { return fmt.Sprintf("no field of the name %q", e.Name) }

// The names, besides the fields of [query.LookupField], of which Top is known: the
// addresses of the outermost IP header, of either version.
const (
	TopSrc = "src"
	TopDst = "dst"
)

// tally counts values.
type tally struct {
	mu     sync.Mutex
	counts map[string]query.Amount
	over   bool
}

func (t *tally) add(value string, a query.Amount) {
	old, ok := t.counts[value]
	if !ok && len(t.counts) >= topMost {
		t.over = true
		return
	}
	t.counts[value] = query.Amount{Packets: old.Packets + a.Packets, Bytes: old.Bytes + a.Bytes}
}

// topField says what is counted.
type topField struct {
	name  string
	field *query.Field  // nil: TopSrc or TopDst
	how   *fieldColumns // nil: from the bytes
}

func lookUpTop(name string) (*topField, error) {
	switch name {
	case TopSrc:
		return &topField{name: name, how: &fieldColumns{kind: addressLeaf, cols: srcs}}, nil
	case TopDst:
		return &topField{name: name, how: &fieldColumns{kind: addressLeaf, cols: dsts}}, nil
	}
	f := query.LookupField(name)
	if f == nil {
		return nil, &UnknownFieldError{name}
	}
	probe, err := query.Parse(f.Name)
	if err != nil {
		return nil, err
	}
	if probe.Needs().History {
		return nil, &query.CannotAnswerError{What: "the most frequent " + name, Why: "it depends on the packets before"}
	}
	t := &topField{name: name, field: f}
	if how, ok := fieldsInColumns[f.Name]; ok && (how.kind == addressLeaf || how.kind == portLeaf) {
		t.how = &how
	}
	return t, nil
}

// Top implements [query.Reader]. The fields are those of the display filters, and
// [TopSrc] and [TopDst].
func (c *Capture) Top(ctx context.Context, s query.Scope, field string, n int) (*query.Top, error) {
	f, err := lookUpTop(field)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > topMost {
		return nil, fmt.Errorf("the %d most frequent: up to %d", n, topMost)
	}
	var top *query.Top
	err = c.ask(ctx, func(v view) error {
		named := f.field != nil && namedFields[f.field] && v.inColumns([]*query.Field{f.field})
		if f.field != nil && f.field.Noted() && !named {
			var err error
			top, err = c.topSwept(ctx, v, s, f.field, field, n)
			return err
		}
		a, err := c.asked(ctx, v, s)
		if err != nil {
			return err
		}
		t := &tally{counts: map[string]query.Amount{}}
		units := v.units
		if s.All() && f.how != nil && f.how.kind == addressLeaf {
			if units, err = c.fromCounts(v, f, t); err != nil {
				return err
			}
		}
		kept := c.cache.of(a)
		err = c.each(ctx, units, s.Progress, func(w *worker, _ int, u *unit) error {
			sel, err := w.chosen(u, a, kept)
			if err != nil || sel.count == 0 {
				return err
			}
			if named && u.group >= 0 {
				return w.topNamed(u, sel, f.field, t)
			}
			return w.topUnit(u, sel, f, t)
		})
		if err != nil {
			return err
		}
		top = t.best(field, n)
		return nil
	})
	return top, err
}

// topSwept counts values that the analysis finds out.
func (c *Capture) topSwept(ctx context.Context, v view, s query.Scope, f *query.Field, name string, n int) (*query.Top, error) {
	a, err := c.prepared(v, s)
	if err != nil {
		return nil, err
	}
	top := (&tally{}).best(name, n)
	err = c.sweep(ctx, v, a, f, everything, func(s *sweep) { top = s.counts.best(name, n) })
	return top, err
}

// topUnit counts the chosen rows of a unit.
func (w *worker) topUnit(u *unit, sel *selection, f *topField, t *tally) error {
	if u.group < 0 || f.how == nil {
		return w.topBytes(u, sel.list(0, sel.count), f, t)
	}
	c := &columns{w: w, f: u.part.file, group: u.group, rows: u.rows}
	if err := c.classify(); err != nil {
		return err
	}
	unknown := c.unsettled
	if f.how.kind == portLeaf {
		unknown = c.fragments
	}
	if f.field == nil {
		unknown = nil // the outermost header alone
	}
	values, err := newTopColumns(c, f)
	if err != nil {
		return err
	}
	wire, err := c.get(index.WireLen)
	if err != nil {
		return err
	}
	var rest []int
	for i := range u.rows {
		if !sel.has(i) {
			continue
		}
		if unknown != nil && unknown[i] {
			rest = append(rest, i)
			continue
		}
		values.row(i, uint64(uint32(wire.Small[i])))
	}
	t.mu.Lock()
	values.hand(t)
	t.mu.Unlock()
	return w.topBytes(u, rest, f, t)
}

// topColumns counts by dictionary entry.
type topColumns struct {
	cols   []*index.Values
	names  [][]int32       // dictionary entry -> place in counts
	skip   [][]bool        // entries that are not of the field
	protos []*index.Values // for ports: whose they are
	proto  uint8
	counts []query.Amount
	text   []string
	seen   [4]int32
}

func newTopColumns(c *columns, f *topField) (*topColumns, error) {
	t := &topColumns{proto: f.how.proto}
	ids := map[string]int32{}
	add := func(col, proto index.Column) error {
		if !c.has(col) {
			return nil
		}
		v, err := c.get(col)
		if err != nil {
			return err
		}
		var p *index.Values
		if f.how.kind == portLeaf {
			if p, err = c.get(proto); err != nil {
				return err
			}
		}
		names := make([]int32, max(len(v.Words), len(v.Numbers)))
		skip := make([]bool, max(len(v.Words), len(v.Numbers)))
		for i := range skip {
			text := ""
			if len(v.Words) > 0 {
				text = v.Words[i]
				skip[i] = f.how.version == 4 && strings.IndexByte(text, ':') >= 0 || f.how.version == 6 && strings.IndexByte(text, ':') < 0
			} else {
				text = strconv.Itoa(int(v.Numbers[i]))
			}
			id, ok := ids[text]
			if !ok {
				id = int32(len(t.text))
				ids[text] = id
				t.text = append(t.text, text)
			}
			names[i] = id
		}
		t.cols, t.names, t.skip, t.protos = append(t.cols, v), append(t.names, names), append(t.skip, skip), append(t.protos, p)
		return nil
	}
	for _, col := range f.how.cols {
		if err := add(col, index.Proto); err != nil {
			return nil, err
		}
	}
	for _, col := range f.how.inner {
		if err := add(col, index.InnerProto); err != nil {
			return nil, err
		}
	}
	t.counts = make([]query.Amount, len(t.text))
	return t, nil
}

// row counts each value of a row once.
func (t *topColumns) row(i int, wire uint64) {
	n := 0
next:
	for k, v := range t.cols {
		if v.There != nil && v.There[i] == 0 {
			continue
		}
		at := v.Small[i]
		if t.skip[k][at] {
			continue
		}
		if p := t.protos[k]; p != nil {
			if proto := uint8(p.Numbers[p.Small[i]]); proto != t.proto && (proto != protoUDPLite || t.proto != packet.ProtoUDP) {
				continue
			}
		}
		id := t.names[k][at]
		for _, s := range t.seen[:n] {
			if s == id {
				continue next
			}
		}
		t.seen[n] = id
		n++
		t.counts[id].Packets++
		t.counts[id].Bytes += wire
	}
}

func (t *topColumns) hand(to *tally) {
	for i, a := range t.counts {
		if a.Packets > 0 {
			to.add(t.text[i], a)
		}
	}
}

// topBytes counts the values that stand in the packets.
func (w *worker) topBytes(u *unit, list []int, f *topField, t *tally) error {
	local := map[string]query.Amount{}
	var seen []string
	err := w.visit(u, list, func(s *packet.Summary, data []byte, c *segment.Chunk) error {
		seen = seen[:0]
		if f.field == nil {
			addr, o := s.Outer.Src, &s.Outer
			if f.name == TopDst {
				addr = o.Dst
			}
			if o.Version != 0 {
				seen = append(seen, string(addr.AppendTo(w.text[:0], o.Version)))
			}
		} else {
			if !fragment(s) {
				w.load(s, data, c.Interfaces)
			}
			w.fill(s.Time, s.Time, c.Interfaces, c.Format.Kind == segment.Pcapng)
			w.found = f.field.Append(&w.row, w.found[:0])
			for _, v := range w.found {
				w.text = f.field.AppendText(w.text[:0], v)
				if text := string(w.text); !slices.Contains(seen, text) {
					seen = append(seen, text)
				}
			}
		}
		for _, text := range seen {
			a := local[text]
			local[text] = query.Amount{Packets: a.Packets + 1, Bytes: a.Bytes + uint64(s.WireLen)}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for text, a := range local {
		t.add(text, a)
	}
	return nil
}

// worse orders rows so that the best come last.
func worse(a, b query.TopRow) int {
	return cmp.Or(cmp.Compare(a.Packets, b.Packets), cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(b.Value, a.Value))
}

type topHeap []query.TopRow

func (h topHeap) Len() int           { return len(h) }
func (h topHeap) Less(i, j int) bool { return worse(h[i], h[j]) < 0 }
func (h topHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *topHeap) Push(x any)        { *h = append(*h, x.(query.TopRow)) }
func (h *topHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// best returns the n most frequent.
func (t *tally) best(field string, n int) *query.Top {
	top := &query.Top{Field: field, Distinct: uint64(len(t.counts)), Approximate: t.over, Rows: []query.TopRow{}}
	var h topHeap
	for value, a := range t.counts {
		r := query.TopRow{Value: value, Amount: a}
		switch {
		case len(h) < n:
			heap.Push(&h, r)
		case n > 0 && worse(h[0], r) < 0:
			h[0] = r
			heap.Fix(&h, 0)
		}
	}
	slices.SortFunc(h, func(a, b query.TopRow) int { return worse(b, a) })
	top.Rows = append(top.Rows, h...)
	return top
}
