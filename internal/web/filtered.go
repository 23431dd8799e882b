package web

import (
	"context"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

const (
	maxLiveFilters = 16   // filters that follow the running capture at once
	filterStep     = 4096 // rows that are looked at under one lock
	recentMatches  = 256  // matching rows that are held, so that following reads nothing
)

// liveViews holds the filters that follow the running capture. Each is evaluated once for
// all who look at it.
type liveViews struct {
	hub  *live.Hub
	lend func() *lent
	sift Sift // nil: there is none

	mu      sync.Mutex
	filters map[filterKey]*liveFilter
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

type filterKey struct {
	text     string
	from, to int64
}

func keyOf(f *query.Filter, from, to int64) filterKey {
	key := filterKey{from: from, to: to}
	if f != nil {
		key.text = f.String()
	}
	return key
}

// liveFilter is one filter with its result so far.
type liveFilter struct {
	key    filterKey
	filter *query.Filter
	hub    *live.Hub
	cancel context.CancelFunc
	users  int
	sifted bool // the capture is run through for it

	mu     sync.Mutex
	result bitmap
	caught bool       // everything was looked at, once: from then on little is missing
	recent []live.Row // newest matches, oldest first
	failed error      // why it does not go on
	closed bool       // nobody looks at it any more: it does not go on
	unsure uint64     // packets whose bytes were no longer to be had: not in the result
}

func newLiveViews(hub *live.Hub, lend func() *lent) *liveViews {
	l := &liveViews{hub: hub, lend: lend, filters: map[filterKey]*liveFilter{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *liveViews) close() {
	l.cancel()
	l.running.Wait()
}

// errTooManyFilters is what a client gets that asks for one too many.
const errTooManyFilters constError = "too many filters are open on the running capture"

// open returns a view of the running capture.
func (l *liveViews) open(f *query.Filter, from, to int64) (view, error) {
	base := &liveView{hub: l.hub, reader: l.lend()}
	if f == nil && from == 0 && to == 0 {
		return base, nil
	}
	key := keyOf(f, from, to)
	l.mu.Lock()
	defer l.mu.Unlock()
	lf := l.filters[key]
	if lf == nil {
		if len(l.filters) >= maxLiveFilters {
			base.close()
			return nil, errTooManyFilters
		}
		lf = &liveFilter{key: key, filter: f, hub: l.hub}
		if err := l.siftable(lf); err != nil {
			base.close()
			return nil, err
		}
		var ctx context.Context
		ctx, lf.cancel = context.WithCancel(l.ctx)
		l.filters[key] = lf
		own := &liveView{hub: l.hub, reader: l.lend()}
		l.running.Go(func() {
			defer own.close()
			if lf.sifted {
				lf.runThrough(ctx, l.sift)
				return
			}
			lf.run(ctx, own)
		})
	}
	lf.users++
	return &filteredView{base: base, lf: lf, owner: l}, nil
}

func (l *liveViews) leave(lf *liveFilter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lf.users--; lf.users == 0 {
		delete(l.filters, lf.key)
		lf.cancel()
		lf.mu.Lock()
		lf.closed = true
		lf.mu.Unlock()
	}
}

// run looks at every packet once, those that come too, until ctx ends.
func (lf *liveFilter) run(ctx context.Context, all *liveView) {
	m := matcher{filter: lf.filter, reader: all.reader, decoder: packet.NewDecoder()}
	rows := make([]live.Row, filterStep)
	var seen, at uint64
	for ctx.Err() == nil {
		_, next := lf.hub.Bounds()
		if at >= next {
			lf.mu.Lock()
			lf.caught = true
			lf.mu.Unlock()
			_, seen = lf.hub.Wait(ctx, seen)
			continue
		}
		first, n := lf.hub.Rows(at, rows)
		if first > at {
			at = lf.older(ctx, all, &m, at, first)
			continue
		}
		lf.take(ctx, &m, rows[:n])
		at += uint64(n)
	}
}

// older looks at packets that the hub no longer holds, and returns where it got.
func (lf *liveFilter) older(ctx context.Context, all *liveView, m *matcher, from, to uint64) uint64 {
	if all.reader != nil {
		at, summaries, err := stored(ctx, all.reader, from, int(min(to-from, filterStep)))
		if err == nil && len(summaries) > 0 && at == from {
			rows := make([]live.Row, len(summaries))
			for i := range rows {
				rows[i].Summary = summaries[i]
			}
			lf.take(ctx, m, rows)
			return from + uint64(len(rows))
		}
		if ctx.Err() == nil && err == nil && at > from { // removed by retention
			to = min(to, at)
		} else if ctx.Err() == nil && lf.wait(ctx) {
			if oldest, _ := lf.hub.Bounds(); oldest <= from {
				return from
			}
		}
	}
	lf.mu.Lock()
	defer lf.mu.Unlock()
	for range to - from {
		lf.result.add(false)
	}
	lf.unsure += to - from
	return to
}

// wait gives the archive a moment to have what the hub had; false when ctx ended.
func (*liveFilter) wait(ctx context.Context) bool {
	t := time.NewTimer(50 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (lf *liveFilter) take(ctx context.Context, m *matcher, rows []live.Row) {
	var fits [filterStep]bool
	var unsure uint64
	for i := range rows {
		if lf.key.to != 0 && (rows[i].Time < lf.key.from || rows[i].Time >= lf.key.to) {
			continue
		}
		ok, known := m.match(ctx, &rows[i].Summary)
		fits[i] = ok
		if !known {
			unsure++
		}
	}
	lf.mu.Lock()
	defer lf.mu.Unlock()
	lf.unsure += unsure
	for i := range rows {
		lf.result.add(fits[i])
		if fits[i] {
			lf.remember(&rows[i])
		}
	}
}

// remember keeps the newest rows that pass. The lock is held.
func (lf *liveFilter) remember(row *live.Row) {
	if len(lf.recent) >= 2*recentMatches {
		lf.recent = append(lf.recent[:0], lf.recent[recentMatches:]...)
	}
	lf.recent = append(lf.recent, *row)
}

// matcher evaluates a filter for rows whose bytes are elsewhere.
type matcher struct {
	filter  *query.Filter
	reader  query.Reader
	decoder *packet.Decoder
	row     query.Row
	packet  packet.Packet
}

// match tells whether a packet passes, and whether that could be told.
func (m *matcher) match(ctx context.Context, s *packet.Summary) (ok, known bool) {
	if m.filter == nil {
		return true, true
	}
	switch m.filter.MatchSummary(s) {
	case query.Yes:
		return true, true
	case query.No:
		return false, true
	}
	if m.reader == nil {
		return false, false
	}
	d, err := m.reader.Packet(ctx, s.Number)
	if err != nil {
		return false, false
	}
	m.packet = packet.Packet{
		Number: s.Number, Time: s.Time, WireLen: s.WireLen, Link: d.Link, Direction: s.Direction,
		Interface: s.Interface, Data: d.Data,
	}
	m.decoder.Decode(&m.packet)
	m.row.InterfaceName, m.row.HasInterface = d.Interface, d.Interface != ""
	m.row.Next(&m.packet)
	return m.filter.Match(&m.row), true
}
