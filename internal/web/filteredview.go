package web

import (
	"context"

	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// filteredView is a view of the packets of the running capture that pass a filter.
type filteredView struct {
	base  *liveView
	lf    *liveFilter
	owner *liveViews
}

func (v *filteredView) size() (uint64, bool, float32) {
	_, next := v.base.hub.Bounds()
	v.lf.mu.Lock()
	defer v.lf.mu.Unlock()
	return v.lf.result.count, v.lf.caught && v.lf.result.length+filterStep >= next, float32(float64(v.lf.result.length) / float64(max(next, 1)))
}

func (v *filteredView) book() *notes.Book { return v.base.book() }

func (v *filteredView) close() {
	v.owner.leave(v.lf)
	v.base.close()
}

func (v *filteredView) window(ctx context.Context, from uint64, count int, newest bool) (*window, error) {
	total, exact, done := v.size()
	w := &window{from: from, total: total, done: done}
	if exact {
		w.flags |= windowExact
	}
	v.lf.mu.Lock()
	if err := v.lf.failed; err != nil {
		v.lf.mu.Unlock()
		return nil, err
	}
	w.total = v.lf.result.count
	if newest {
		n := min(count, len(v.lf.recent), recentMatches)
		w.from = w.total - uint64(n)
		w.rows = make([]row, n)
		for i := range n {
			w.rows[i].Row = v.lf.recent[len(v.lf.recent)-n+i]
			w.rows[i].hashPreview()
		}
		v.lf.mu.Unlock()
		return w, nil
	}
	positions := v.lf.result.find(nil, from, count)
	v.lf.mu.Unlock()
	var err error
	w.rows, err = spread(ctx, v.base, positions)
	return w, err
}
