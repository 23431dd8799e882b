package readertest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Memory is a [query.Reader] over a file that holds everything in memory and looks at
// every packet for every question: what the others are compared with.
type Memory struct {
	file    string
	packets []held

	once   sync.Once
	found  *analysed
	failed error
}

type held struct {
	sum  packet.Summary
	data []byte
	face segment.Interface
	ng   bool
}

var (
	_ query.Reader     = (*Memory)(nil)
	_ query.FlowReader = (*Memory)(nil)
)

// OpenMemory reads a capture file, up to a damage.
func OpenMemory(name string) (*Memory, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	m := &Memory{file: name}
	d := packet.NewDecoder()
	for {
		c, err := r.Next()
		var damage *segment.DamageError
		if errors.Is(err, io.EOF) || errors.As(err, &damage) {
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		it := c.Records()
		var rec segment.Record
		for it.Next(&rec) {
			h := held{data: slices.Clone(rec.Data), face: c.Interfaces[rec.Interface], ng: c.Format.Kind == segment.Pcapng}
			h.sum = packet.Summary{
				Number: uint64(len(m.packets) + 1), Time: rec.Time, Offset: rec.Offset, CapLen: uint32(len(rec.Data)),
				WireLen: rec.WireLen, Interface: rec.Interface, Direction: rec.Direction,
			}
			d.Summarize(h.data, &h.sum, h.face.Link)
			m.packets = append(m.packets, h)
		}
		r.Release(c)
	}
}

// each hands the packets of a scope to f, decoded.
func (m *Memory) each(ctx context.Context, s query.Scope, f func(h *held, r *query.Row)) error {
	d := packet.NewDecoder()
	var p packet.Packet
	var row query.Row
	for i := range m.packets {
		if err := ctx.Err(); err != nil {
			return err
		}
		h := &m.packets[i]
		p.Number, p.Time, p.WireLen, p.Link = h.sum.Number, h.sum.Time, h.sum.WireLen, h.face.Link
		p.Direction, p.Interface, p.Data = h.sum.Direction, h.sum.Interface, h.data
		d.Decode(&p)
		row.InterfaceName, row.HasInterface = h.face.Name, h.ng
		row.Next(&p)
		if s.Holds(h.sum.Time) && (s.Filter == nil || s.Filter.Match(&row)) {
			f(h, &row)
		}
	}
	return nil
}

// Totals implements [query.Reader].
func (m *Memory) Totals(ctx context.Context, s query.Scope) (*query.Totals, error) {
	t := &query.Totals{Protocols: map[uint8]query.Amount{}, Outcomes: map[string]uint64{}}
	err := m.each(ctx, s, func(h *held, _ *query.Row) {
		if t.Packets == 0 {
			t.First, t.Last = h.sum.Time, h.sum.Time
		}
		t.First, t.Last = min(t.First, h.sum.Time), max(t.Last, h.sum.Time)
		plus(&t.Amount, h)
		t.Outcomes[h.sum.Outcome.String()]++
		switch h.sum.Outer.Version {
		case 4:
			plus(&t.IPv4, h)
		case 6:
			plus(&t.IPv6, h)
		default:
			plus(&t.NonIP, h)
			return
		}
		a := t.Protocols[h.sum.Outer.Proto]
		plus(&a, h)
		t.Protocols[h.sum.Outer.Proto] = a
	})
	return t, err
}

func plus(a *query.Amount, h *held) {
	a.Packets++
	a.Bytes += uint64(h.sum.WireLen)
}

// Top implements [query.Reader].
func (m *Memory) Top(ctx context.Context, s query.Scope, field string, n int) (*query.Top, error) {
	f := query.LookupField(field)
	counts := map[string]query.Amount{}
	err := m.each(ctx, s, func(h *held, r *query.Row) {
		var seen []string
		for _, v := range f.Append(r, nil) {
			if text := string(f.AppendText(nil, v)); !slices.Contains(seen, text) {
				seen = append(seen, text)
				a := counts[text]
				plus(&a, h)
				counts[text] = a
			}
		}
	})
	top := &query.Top{Field: field, Distinct: uint64(len(counts)), Rows: []query.TopRow{}}
	for v, a := range counts {
		top.Rows = append(top.Rows, query.TopRow{Value: v, Amount: a})
	}
	slices.SortFunc(top.Rows, func(a, b query.TopRow) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Value, b.Value))
	})
	top.Rows = top.Rows[:min(n, len(top.Rows))]
	return top, err
}

// pointsMost bounds the series that are compared: some captures span years.
const pointsMost = 100_000

var errTooFine = errors.New("more points than are compared")

// Series implements [query.Reader], up to 100 000 points.
func (m *Memory) Series(ctx context.Context, s query.Scope, bucket time.Duration) (*query.Series, error) {
	points := map[int64]query.Amount{}
	var keys []int64
	err := m.each(ctx, s, func(h *held, _ *query.Row) {
		k := h.sum.Time / int64(bucket)
		if h.sum.Time%int64(bucket) < 0 {
			k--
		}
		a, ok := points[k]
		if !ok {
			keys = append(keys, k)
		}
		plus(&a, h)
		points[k] = a
	})
	out := &query.Series{Bucket: bucket}
	if len(keys) == 0 {
		return out, err
	}
	lo, hi := slices.Min(keys), slices.Max(keys)
	out.Start = lo * int64(bucket)
	if hi-lo >= pointsMost {
		return nil, errTooFine
	}
	out.Points = make([]query.Amount, 0, hi-lo+1)
	for k := lo; k <= hi; k++ {
		out.Points = append(out.Points, points[k])
	}
	return out, err
}

// Count implements [query.Reader].
func (m *Memory) Count(ctx context.Context, s query.Scope) (n uint64, err error) {
	err = m.each(ctx, s, func(*held, *query.Row) { n++ })
	return n, err
}

// Packets implements [query.Reader].
func (m *Memory) Packets(ctx context.Context, s query.Scope, from uint64, count int) (*query.Page, error) {
	page := &query.Page{From: from, Exact: true}
	err := m.each(ctx, s, func(h *held, _ *query.Row) {
		if page.Total >= from && len(page.Rows) < count {
			page.Rows = append(page.Rows, h.sum)
		}
		page.Total++
	})
	return page, err
}

// Packet implements [query.Reader].
func (m *Memory) Packet(_ context.Context, number uint64) (*query.Detail, error) {
	if number == 0 || number > uint64(len(m.packets)) {
		return nil, errors.New("no such packet")
	}
	h := &m.packets[number-1]
	return &query.Detail{Summary: h.sum, Link: h.face.Link, Interface: h.face.Name, Data: h.data}, nil
}

// Close implements [query.Reader].
func (*Memory) Close() error { return nil }
