package faults_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// numbered walks chunks and checks that every packet carries the number that it has; it
// returns how many there were.
func numbered(ctx context.Context, c track.Chunks) (n uint64, err error) {
	last := uint64(0)
	for {
		chunk, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		it := chunk.Records()
		var rec segment.Record
		for number := chunk.First; it.Next(&rec); number++ {
			if len(rec.Data) < 8 || binary.BigEndian.Uint64(rec.Data) != number || number <= last {
				return n, fmt.Errorf("packet %d behind %d holds %x", number, last, rec.Data[:min(8, len(rec.Data))])
			}
			last = number
			n++
		}
		c.Release(chunk)
	}
}

// Retention takes segments away while they are followed, walked and asked about. A
// follower counts what it never saw; a reader gets every packet with its own number, or
// knows that it is gone; a question is answered, about packets that were there.
func TestRetentionWhileReading(t *testing.T) {
	dir := t.TempDir()
	a := create(t, archive.Config{DataDir: dir, SegmentBytes: 64 << 10, MemoryBytes: 1})
	const sent = 60_000
	fill(a, 1, 200, 300)
	a.Checkpoint()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()

	var wg sync.WaitGroup
	var applied, walks, answers, retired atomic.Uint64
	slow := a.Follow(segment.Cursor{})
	wg.Go(func() {
		n, err := numbered(ctx, lingering{slow})
		applied.Store(n)
		if err != nil {
			t.Errorf("follower: %v", err)
		}
	})
	done := make(chan struct{})
	wg.Go(func() { // retention
		for {
			out, err := a.Retain(archive.Retention{Bytes: 512 << 10})
			retired.Add(out.Packets)
			if err != nil {
				t.Errorf("retain: %v", err)
				return
			}
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	repeat := func(f func() error) {
		wg.Go(func() {
			for {
				if err := f(); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	repeat(func() error {
		s, err := archive.Open(a.Dir())
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		defer func() { _ = s.Close() }()
		if len(s.Meta.Segments) == 0 {
			return errors.New("no segment to read")
		}
		last := s.Meta.Segments[len(s.Meta.Segments)-1]
		w := s.Walk(segment.Cursor{})
		defer w.Close()
		n, err := numbered(ctx, w)
		if err != nil {
			return fmt.Errorf("walk: %w", err)
		}
		if n+w.Expired() != last.First+last.Packets-1 {
			return fmt.Errorf("walk: %d read, %d expired of %d", n, w.Expired(), last.First+last.Packets-1)
		}
		walks.Add(1)
		return nil
	})
	repeat(func() error {
		c, err := history.Open(a.Dir(), history.Options{Notice: func(text string) {
			if strings.ContainsAny(text, "\n\x1b") || text == "" {
				t.Errorf("notice %q", text)
			}
		}})
		if err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		defer func() { _ = c.Close() }()
		totals, err := c.Totals(ctx, query.Scope{})
		if err != nil {
			return fmt.Errorf("totals: %w", err)
		}
		page, err := c.Packets(ctx, query.Scope{}, 0, 1000)
		if err != nil {
			return fmt.Errorf("packets: %w", err)
		}
		for i := range page.Rows {
			if i > 0 && page.Rows[i].Number <= page.Rows[i-1].Number {
				return fmt.Errorf("packet %d behind %d", page.Rows[i].Number, page.Rows[i-1].Number)
			}
		}
		if totals.Packets == 0 || totals.Packets > sent {
			return fmt.Errorf("%d packets", totals.Packets)
		}
		answers.Add(1)
		return nil
	})

	for first := 201; first <= sent; first += 200 {
		fill(a, first, min(200, sent-first+1), 300)
		a.Tick()
		a.Checkpoint()
		if first%1000 == 1 {
			time.Sleep(5 * time.Millisecond)
		}
		runtime.Gosched()
	}
	must(t, a.Close())
	close(done)
	wg.Wait()
	// What was derived while its segment went away goes with the next look.
	_, err := a.Retain(archive.Retention{Bytes: 512 << 10})
	must(t, err)
	l := a.Ledger()
	lab.FaultRow(t, "retention while reading", sent, applied.Load(), slow.Expired(), 0)
	t.Logf("%d packets removed; %d walks and %d answers meanwhile", retired.Load(), walks.Load(), answers.Load())
	if l.Written != sent || applied.Load()+slow.Expired() != sent {
		t.Errorf("%d applied and %d expired of %d", applied.Load(), slow.Expired(), l.Written)
	}
	if retired.Load() == 0 || slow.Expired() == 0 || walks.Load() < 3 || answers.Load() < 3 {
		t.Error("too little happened")
	}
	must(t, a.Release(l))
	files, err := filepath.Glob(filepath.Join(a.Dir(), "0*"))
	must(t, err)
	for _, f := range files {
		stem, _, _ := strings.Cut(filepath.Base(f), ".")
		if _, err := os.Stat(filepath.Join(a.Dir(), stem+".pcapng")); err != nil {
			t.Errorf("%s has no segment", filepath.Base(f))
		}
	}
}

// lingering is a follower that is slower than what it follows.
type lingering struct{ *archive.Tail }

// Next implements track.Chunks.
func (l lingering) Next(ctx context.Context) (*segment.Chunk, error) {
	time.Sleep(20 * time.Millisecond)
	return l.Tail.Next(ctx)
}
