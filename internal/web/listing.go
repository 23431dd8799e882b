package web

import (
	"context"
	"net/http"
	"sort"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// listing is the packets of a scope in their order, as windows count them: it finds the
// place of a packet, which a reader does not tell.
type listing struct {
	reader *lent
	scope  query.Scope
	live   bool        // places are those of the running capture, removed packets included
	found  *liveFilter // what an open view of the same filter has found; nil: there is none
}

// listing returns the packets of a request's scope.
func (s *Server) listing(r *http.Request, reader *lent, scope query.Scope) *listing {
	l := &listing{reader: reader, scope: scope}
	if r.PathValue("id") != liveName || s.live == nil {
		return l
	}
	l.live = true
	if !scope.All() {
		l.found = s.live.find(scope)
	}
	return l
}

// at returns the packet at a position; nil behind the last one.
func (l *listing) at(ctx context.Context, position uint64) (*packet.Summary, error) {
	switch {
	case l.found != nil:
		l.found.mu.Lock()
		places := l.found.result.find(nil, position, 1)
		l.found.mu.Unlock()
		if len(places) == 0 {
			return nil, nil
		}
		return summaryOf(l.reader.Packet(ctx, places[0]+1))
	case l.live && l.scope.All():
		_, rows, err := stored(ctx, l.reader, position, 1)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		return &rows[0], nil
	}
	page, err := l.reader.Packets(ctx, l.scope, position, 1)
	if err != nil || len(page.Rows) == 0 || page.From != position {
		return nil, err
	}
	return &page.Rows[0], nil
}

func summaryOf(d *query.Detail, err error) (*packet.Summary, error) {
	if err != nil {
		return nil, err
	}
	return &d.Summary, nil
}

// rank returns how many packets of the scope have a smaller number: the position of that
// packet, or of the next one. It may be behind the last one.
func (l *listing) rank(ctx context.Context, number uint64) (uint64, error) {
	switch {
	case number <= 1:
		return 0, nil
	case l.found != nil:
		return l.found.rank(ctx, number-1)
	case !l.scope.All():
		return l.search(ctx, number)
	case l.live:
		return number - 1, nil
	}
	first, err := l.at(ctx, 0)
	if err != nil || first == nil {
		return 0, err
	}
	return number - min(number, first.Number), nil
}

// search asks the filter of no more packets than are needed: the steps grow until they
// are past the number.
func (l *listing) search(ctx context.Context, number uint64) (uint64, error) {
	var failed error
	// before tells whether the packet at a position has a smaller number.
	before := func(position uint64) bool {
		s, err := l.at(ctx, position)
		if err != nil && failed == nil {
			failed = err
		}
		return err == nil && s != nil && s.Number < number
	}
	var low uint64     // as many are before
	high := number - 1 // at most so many can be
	for step := uint64(1); failed == nil && low+step <= high; step *= 2 {
		if !before(low + step - 1) {
			high = low + step - 1
			break
		}
		low += step
	}
	low += uint64(sort.Search(int(high-low), func(i int) bool { return failed != nil || !before(low+uint64(i)) }))
	return low, failed
}

// joined returns the filter that both are; f may be nil.
func joined(f *query.Filter, text string) (*query.Filter, error) {
	if f != nil {
		text = "(" + f.String() + ") && (" + text + ")"
	}
	return query.Parse(text)
}

// find returns an open filter of the running capture; nil: there is none. It may be closed
// while it is asked; what it has found stays true.
func (l *liveViews) find(s query.Scope) *liveFilter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.filters[keyOf(s.Filter, s.From, s.To)]
}

// rank returns how many places before this one pass. It waits until the filter has been
// asked of them.
func (lf *liveFilter) rank(ctx context.Context, place uint64) (uint64, error) {
	for {
		lf.mu.Lock()
		known, n := lf.result.length >= place || lf.closed, lf.result.rank(place)
		lf.mu.Unlock()
		if known {
			return n, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// pause waits; the error says that ctx ended first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
