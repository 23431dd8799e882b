package web

import (
	"context"
	"slices"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// view is a list of packets that one client looks at.
type view interface {
	// size returns how many rows there are now, whether that is exact, and how much of
	// the filter's work is done, from 0 to 1.
	size() (total uint64, exact bool, done float32)
	// window returns up to count rows from a position on. With newest the position does
	// not matter: the last rows are returned, and only what is at hand without reading.
	window(ctx context.Context, from uint64, count int, newest bool) (*window, error)
	// book holds the marks and comments of the capture; nil: there are none.
	book() *notes.Book
	close()
}

// storedView is a view of a capture that has ended.
type storedView struct {
	reader *lent
	scope  query.Scope
	total  uint64
	exact  bool
}

func (v *storedView) size() (uint64, bool, float32) { return v.total, v.exact, 1 }
func (v *storedView) book() *notes.Book             { return v.reader.book() }
func (v *storedView) close()                        { v.reader.back() }

func (v *storedView) window(ctx context.Context, from uint64, count int, newest bool) (*window, error) {
	if newest {
		total, exact, _ := v.size()
		if !exact {
			n, err := v.reader.Count(ctx, v.scope)
			if err != nil {
				return nil, err
			}
			total, v.total, v.exact = n, n, true
		}
		from = total - min(total, uint64(count))
	}
	page, err := v.reader.Packets(ctx, v.scope, from, count)
	if err != nil {
		return nil, err
	}
	v.total, v.exact = page.Total, page.Exact
	w := &window{from: page.From, total: page.Total, done: 1}
	if page.Exact {
		w.flags |= windowExact
	}
	w.rows, err = readRows(ctx, v.reader, page.Rows)
	return w, err
}

// readRows adds what the bytes of the packets say.
func readRows(ctx context.Context, reader *lent, summaries []packet.Summary) ([]row, error) {
	rows := make([]row, len(summaries))
	for i := range summaries {
		rows[i].Summary = summaries[i]
	}
	return rows, readPayloads(ctx, reader, rows)
}

// readPayloads reads the payloads of the rows that do not have all of it.
func readPayloads(ctx context.Context, reader *lent, rows []row) error {
	var numbers []uint64
	for i := range rows {
		r := &rows[i]
		r.hashPreview()
		if r.PayloadLen > 0 && !r.hasHash {
			numbers = append(numbers, r.Number)
		}
	}
	i := 0
	// An error leaves rows without payload: their packets may have been removed meanwhile.
	_ = reader.each(ctx, numbers, func(d *dataOf) error {
		for rows[i].Number != d.Number {
			i++
		}
		rows[i].fillPayload(d.data)
		return nil
	})
	return ctx.Err()
}

// liveView is a view of all packets of the running capture.
type liveView struct {
	hub    *live.Hub
	reader *lent // nil: only what the hub holds
}

func (v *liveView) size() (uint64, bool, float32) {
	_, next := v.hub.Bounds()
	return next, true, 1
}

func (v *liveView) book() *notes.Book { return v.reader.book() }
func (v *liveView) close()            { v.reader.back() }

func (v *liveView) window(ctx context.Context, from uint64, count int, newest bool) (*window, error) {
	held := make([]live.Row, count)
	var first uint64
	var n int
	if newest {
		first, n = v.hub.Newest(held)
	} else {
		first, n = v.hub.Rows(from, held)
	}
	oldest, next := v.hub.Bounds()
	w := &window{from: first, total: next, oldest: oldest, flags: windowExact, done: 1}
	w.rows = make([]row, n)
	for i := range n {
		w.rows[i].Row = held[i]
		w.rows[i].hashPreview()
	}
	if v.reader != nil {
		w.oldest = 0
	}
	if newest {
		return w, nil
	}
	if v.reader == nil {
		if from < first {
			w.flags |= windowExpired
		}
		return w, nil
	}
	if missing := first - min(first, from); missing > 0 {
		at, summaries, err := stored(ctx, v.reader, from, int(min(missing, uint64(count))))
		if err != nil {
			return nil, err
		}
		older, err := readRows(ctx, v.reader, summaries)
		if err != nil {
			return nil, err
		}
		if at+uint64(len(older)) == first {
			w.rows = append(older, w.rows...)
		} else {
			w.rows = older // all of the window is older than the hub's rows
		}
		w.from = at
		w.rows = w.rows[:min(len(w.rows), count)]
		if at > from {
			w.flags |= windowExpired
		}
	}
	return w, readPayloads(ctx, v.reader, w.rows)
}

// stored returns rows from the archive by their place in the whole capture. The archive
// counts from the oldest packet that it still has; at is the place of the first row, later
// than from when retention has removed older ones.
func stored(ctx context.Context, reader *lent, from uint64, count int) (at uint64, rows []packet.Summary, err error) {
	page, err := reader.Packets(ctx, query.Scope{}, from, count)
	if err != nil {
		return from, nil, err
	}
	if len(page.Rows) > 0 && placeOf(&page.Rows[0]) == from {
		return from, page.Rows, nil
	}
	oldest, err := reader.Packets(ctx, query.Scope{}, 0, 1)
	if err != nil || len(oldest.Rows) == 0 {
		return from, nil, err
	}
	gone := placeOf(&oldest.Rows[0])
	at = max(from, gone)
	page, err = reader.Packets(ctx, query.Scope{}, at-gone, count)
	if err != nil {
		return at, nil, err
	}
	return at, page.Rows, nil
}

// placeOf returns a packet's place in the whole capture.
func placeOf(s *packet.Summary) uint64 { return s.Number - 1 }

var (
	_ view = (*storedView)(nil)
	_ view = (*liveView)(nil)
	_ view = (*filteredView)(nil)
)

// spread reads the rows at some positions of an unfiltered view. Positions ascend.
func spread(ctx context.Context, v *liveView, positions []uint64) ([]row, error) {
	rows := make([]row, 0, len(positions))
	for len(positions) > 0 {
		run := 1
		for run < len(positions) && positions[run] == positions[run-1]+1 {
			run++
		}
		w, err := v.window(ctx, positions[0], run, false)
		if err != nil {
			return nil, err
		}
		for i := range w.rows {
			if at := w.from + uint64(i); slices.Contains(positions[:run], at) {
				rows = append(rows, w.rows[i])
			}
		}
		positions = positions[run:]
	}
	return rows, nil
}
