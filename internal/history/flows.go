package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
)

// flowsMost is how many flows, by their ID, a page can be taken from: they are held in
// memory.
const flowsMost = 1 << 16

var _ query.FlowReader = (*Capture)(nil)

// Flows implements [query.FlowReader]: the flow table runs over the capture, from the first
// packet that is still there. Pages end at the 65,536th flow of a scope.
func (c *Capture) Flows(ctx context.Context, s query.Scope, from uint64, count int) (*query.FlowPage, error) {
	if count < 0 || count > pageMost {
		return nil, fmt.Errorf("a page of %d flows: up to %d", count, pageMost)
	}
	var page *query.FlowPage
	err := c.ask(ctx, func(v view) (err error) {
		page, err = c.flows(ctx, v, s, from, count)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

func (c *Capture) flows(ctx context.Context, v view, s query.Scope, from uint64, count int) (*query.FlowPage, error) {
	page := &query.FlowPage{From: from}
	if len(v.units) == 0 {
		return page, nil
	}
	a, err := c.prepared(v, s)
	if err != nil {
		return nil, err
	}
	end := from + uint64(count)
	if end < from || end > flowsMost {
		end = flowsMost
	}
	first, err := c.firstFlows(ctx, v, a, int(end))
	if err != nil {
		return nil, err
	}
	page.Total = first.total
	if from >= page.Total || count == 0 {
		return page, nil
	}
	if from+uint64(count) > flowsMost && page.Total > flowsMost {
		return nil, &query.CannotAnswerError{What: fmt.Sprintf("flows from position %d", from), Why: fmt.Sprintf("a page ends at the %dth flow at most; narrow the question", flowsMost)}
	}
	page.Rows = slices.Clone(first.rows[from:min(end, uint64(len(first.rows)))])
	return page, nil
}

// firstFlows finds the first flows of a scope, or takes those of the question before when
// they are of the same packets: one turns pages.
func (c *Capture) firstFlows(ctx context.Context, v view, a *asked, most int) (*firstFlows, error) {
	key := fmt.Sprint(sweepKey(a, nil), " ", v.units[0].first, " ", v.packets, " ", c.complete())
	c.mu.Lock()
	first := c.flowed
	c.mu.Unlock()
	if first != nil && first.key == key && first.most >= most {
		return first, nil
	}
	first = &firstFlows{key: key, most: max(most, 1024), in: map[uint64]struct{}{}}
	over := newSweep("", a, nil, v.units[0].first)
	over.analysis = track.NewAnalysis(track.AnalysisOptions{Ended: first.ended, HoldEnds: true})
	over.tracker = track.NewAnalysing(over.analysis)
	over.flow = func(id uint64) { first.in[id] = struct{}{} }
	w, err := c.worker()
	if err != nil {
		return nil, err
	}
	defer c.release(w)
	if err := over.run(ctx, w, v, everything); err != nil {
		return nil, err
	}
	if c.complete() {
		over.analysis.Drain()
	}
	first.trim()
	first.in = nil
	if first.most <= 4096 {
		c.mu.Lock()
		c.flowed = first
		c.mu.Unlock()
	}
	return first, nil
}

// firstFlows keeps the flows with the smallest IDs among those that have a packet in the
// scope.
type firstFlows struct {
	key   string
	most  int
	in    map[uint64]struct{} // flows with a packet in the scope that have not ended
	total uint64
	rows  []query.Flow
}

func (f *firstFlows) ended(c *track.Conversation) {
	if _, ok := f.in[c.ID]; !ok {
		return
	}
	delete(f.in, c.ID)
	f.total++
	f.rows = append(f.rows, c.Stored())
	if len(f.rows) >= 2*f.most+1024 {
		f.trim()
	}
}

func (f *firstFlows) trim() {
	slices.SortFunc(f.rows, func(x, y query.Flow) int { return cmp.Compare(x.ID, y.ID) })
	if len(f.rows) > f.most {
		clear(f.rows[f.most:])
		f.rows = f.rows[:f.most]
	}
}
