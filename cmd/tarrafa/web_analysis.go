package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/web"
)

// maxPageFlows is how many flows the page lists: those with the most bytes.
const maxPageFlows = 5000

// Analyse implements web.Analyser: it reads a capture through once, at a low priority.
// Beside a running capture it takes less memory.
func (s *shelf) Analyse(ctx context.Context, id string, tell func(packets uint64)) (*web.Analysis, error) {
	memory := int64(flow.DefaultMemory)
	if s.live != "" {
		memory = liveFlowMemory
	}
	var result *web.Analysis
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		inBackground()
		result, err = s.analyse(ctx, id, memory, tell)
	}()
	<-done
	return result, err
}

func (s *shelf) analyse(ctx context.Context, id string, memory int64, tell func(packets uint64)) (*web.Analysis, error) {
	in, err := s.input(id)
	if err != nil {
		return nil, err
	}
	defer in.close()
	var flows []flowDocument
	health := &web.Health{}
	result := &web.Analysis{Health: health}
	keep := func() {
		slices.SortFunc(flows, func(a, b flowDocument) int {
			return cmp.Or(cmp.Compare(b.bytes(), a.bytes()), cmp.Compare(a.Flow, b.Flow))
		})
		flows = flows[:min(len(flows), maxPageFlows)]
	}
	watch := flow.NewWatch(flow.WatchOptions{})
	a := track.NewAnalysis(track.AnalysisOptions{Memory: memory, Watch: watch, Ended: func(c *track.Conversation) {
		result.FlowCount++
		health.Add(&c.Flow)
		flows = append(flows, newFlowDocument(c))
		if len(flows) >= 2*maxPageFlows {
			keep()
		}
	}})
	err = track.NewAnalysing(a).Run(ctx, in.chunks, followerFunc(func(_ context.Context, b *track.Batch) error {
		result.Packets += uint64(len(b.Rows))
		tell(result.Packets)
		return nil
	}))
	if err != nil {
		return nil, err
	}
	a.Drain()
	keep()
	health.Packets = result.Packets
	health.SetVerdicts(a.Counters().Verdicts)
	health.Finish()
	findings := []index.Finding{}
	for f := range watch.All() {
		findings = append(findings, index.NewFinding(f))
	}
	result.Flows, result.Findings, result.Forced = append([]flowDocument{}, flows...), findings, a.Counters().Flow.Forced
	return result, nil
}

// input opens a capture to be read through.
func (s *shelf) input(id string) (*input, error) {
	name := ""
	for i, f := range s.files {
		if fileID(i) == id {
			name = f
		}
	}
	if name == "" {
		dir, err := s.folder(id)
		if err != nil {
			return nil, err
		}
		if !archive.IsCapture(dir) {
			return nil, web.ErrNoCapture
		}
		name = dir
	}
	ins, err := openInput(name, false)
	if err != nil {
		return nil, err
	}
	return ins[0], nil
}

var _ web.Analyser = (*shelf)(nil)
