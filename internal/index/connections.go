package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/track"
)

// The findings of a capture: a file with a line for each, and again when it gets more
// severe or its count reaches a power of ten. The last line of an id is the valid one.
const (
	FindingsName = archive.FindingsName
	findingsMax  = 64 << 20
)

// ConnectionsConfig says whose connections are looked at.
type ConnectionsConfig struct {
	Root    *os.Root // the capture's folder
	Capture string   // its ID
	Program string   // name and version, for the files
	Memory  int64    // for flows, bytes
	// Thresholds say from where on a finding is told; zero: the defaults.
	Thresholds flow.Thresholds
	// Trouble is told what cannot be written and why, each once.
	Trouble func(what string, err error)
	// Next gets the batches with their notes: the writer of the index.
	Next track.Follower
	// Again says that the files are made again: findings take the place of the old ones
	// when they are complete.
	Again bool
}

// Connections is the follower that looks at flows and what is wrong with them, while a
// capture runs and when its index is made again. It writes the flows that end in each
// segment, and the capture's findings. It is used by one goroutine.
type Connections struct {
	cfg      ConnectionsConfig
	analysis *track.Analysis
	watch    *flow.Watch
	flows    *FlowWriter
	findings *os.File
	name     string // of the file of findings
	written  int64  // bytes of findings
	dropped  uint64 // findings
	count    func(unwritten uint64)
	read     []reached // segments that were read and may still be there, oldest first
}

// reached is a segment and the time of the first packet read of it.
type reached struct {
	segment uint32
	first   int64
}

var _ track.Follower = (*Connections)(nil)

// NewConnections returns a follower that has seen nothing. It does not own the Root. count
// is told how many flows and findings could not be written whenever that may have
// changed; it may be nil.
func NewConnections(cfg ConnectionsConfig, count func(unwritten uint64)) (*Connections, error) {
	c := &Connections{cfg: cfg, name: FindingsName, count: count}
	how := os.O_APPEND
	if cfg.Again {
		c.name, how = FindingsName+tmpSuffix, os.O_TRUNC
	}
	var err error
	if c.findings, err = cfg.Root.OpenFile(c.name, os.O_WRONLY|os.O_CREATE|how, 0o600); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	c.flows = NewFlowWriter(cfg.Root, cfg.Capture, cfg.Program, func(n uint32, err error) {
		c.trouble(fmt.Sprintf("segment %d has no flows file", n), err)
	})
	c.watch = flow.NewWatch(flow.WatchOptions{Thresholds: cfg.Thresholds, Found: c.found})
	c.analysis = track.NewAnalysis(track.AnalysisOptions{
		Memory: cfg.Memory, Watch: c.watch, Ended: c.ended,
	})
	return c, nil
}

func (c *Connections) trouble(what string, err error) {
	if c.cfg.Trouble != nil {
		c.cfg.Trouble(what, err)
	}
}

// Analysis is what the tracker has to use whose batches are applied.
func (c *Connections) Analysis() *track.Analysis { return c.analysis }

// Unwritten returns how many flows and findings could not be written.
func (c *Connections) Unwritten() uint64 { return c.flows.Lost() + c.dropped }

// Apply implements [track.Follower]: the tracker has done the work on flows.
func (c *Connections) Apply(ctx context.Context, b *track.Batch) error {
	c.reach(b)
	if c.cfg.Next == nil {
		return nil
	}
	return c.cfg.Next.Apply(ctx, b)
}

// reach notes that a segment is being read. With each new one, findings go whose segments
// retention has taken away.
func (c *Connections) reach(b *track.Batch) {
	n := b.Chunk.Segment
	c.flows.Reach(n)
	if len(b.Rows) == 0 || len(c.read) > 0 && c.read[len(c.read)-1].segment == n {
		return
	}
	c.read = append(c.read, reached{n, b.Rows[0].Time})
	gone := 0
	for _, r := range c.read[:len(c.read)-1] {
		if _, err := c.cfg.Root.Stat(archive.FileName(r.segment)); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		gone++
	}
	if gone == 0 || c.cfg.Again {
		return
	}
	c.read = slices.Delete(c.read, 0, gone)
	left, err := archive.PruneFindings(c.cfg.Root, c.read[0].first)
	if err != nil {
		c.trouble(FindingsName+": findings about segments that are gone stay", err)
		return
	}
	f, err := c.cfg.Root.OpenFile(FindingsName, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		c.trouble(FindingsName+": findings are no longer written", err)
		return
	}
	_ = c.findings.Close()
	c.findings, c.written = f, left
}

func (c *Connections) ended(f *track.Conversation) {
	c.flows.Add(f)
	c.counted()
}

func (c *Connections) counted() {
	if c.count != nil {
		c.count(c.Unwritten())
	}
}

// found writes a finding down.
func (c *Connections) found(f *flow.Finding) {
	line, err := json.Marshal(NewFinding(f))
	if err == nil && c.written < findingsMax {
		line = append(inert.JSON(line), '\n')
		if _, err = c.findings.Write(line); err == nil {
			c.written += int64(len(line))
			return
		}
	}
	if c.dropped++; c.dropped == 1 {
		if err == nil {
			err = errors.New("the file has reached its limit")
		}
		c.trouble(FindingsName+": findings are counted, but no longer written", err)
	}
	c.counted()
}

// Finish ends all flows, tells what the findings have grown to, and finishes the files.
func (c *Connections) Finish() error {
	c.analysis.Drain()
	c.watch.Finish()
	c.flows.Seal()
	c.counted()
	var err error
	if c.cfg.Again {
		err = c.findings.Sync()
	}
	if err = errors.Join(err, c.findings.Close()); err == nil && c.cfg.Again {
		err = c.cfg.Root.Rename(c.name, FindingsName)
	}
	if err != nil {
		return fmt.Errorf("index: %s: %w", FindingsName, err)
	}
	return nil
}

// Abandon gives up what is not finished.
func (c *Connections) Abandon() {
	c.flows.Close()
	_ = c.findings.Close()
	if c.cfg.Again {
		_ = c.cfg.Root.Remove(c.name)
	}
}
