package web

import (
	"context"
	"errors"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
)

// maxSifts is how many filters may run through the running capture at once: each takes
// memory of its own to know flows, and decodes every packet.
const maxSifts = 4

// siftable decides how a filter is asked. Those that a row of the hub answers are asked of
// the rows; all others need packets one after the other, with what the flow table, the TCP
// analysis and the applications say. l.mu is held.
func (l *liveViews) siftable(lf *liveFilter) error {
	if lf.filter == nil {
		return nil
	}
	needs := lf.filter.Needs()
	if needs == (query.Needs{}) {
		return nil
	}
	if l.sift == nil {
		if needs.Notes || needs.History {
			return &query.CannotAnswerError{
				What: "the filter " + lf.filter.String(), Why: "what it asks about is not known of this running capture: ask when it has ended",
			}
		}
		return nil
	}
	n := 0
	for _, other := range l.filters {
		if other.sifted {
			n++
		}
	}
	if n >= maxSifts {
		return &query.CannotAnswerError{
			What: "the filter " + lf.filter.String(), Why: "four filters of its kind are open on the running capture: close one first",
		}
	}
	lf.sifted = true
	return nil
}

// runThrough lets the capture be run through, until ctx or the capture ends.
func (lf *liveFilter) runThrough(ctx context.Context, sift Sift) {
	err := sift(ctx, lf.filter, lf.passed)
	lf.mu.Lock()
	defer lf.mu.Unlock()
	if err != nil && !errors.Is(err, context.Canceled) {
		lf.failed = err
		lf.closed = true
	}
}

// passed takes the packets of a batch that pass.
func (lf *liveFilter) passed(b *track.Batch, next uint64) {
	_, end := lf.hub.Bounds()
	lf.mu.Lock()
	defer lf.mu.Unlock()
	for i := range b.Rows {
		s := &b.Rows[i]
		if lf.key.to != 0 && (s.Time < lf.key.from || s.Time >= lf.key.to) || placeOf(s) < lf.result.length {
			continue
		}
		lf.pass(placeOf(s))
		lf.result.add(true)
		row := live.RowOf(b, s)
		lf.remember(&row)
	}
	if next > 0 {
		lf.pass(next - 1)
	}
	lf.caught = lf.caught || lf.result.length >= end
}

// pass notes that the places up to one do not pass. The lock is held.
func (lf *liveFilter) pass(place uint64) {
	for lf.result.length < place {
		lf.result.add(false)
	}
}
