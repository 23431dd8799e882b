package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// BuildOptions say how indexes are made again.
type BuildOptions struct {
	All     bool   // also those that are good
	Program string // name and version, for the files
	// FlowMemory is the memory for flows, bytes; 0: what the good indexes were made with,
	// or [DefaultFlowMemory]. More or less of it may change the numbers of streams.
	FlowMemory int64
	// Progress, which may be nil, is told the packets done and all that there are to do.
	Progress func(done, total uint64)
}

// DefaultFlowMemory is the memory for flows of a live capture, bytes.
const DefaultFlowMemory = 32 << 20

// Built says what [Build] did.
type Built struct {
	Segments int // that were indexed
	Packets  uint64
	Kept     int // whose index was good
	Failed   map[uint32]error
	Findings error // why they could not be written
}

// Build makes everything that is derived from a capture's segments where it is missing,
// damaged, or of another version: all bytes of all files are verified. Flows go on from
// segment to segment, so that the connections are followed through the whole capture, from
// its first segment on, as they are while it is captured; what they found takes the
// places in the indexes that are made, and the flows files and the findings are all made
// again. Temporary files that a crash left are removed.
//
// Of a running capture nothing may be built: it has a writer of its own.
func Build(ctx context.Context, s *archive.Stored, o BuildOptions) (*Built, error) {
	b := &Built{Failed: map[uint32]error{}}
	if s.Meta.State == archive.StateOpen {
		return b, errors.New("index: the capture is still being written")
	}
	if err := sweep(s.Root()); err != nil {
		return nil, err
	}
	todo, again, err := survey(ctx, s, &o, b)
	if err != nil || !again {
		return b, err
	}
	return b, rebuild(ctx, s, &o, todo, b)
}

// survey finds the segments whose index has to be made, whether anything has, and the
// memory for flows that the good ones were made with.
func survey(ctx context.Context, s *archive.Stored, o *BuildOptions, b *Built) (todo map[uint32]bool, again bool, err error) {
	todo = map[uint32]bool{}
	segs := s.Meta.Segments
	memory := int64(DefaultFlowMemory)
	_, err = s.Root().Stat(FindingsName)
	again = o.All || err != nil
	for i := range segs {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		f, good := verified(s, &segs[i])
		if good {
			memory = f.Info.FlowMemory
			// Other memory may number streams in another way.
			good = o.FlowMemory == 0 || o.FlowMemory == memory
		}
		if o.All || !good {
			todo[segs[i].Number] = true
		}
	}
	again = again || len(todo) > 0
	if again && first(s) != 1 {
		// Segments were removed: flows that are counted from here on have other numbers
		// than when they were there.
		for i := range segs {
			todo[segs[i].Number] = true
		}
	}
	b.Kept = len(segs) - len(todo)
	if o.FlowMemory == 0 {
		o.FlowMemory = memory
	}
	return todo, again, nil
}

// rebuild follows the whole capture.
func rebuild(ctx context.Context, s *archive.Stored, o *BuildOptions, todo map[uint32]bool, b *Built) error {
	fail := func(segment uint32, err error) {
		b.Failed[segment] = err
	}
	w, err := NewWriter(Config{Root: s.Root(), Capture: s.Meta.ID, Program: o.Program, FlowMemory: o.FlowMemory, FlowsFrom: first(s), Trouble: fail})
	if err != nil {
		return err
	}
	defer w.Close()
	r := newRelay(w)
	waited := sync.OnceFunc(r.wait)
	defer waited()
	lost := map[string]error{}
	c, err := NewConnections(ConnectionsConfig{
		Root: s.Root(), Capture: s.Meta.ID, Program: o.Program, Memory: o.FlowMemory, Again: true,
		Trouble: func(what string, err error) { lost[what] = err },
		Next:    only{r, todo},
	}, nil)
	if err != nil {
		return err
	}
	if err := walkThrough(ctx, s, o, c); err != nil {
		c.Abandon()
		return err
	}
	waited()
	w.Seal()
	age(s, c.Analysis())
	if err := c.Finish(); err != nil {
		lost[FindingsName] = err
	}
	for what, err := range lost {
		b.Findings = errors.Join(b.Findings, fmt.Errorf("%s: %w", what, err))
	}
	for i := range s.Meta.Segments {
		if seg := &s.Meta.Segments[i]; todo[seg.Number] && b.Failed[seg.Number] == nil {
			b.Segments++
			b.Packets += seg.Packets
		}
	}
	return nil
}

// first is the number of the first packet that is left.
func first(s *archive.Stored) uint64 {
	if len(s.Meta.Segments) == 0 {
		return 1
	}
	return s.Meta.Segments[0].First
}

// A live capture lets flows age while no packets come, every quietStep; after quietMost
// there is none left that could.
const (
	quietStep = 2 * time.Second
	quietMost = 20 * time.Minute
)

// age lets flows end that had been silent for long enough when the capture ended. An
// imported capture was never quiet: its packets are older than itself.
func age(s *archive.Stored, a *track.Analysis) {
	var last int64
	for i := range s.Meta.Segments {
		last = max(last, s.Meta.Segments[i].LastTime)
	}
	if s.Meta.State != archive.StateClosed || last < s.Meta.Started.UnixNano() {
		return
	}
	quiet := min(time.Duration(s.Meta.Ended.UnixNano()-last), quietMost)
	for at := quietStep; at <= quiet; at += quietStep {
		a.Advance(last + int64(at))
	}
}

// only hands on the batches of some segments.
type only struct {
	to   track.Follower
	todo map[uint32]bool
}

// Apply implements [track.Follower].
func (f only) Apply(ctx context.Context, b *track.Batch) error {
	if !f.todo[b.Chunk.Segment] {
		return nil
	}
	return f.to.Apply(ctx, b)
}

// walkThrough hands all packets of a capture to the follower of its connections.
func walkThrough(ctx context.Context, s *archive.Stored, o *BuildOptions, c *Connections) error {
	walk := s.Walk(segment.Cursor{})
	defer walk.Close()
	t := track.NewAnalysing(c.Analysis())
	var done uint64
	total := s.Packets()
	for {
		chunk, err := walk.Next(ctx)
		if errors.Is(err, io.EOF) {
			if done < total {
				return fmt.Errorf("index: %d packets could not be read: segments are gone", total-done)
			}
			return nil
		}
		if err != nil {
			return err
		}
		t.Load(chunk)
		for b := t.Next(); b != nil; b = t.Next() {
			if err := c.Apply(ctx, b); err != nil {
				return err
			}
			done += uint64(len(b.Rows))
		}
		walk.Release(chunk)
		if o.Progress != nil {
			o.Progress(done, total)
		}
	}
}

// sweep removes temporary files of index writers that did not end in order.
func sweep(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".parquet"+tmpSuffix) || name == FindingsName+tmpSuffix {
			if err := root.Remove(name); err != nil {
				return fmt.Errorf("index: %w", err)
			}
		}
	}
	return nil
}
