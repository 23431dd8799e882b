package readertest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// analysed is what the analysis says of a file.
type analysed struct {
	flows []query.Flow // by ID
	flow  []uint64     // of the packets, by number less 1
}

// chunks are a capture file's; a damage ends them.
type chunks struct{ r *segment.Reader }

func (c chunks) Next(context.Context) (*segment.Chunk, error) {
	chunk, err := c.r.Next()
	if _, ok := errors.AsType[*segment.DamageError](err); ok {
		return nil, io.EOF
	}
	return chunk, err
}

func (c chunks) Release(chunk *segment.Chunk) { c.r.Release(chunk) }

// analyse runs the flow table over the file.
func (m *Memory) analyse(ctx context.Context) (*analysed, error) {
	f, err := os.Open(m.file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := &analysed{}
	a := track.NewAnalysis(track.AnalysisOptions{Ended: func(c *track.Conversation) { all.flows = append(all.flows, c.Stored()) }})
	err = track.NewAnalysing(a).Run(ctx, chunks{r}, (*flowNumbers)(all))
	a.Drain()
	slices.SortFunc(all.flows, func(x, y query.Flow) int { return cmp.Compare(x.ID, y.ID) })
	return all, err
}

// flowNumbers keeps to which flow packets belong.
type flowNumbers analysed

// Apply implements track.Follower.
func (f *flowNumbers) Apply(_ context.Context, b *track.Batch) error {
	for i := range b.Notes {
		f.flow = append(f.flow, b.Notes[i].Flow)
	}
	return nil
}

// Flows implements [query.FlowReader].
func (m *Memory) Flows(ctx context.Context, s query.Scope, from uint64, count int) (*query.FlowPage, error) {
	m.once.Do(func() { m.found, m.failed = m.analyse(context.WithoutCancel(ctx)) })
	if m.failed != nil {
		return nil, m.failed
	}
	in := map[uint64]bool{}
	err := m.each(ctx, s, func(h *held, _ *query.Row) { in[m.found.flow[h.sum.Number-1]] = true })
	page := &query.FlowPage{From: from}
	for i := range m.found.flows {
		if f := &m.found.flows[i]; in[f.ID] {
			if page.Total >= from && len(page.Rows) < count {
				page.Rows = append(page.Rows, *f)
			}
			page.Total++
		}
	}
	return page, err
}

// flows compares the first flows, and some in the middle, when the reader knows flows.
func (s suite) flows(what string, scope query.Scope) {
	got, ok := s.got.(query.FlowReader)
	if !ok {
		return
	}
	ctx := context.Background()
	for _, from := range []uint64{0, 3, 1 << 40} {
		want, err := s.want.(query.FlowReader).Flows(ctx, scope, from, 5)
		if err != nil {
			s.t.Fatal(err)
		}
		page, err := got.Flows(ctx, scope, from, 5)
		if s.refused(what+", flows", err) {
			return
		}
		if !reflect.DeepEqual(page, want) {
			s.t.Errorf("%s: flows from %d\n%+v\nwant\n%+v", what, from, page, want)
		}
	}
}
