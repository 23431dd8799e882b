package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Built says what [Build] did.
type Built struct {
	Segments int // that were indexed
	Packets  uint64
	Kept     int // whose index was good
	Failed   map[uint32]error
}

// Build makes the index of each sealed segment of a capture that has none that can be
// used, or of all of them, several at once. Temporary files that a crash left are removed.
// progress, which may be nil, is told the packets done and all that there are to do; it is
// called from one goroutine at a time.
func Build(ctx context.Context, s *archive.Stored, all bool, workers int, program string, progress func(done, total uint64)) (*Built, error) {
	b := &Built{Failed: map[uint32]error{}}
	// A running capture has a writer of its own.
	if s.Meta.State != archive.StateOpen {
		if err := sweep(s.Root()); err != nil {
			return nil, err
		}
	}
	var todo []archive.SegmentInfo
	var total, done uint64
	for i := range s.Meta.Segments {
		seg := &s.Meta.Segments[i]
		if !seg.Sealed && s.Meta.State == archive.StateOpen {
			continue
		}
		if !all && good(s, seg) {
			b.Kept++
			continue
		}
		todo = append(todo, *seg)
		total += seg.Packets
	}
	var mu sync.Mutex
	next := 0
	take := func() (seg archive.SegmentInfo, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(todo) || ctx.Err() != nil {
			return seg, false
		}
		next++
		return todo[next-1], true
	}
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		done += uint64(n)
		if progress != nil {
			progress(done, total)
		}
	}
	var wg sync.WaitGroup
	for range max(1, min(workers, len(todo))) {
		wg.Go(func() {
			for seg, ok := take(); ok; seg, ok = take() {
				err := one(ctx, s, seg, program, count)
				mu.Lock()
				if err != nil {
					b.Failed[seg.Number] = err
				} else {
					b.Segments++
					b.Packets += seg.Packets
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return b, ctx.Err()
}

func good(s *archive.Stored, seg *archive.SegmentInfo) bool {
	if _, err := Open(s.Root(), s.Meta.ID, seg); err != nil {
		return false
	}
	for name, kind := range map[string][]spec{SecondsName(seg.Number): secondSpecs, AddressesName(seg.Number): addressSpecs} {
		table := "addresses"
		if strings.Contains(name, "seconds") {
			table = "seconds"
		}
		if _, err := openCounts(s.Root(), name, table, kind, s.Meta.ID, seg); err != nil {
			return false
		}
	}
	return true
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
		if strings.HasSuffix(name, ".parquet"+tmpSuffix) {
			if err := root.Remove(name); err != nil {
				return fmt.Errorf("index: %w", err)
			}
		}
	}
	return nil
}

// one indexes one segment.
func one(ctx context.Context, s *archive.Stored, seg archive.SegmentInfo, program string, count func(int)) error {
	var failed error
	w, err := NewWriter(Config{Root: s.Root(), Capture: s.Meta.ID, Program: program, Trouble: func(_ uint32, err error) { failed = err }})
	if err != nil {
		return err
	}
	defer w.Close()
	walk := s.Walk(segment.Cursor{Segment: seg.Number, Packet: seg.First})
	defer walk.Close()
	t := track.New()
	for walk.Cursor().Segment == seg.Number && walk.Cursor().Offset < seg.Bytes {
		c, err := walk.Next(ctx)
		if err != nil {
			return err
		}
		if c.Segment != seg.Number {
			return errors.New("the segment is gone")
		}
		t.Load(c)
		n := 0
		for b := t.Next(); b != nil; b = t.Next() {
			if err := w.Apply(ctx, b); err != nil {
				return err
			}
			n += len(b.Rows)
		}
		walk.Release(c)
		count(n)
		if failed != nil {
			return failed
		}
	}
	w.Seal()
	return failed
}
