package main

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

// liveFlowMemory is the default cap on the flows of a live capture, small enough that the
// whole program stays below 200 MB.
const liveFlowMemory = index.DefaultFlowMemory

// connections is the follower that looks at flows and what is wrong with them, at its own
// pace, so that a flood of connections never delays the statistics. It hands what it has
// found on to the index.
type connections struct {
	*index.Connections
	root      *os.Root
	log       *slog.Logger
	unwritten atomic.Uint64
	names     live.FlowNames
}

// newConnections makes the follower for a capture; next gets the batches with their notes.
func newConnections(root *os.Root, id string, memory int64, limits flow.Thresholds, next track.Follower, log *slog.Logger) (*connections, error) {
	c := &connections{root: root, log: log}
	var err error
	c.Connections, err = index.NewConnections(index.ConnectionsConfig{
		Root: root, Capture: id, Program: versionText(), Memory: memory, Thresholds: limits, Next: next,
		Trouble: func(what string, err error) { log.Error(what, "error", printable(err.Error())) },
	}, c.unwritten.Store)
	return c, err
}

// Apply implements [track.Follower].
func (c *connections) Apply(ctx context.Context, b *track.Batch) error {
	if err := c.Connections.Apply(ctx, b); err != nil {
		return err
	}
	c.names.Take(b, c.Analysis())
	return nil
}

// output makes the follower that a session runs.
func (c *connections) output() *output {
	tracker := track.NewAnalysing(c.Analysis())
	tracker.AgeWhenQuiet()
	return &output{
		name: "index", sink: c, tracker: tracker,
		follow: func(ctx context.Context, from func(segment.Cursor) track.Chunks, t *track.Tracker) error {
			err := t.Run(ctx, from(segment.Cursor{}), c)
			if err := c.Finish(); err != nil {
				c.log.Error("finishing the index", "error", printable(err.Error()))
			}
			return err
		},
	}
}

// snapshot is the view's picture of the connections.
func (c *connections) snapshot() *live.Analysis {
	n := c.Analysis().Counters()
	a := &live.Analysis{
		Flows: n.Flow.Flows, Open: n.Flow.Live, Retransmissions: n.Retransmissions(),
		LostSegments: n.Verdict(flow.LostSegment), OutOfOrder: n.Verdict(flow.OutOfOrder), ZeroWindows: n.Verdict(flow.ZeroWindow),
		Idle: n.Flow.Idle, Closed: n.Flow.Closed, Reused: n.Flow.Reused,
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
	s := words.Sprintf("Connections: %d flows (%s), %d retransmissions, %d findings", a.Flows,
		endsText(a.Closed, a.Idle, a.Reused, a.Evicted, a.Flows-a.Closed-a.Idle-a.Reused-a.Evicted), a.Retransmissions, a.Findings)
	if a.Withheld > 0 {
		s += words.Sprintf(" (more were withheld, as too many came at once: %d times)", a.Withheld)
	}
	if a.Evicted > 0 {
		s += words.Sprintf("; %d flows given up early for want of memory (--flow-memory)", a.Evicted)
	}
	if a.Unwritten > 0 {
		s += words.Sprintf("; %d flows and findings could not be written", a.Unwritten)
	}
	return s + "\n"
}

// endsText says what became of flows.
func endsText(closed, idle, reused, forced, open uint64) string {
	s := words.Sprintf("closed %d, idle %d, still open at the end %d", closed, idle, open)
	if reused > 0 {
		s += words.Sprintf(", ports used again %d", reused)
	}
	if forced > 0 {
		s += words.Sprintf(", given up for want of memory %d", forced)
	}
	return s
}
