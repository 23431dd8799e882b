package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// liveFlowMemory is the default cap on the flows of a live capture, small enough that the
// whole program stays below 200 MB.
const liveFlowMemory = 32 << 20

// connections is the follower that looks at flows and what is wrong with them, at its own
// pace, so that a flood of connections never delays the statistics. It writes the flows of
// each segment and findings.jsonl into the capture's folder, and hands what it has found
// on to the index.
type connections struct {
	root      *os.Root
	log       *slog.Logger
	analysis  *track.Analysis
	flows     *index.FlowWriter
	index     track.Follower // gets the batches with their notes
	findings  *os.File       // nil when it cannot be written
	written   int64          // bytes of findings
	unwritten atomic.Uint64
	dropped   uint64 // findings
}

// The findings of a capture: a file with a line for each, and again when it gets more
// severe or its count reaches a power of ten. The last line of an id is the valid one.
const (
	findingsName = "findings.jsonl"
	findingsMax  = 64 << 20
)

func newConnections(dir string, memory int64, log *slog.Logger) (*connections, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, storageError(dir, err)
	}
	c := &connections{root: root, log: log}
	c.flows = index.NewFlowWriter(root, versionText(), func(n uint32, err error) {
		log.Error(fmt.Sprintf("segment %d has no flows file", n), "error", printable(err.Error()))
	})
	if c.findings, err = root.OpenFile(findingsName, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, errors.Join(storageError(dir, err), root.Close())
	}
	c.analysis = track.NewAnalysis(track.AnalysisOptions{
		Memory: memory, Watch: flow.NewWatch(flow.WatchOptions{Found: c.found}), Ended: c.ended,
	})
	return c, nil
}

// output makes the follower that a session runs.
func (c *connections) output() *output {
	return &output{
		name: "index", sink: c, tracker: track.NewAnalysing(c.analysis),
		follow: func(ctx context.Context, from func(segment.Cursor) track.Chunks, t *track.Tracker) error {
			err := t.Run(ctx, from(segment.Cursor{}), c)
			c.finish()
			return err
		},
	}
}

// Apply implements track.Follower: the tracker has done the work on flows.
func (c *connections) Apply(ctx context.Context, b *track.Batch) error { return c.index.Apply(ctx, b) }

func (c *connections) ended(f *track.Conversation) {
	c.flows.Add(f)
	c.count()
}

func (c *connections) count() { c.unwritten.Store(c.flows.Lost() + c.dropped) }

// found writes a finding down.
func (c *connections) found(f *flow.Finding) {
	d := newFindingDocument(f)
	line, err := json.Marshal(d)
	if err == nil && c.written < findingsMax {
		line = append(line, '\n')
		if _, err = c.findings.Write(line); err == nil {
			c.written += int64(len(line))
			return
		}
	}
	if c.dropped++; c.dropped == 1 {
		reason := "the file has reached its limit"
		if err != nil {
			reason = err.Error()
		}
		c.log.Error(findingsName+": findings are counted, but no longer written", "error", printable(reason))
	}
	c.count()
}

// finish ends all flows and closes the files.
func (c *connections) finish() {
	c.analysis.Drain()
	c.flows.Seal()
	c.count()
	if err := errors.Join(c.findings.Close(), c.root.Close()); err != nil {
		c.log.Error("closing "+findingsName, "error", printable(err.Error()))
	}
}

// snapshot is the view's picture of the connections.
func (c *connections) snapshot() *live.Analysis {
	n := c.analysis.Counters()
	a := &live.Analysis{
		Flows: n.Flow.Flows, Open: n.Flow.Live, Retransmissions: n.Retransmissions(),
		LostSegments: n.Verdict(flow.LostSegment), OutOfOrder: n.Verdict(flow.OutOfOrder), ZeroWindows: n.Verdict(flow.ZeroWindow),
		Evicted: n.Flow.Forced, Memory: n.Flow.Memory, MemoryLimit: n.Flow.Cap, Unwritten: c.unwritten.Load(),
	}
	for k, found := range n.Watch.Findings {
		a.Findings += found
		a.Withheld += n.Watch.Withheld[k]
	}
	return a
}

// connectionsText says it in one line.
func connectionsText(a *live.Analysis) string {
	s := fmt.Sprintf("Connections: %d flows, %d retransmissions, %d findings", a.Flows, a.Retransmissions, a.Findings)
	if a.Withheld > 0 {
		s += fmt.Sprintf(" (more were withheld, as too many came at once: %d times)", a.Withheld)
	}
	if a.Evicted > 0 {
		s += fmt.Sprintf("; %d flows given up early for want of memory (--flow-memory)", a.Evicted)
	}
	if a.Unwritten > 0 {
		s += fmt.Sprintf("; %d flows and findings could not be written", a.Unwritten)
	}
	return s + "\n"
}
