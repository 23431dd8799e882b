package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// pageMost bounds the rows of a page.
const pageMost = 1 << 20

// Packets implements [query.Reader]. With a filter it looks at no more than it takes to
// fill the page: Exact is then false, and what was found is kept for the next page.
func (c *Capture) Packets(ctx context.Context, s query.Scope, from uint64, count int) (*query.Page, error) {
	if count < 0 || count > pageMost {
		return nil, fmt.Errorf("a page has up to %d packets, not %d", pageMost, count)
	}
	var page *query.Page
	err := c.ask(ctx, func(v view) error {
		page = &query.Page{From: from}
		a, err := c.prepared(v, s)
		if err != nil {
			return err
		}
		if a.swept {
			if err := c.swept(ctx, v, a, max(from, from+uint64(count))); err != nil {
				return err
			}
			// What the sweep has not come by is not known yet.
			known := view{parts: v.parts, packets: v.packets}
			for _, u := range v.units {
				if a.found[u] == nil {
					break
				}
				known.units = append(known.units, u)
			}
			err := c.filteredPage(ctx, known, a, page, count)
			page.Exact = page.Exact && len(known.units) == len(v.units)
			return err
		}
		if s.All() {
			page.Total, page.Exact = v.packets, true
			return c.plainPage(ctx, v, page, count)
		}
		return c.filteredPage(ctx, v, a, page, count)
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// plainPage fills a page of all packets.
func (c *Capture) plainPage(ctx context.Context, v view, page *query.Page, count int) error {
	w, err := c.worker()
	if err != nil {
		return err
	}
	defer c.release(w)
	skip := page.From
	for _, u := range v.units {
		if err := ctx.Err(); err != nil {
			return err
		}
		if skip >= uint64(u.rows) {
			skip -= uint64(u.rows)
			continue
		}
		if count == 0 {
			break
		}
		var list []int
		for row := int(skip); row < u.rows && count > 0; row++ {
			list = append(list, row)
			count--
		}
		skip = 0
		rows, err := w.summaries(u, list)
		if err != nil {
			return &partError{u.part, err}
		}
		page.Rows = append(page.Rows, rows...)
	}
	return nil
}

// filteredPage looks at units, a few at a time, until the page is full.
func (c *Capture) filteredPage(ctx context.Context, v view, a *asked, page *query.Page, count int) error {
	kept := c.cache.of(a)
	if a.swept {
		kept = nil
	}
	want := page.From + uint64(count)
	batch := 2
	i := 0
	type piece struct {
		u    *unit
		sel  *selection
		skip uint64 // selected rows before it
	}
	var pieces []piece
	for i < len(v.units) {
		// What is known already costs nothing: it makes the total better.
		if sel := kept.get(v.units[i]); sel != nil {
			if sel.count > 0 && page.Total < want && page.Total+uint64(sel.count) > page.From {
				pieces = append(pieces, piece{v.units[i], sel, page.Total})
			}
			page.Total += uint64(sel.count)
			i++
			continue
		}
		if page.Total >= want {
			break
		}
		units := v.units[i:min(i+batch, len(v.units))]
		batch = min(2*batch, 64)
		sels := make([]*selection, len(units))
		progress := a.scope.Progress
		if progress != nil {
			base, part := float64(i)/float64(len(v.units)), float64(len(units))/float64(len(v.units))
			progress = func(d float64) { a.scope.Progress(base + d*part) }
		}
		err := c.each(ctx, units, progress, func(w *worker, k int, u *unit) error {
			var err error
			sels[k], err = w.chosen(u, a, kept)
			return err
		})
		if err != nil {
			return err
		}
		for k, sel := range sels {
			if sel.count > 0 && page.Total < want && page.Total+uint64(sel.count) > page.From {
				pieces = append(pieces, piece{units[k], sel, page.Total})
			}
			page.Total += uint64(sel.count)
		}
		i += len(units)
	}
	page.Exact = i == len(v.units)
	w, err := c.worker()
	if err != nil {
		return err
	}
	defer c.release(w)
	for _, p := range pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := 0
		if page.From > p.skip {
			first = int(page.From - p.skip)
		}
		last := min(p.sel.count, int(want-p.skip))
		rows, err := w.summaries(p.u, p.sel.list(first, last))
		if err != nil {
			return &partError{p.u.part, err}
		}
		page.Rows = append(page.Rows, rows...)
	}
	return nil
}

// list returns the rows of the selected ones from first to before last.
func (s *selection) list(first, last int) []int {
	var rows []int
	if first >= last {
		return nil
	}
	row := s.nth(first)
	for n := first; n < last; row++ {
		if s.has(row) {
			rows = append(rows, row)
			n++
		}
	}
	return rows
}

// summaries reads and decodes some rows of a unit, in order.
func (w *worker) summaries(u *unit, list []int) ([]packet.Summary, error) {
	var out []packet.Summary
	err := w.visit(u, list, func(s *packet.Summary, _ []byte, _ *segment.Chunk) error {
		out = append(out, *s)
		out[len(out)-1].DataOff = 0
		return nil
	})
	return out, err
}

// visit hands rows of a unit with their bytes to f, in order; those that are fragments are
// in w.packet then. They are valid during the call. The chunk holds the record, and of an indexed unit nothing before it.
func (w *worker) visit(u *unit, list []int, f func(*packet.Summary, []byte, *segment.Chunk) error) error {
	if len(list) == 0 {
		return nil
	}
	if u.group < 0 {
		c, err := w.decodeRaw(u)
		if err != nil {
			return err
		}
		w.know(u)
		for i := range w.rows {
			s := &w.rows[i]
			data := c.Bytes[s.DataOff : s.DataOff+s.CapLen]
			if fragment(s) {
				w.load(s, data, c.Interfaces)
			}
			if i != list[0] {
				continue
			}
			if err := f(s, data, c); err != nil {
				return err
			}
			if list = list[1:]; len(list) == 0 {
				return nil
			}
		}
		return &ChangedError{u.part.number, u.chunk.Offset}
	}
	c := &columns{w: w, f: u.part.file, group: u.group, rows: u.rows}
	offsets, err := c.get(index.Offset)
	if err != nil {
		return err
	}
	feed, err := w.fragments(u, c)
	if err != nil {
		return err
	}
	at := 0
	for _, row := range list {
		for ; feed != nil && at < row; at++ {
			if feed[at] {
				s, data, err := w.at(u.part, offsets.Large[at], u.first+uint64(at))
				if err != nil {
					return err
				}
				w.load(s, data, u.part.faces)
			}
		}
		at = row + 1
		s, data, err := w.at(u.part, offsets.Large[row], u.first+uint64(row))
		if err != nil {
			return err
		}
		start := s.Offset - w.window.start
		ch := &segment.Chunk{Segment: u.part.number, Offset: s.Offset, First: s.Number, Interfaces: u.part.faces, Bytes: w.window.bytes[start:]}
		if fragment(s) {
			w.load(s, data, u.part.faces)
		}
		if err := f(s, data, ch); err != nil {
			return err
		}
	}
	return nil
}

// NoPacketError says that the capture has no packet of that number.
type NoPacketError struct{ Number, First, Last uint64 }

// Error implements error.
func (e *NoPacketError) Error() string {
	if e.Last < e.First {
		return fmt.Sprintf("no packet %d: the capture has none", e.Number)
	}
	return fmt.Sprintf("no packet %d: there are %d to %d", e.Number, e.First, e.Last)
}

// Packet implements [query.Reader].
func (c *Capture) Packet(ctx context.Context, number uint64) (*query.Detail, error) {
	var d *query.Detail
	err := c.ask(ctx, func(v view) error {
		i, ok := v.find(number)
		if !ok {
			e := &NoPacketError{Number: number, First: 1}
			if n := len(v.units); n > 0 {
				e.First, e.Last = v.units[0].first, v.units[n-1].first+uint64(v.units[n-1].rows)-1
			}
			return e
		}
		w, err := c.worker()
		if err != nil {
			return err
		}
		defer c.release(w)
		u := v.units[i]
		err = w.visit(u, []int{int(number - u.first)}, func(s *packet.Summary, data []byte, ch *segment.Chunk) error {
			d = detail(s, data, ch)
			return nil
		})
		if err != nil {
			return &partError{u.part, err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, errors.New("history: the packet could not be read")
	}
	return d, nil
}

func detail(s *packet.Summary, data []byte, c *segment.Chunk) *query.Detail {
	d := &query.Detail{Summary: *s, Link: linkOf(c.Interfaces, s.Interface), Data: append([]byte(nil), data...)}
	d.Summary.DataOff = 0
	if int(s.Interface) < len(c.Interfaces) {
		d.Interface = c.Interfaces[s.Interface].Name
	}
	rec := segment.Record{Offset: s.Offset, Data: data}
	d.Comments = c.RecordOptions(&rec).Comments
	return d
}
