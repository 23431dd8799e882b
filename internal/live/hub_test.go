package live

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// batch makes n packets numbered from first, each with its number as payload.
func batch(first uint64, n int) *track.Batch {
	b := &track.Batch{Chunk: &segment.Chunk{}}
	for i := range n {
		payload := []byte("payload " + strconv.FormatUint(first+uint64(i), 10))
		row := packet.Summary{
			Number: first + uint64(i), Time: 1_700_000_000e9 + int64(i), WireLen: 100,
			DataOff: uint32(len(b.Chunk.Bytes)), CapLen: uint32(10 + len(payload)),
			PayloadOff: 10, PayloadLen: uint32(len(payload)),
			Outer: packet.Tuple{Version: 4, Proto: packet.ProtoTCP, Src: packet.AddrFrom4([4]byte{10, 0, 0, byte(i)})},
		}
		b.Chunk.Bytes = append(append(b.Chunk.Bytes, make([]byte, 10)...), payload...)
		b.Rows = append(b.Rows, row)
	}
	return b
}

func apply(t *testing.T, h *Hub, b *track.Batch) {
	t.Helper()
	if err := h.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func TestPublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { h.Run(ctx) })

		s, seq := h.Wait(ctx, 0)
		if seq != 1 || s.Stats.Packets != 0 || s.Stats == nil {
			t.Fatalf("first snapshot: %d with %d packets", seq, s.Stats.Packets)
		}
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()

		start := time.Now()
		apply(t, h, batch(1, 3))
		s, seq = h.Wait(ctx, seq)
		if took := time.Since(start); took != 0 || s.Stats.Packets != 3 || s.Rows != 3 {
			t.Errorf("a packet after a silence: %d packets after %v, want 3 at once", s.Stats.Packets, took)
		}

		apply(t, h, batch(4, 1))
		apply(t, h, batch(5, 1))
		s, seq = h.Wait(ctx, seq)
		if took := time.Since(start); took != defaultInterval || s.Stats.Packets != 5 {
			t.Errorf("further packets: %d after %v, want 5 after %v", s.Stats.Packets, took, defaultInterval)
		}

		start = time.Now()
		s, seq = h.Wait(ctx, seq)
		if took := time.Since(start); took != heartbeat {
			t.Errorf("heartbeat after %v", took)
		}
		s, _ = h.Wait(ctx, seq)
		if s.Rate.Packets != 0 {
			t.Errorf("rate %v after two silent seconds", s.Rate)
		}
		cancel()
		running.Wait()
	})
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dropped uint64
		h := New(Config{Ledger: func() *Ledger { dropped += 5; return &Ledger{Dropped: dropped} }})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go h.Run(ctx)
		number := uint64(1)
		for range 50 { // 100 packets a second for 5 seconds
			apply(t, h, batch(number, 10))
			number += 10
			time.Sleep(100 * time.Millisecond)
		}
		s := h.Snapshot()
		if s.Rate.Packets < 95 || s.Rate.Packets > 105 || s.Rate.Bits < 76_000 || s.Rate.Bits > 84_000 {
			t.Errorf("rate %+v, want about 100 packets and 80000 bits a second", s.Rate)
		}
		if len(s.Protocols) != 1 || s.Protocols[0].Packets != s.Rate.Packets {
			t.Errorf("protocols %+v", s.Protocols)
		}
		if s.DropRate < 45 || s.DropRate > 55 {
			t.Errorf("drops %v a second, want about 50", s.DropRate)
		}
		if n := len(h.history); n > 60 {
			t.Errorf("%d snapshots kept", n)
		}
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		s, seq := h.Wait(ctx, h.Snapshot().Seq)
		if seq != 1 || s == nil || time.Since(start) != time.Minute {
			t.Errorf("snapshot %d after %v", seq, time.Since(start))
		}
	})
}

// TestSlowWatchers: many watchers at different speeds all see numbers that grow, and the
// final snapshot; nobody waits for them.
func TestSlowWatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{Rows: 100})
		ctx, cancel := context.WithCancel(t.Context())
		go h.Run(ctx)
		var watchers sync.WaitGroup
		for i := range 50 {
			watchers.Go(func() {
				var seen uint64
				for {
					s, seq := h.Wait(ctx, seen)
					if seq <= seen {
						t.Errorf("watcher %d: snapshot %d after %d", i, seq, seen)
						return
					}
					seen = seq
					if s.Final {
						if s.Stats.Packets != 1000 {
							t.Errorf("watcher %d: final with %d packets", i, s.Stats.Packets)
						}
						return
					}
					time.Sleep(time.Duration(i) * 40 * time.Millisecond)
				}
			})
		}
		start := time.Now()
		for i := range uint64(100) {
			apply(t, h, batch(1+i*10, 10))
			time.Sleep(20 * time.Millisecond)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("applying took %v", took)
		}
		h.Finish()
		watchers.Wait()
		apply(t, h, batch(1, 1))
		time.Sleep(2 * time.Second)
		if !h.Snapshot().Final {
			t.Error("no longer final")
		}
		cancel()
	})
}

func TestRows(t *testing.T) {
	h := New(Config{Rows: 64})
	numbers := func(from uint64, count int) (first uint64, got []uint64) {
		rows := make([]Row, count)
		first, n := h.Rows(from, rows)
		for i := range rows[:n] {
			if want := "payload " + strconv.FormatUint(rows[i].Number, 10); string(rows[i].Payload()) != want {
				t.Fatalf("row %d has preview %q", rows[i].Number, rows[i].Payload())
			}
			got = append(got, rows[i].Number)
		}
		return first, got
	}
	if first, got := numbers(0, 10); first != 0 || got != nil {
		t.Errorf("empty: from %d: %v", first, got)
	}
	if first, n := h.Newest(make([]Row, 3)); first != 0 || n != 0 {
		t.Errorf("newest of none: %d from %d", n, first)
	}
	apply(t, h, batch(1, 50))
	if first, got := numbers(48, 10); first != 48 || !slices.Equal(got, []uint64{49, 50}) {
		t.Errorf("the end: from %d: %v", first, got)
	}
	apply(t, h, batch(51, 40))
	if oldest, next := h.Bounds(); oldest != 26 || next != 90 {
		t.Errorf("bounds %d, %d", oldest, next)
	}
	if first, got := numbers(0, 3); first != 26 || !slices.Equal(got, []uint64{27, 28, 29}) {
		t.Errorf("too old: from %d: %v", first, got)
	}
	if first, got := numbers(62, 4); first != 62 || !slices.Equal(got, []uint64{63, 64, 65, 66}) {
		t.Errorf("across the seam: from %d: %v", first, got)
	}
	if first, got := numbers(1000, 3); first != 90 || got != nil {
		t.Errorf("the future: from %d: %v", first, got)
	}
	newest := make([]Row, 3)
	if first, n := h.Newest(newest); first != 87 || n != 3 || newest[0].Number != 88 || newest[2].Number != 90 {
		t.Errorf("newest: %d from %d", n, first)
	}
	apply(t, h, batch(91, 1000)) // more than the ring holds, at once
	if first, got := numbers(0, 64); first != 1090-64 || len(got) != 64 || got[63] != 1090 {
		t.Errorf("after a flood: from %d: %d rows", first, len(got))
	}
}

func TestPreview(t *testing.T) {
	long := make([]byte, 300)
	for i := range long {
		long[i] = byte(i)
	}
	for _, tc := range []struct {
		name string
		row  packet.Summary
		want []byte
	}{
		{"whole", packet.Summary{CapLen: 30, PayloadOff: 20, PayloadLen: 10}, long[20:30]},
		{"padding is not payload", packet.Summary{CapLen: 60, PayloadOff: 54, PayloadLen: 2}, long[54:56]},
		{"cut off by the snapshot length", packet.Summary{CapLen: 56, PayloadOff: 54, PayloadLen: 1400}, long[54:56]},
		{"long", packet.Summary{CapLen: 300, PayloadOff: 54, PayloadLen: 246}, long[54 : 54+PreviewSize]},
		{"none", packet.Summary{CapLen: 54, PayloadOff: 54}, nil},
		{"beyond the captured bytes", packet.Summary{CapLen: 54, PayloadOff: 80, PayloadLen: 9}, nil},
		{"put together from fragments", packet.Summary{CapLen: 60, PayloadOff: 8, PayloadLen: 9, Flags: packet.Reassembled}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := New(Config{Rows: 4})
			apply(t, h, &track.Batch{Chunk: &segment.Chunk{Bytes: long}, Rows: []packet.Summary{tc.row}})
			rows := make([]Row, 1)
			if _, n := h.Rows(0, rows); n != 1 || !slices.Equal(rows[0].Payload(), tc.want) {
				t.Errorf("preview % x, want % x", rows[0].Payload(), tc.want)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	h := New(Config{})
	for i := range 70 {
		h.Event(Warning, strconv.Itoa(i))
	}
	s := h.Finish()
	if len(s.Events) != maxEvents || s.EventsLost != 6 || s.Events[0].Text != "6" || s.Events[63].Text != "69" {
		t.Errorf("%d events, %d lost, from %q", len(s.Events), s.EventsLost, s.Events[0].Text)
	}
	h.Event(Info, "later")
	if s.Events[63].Text != "69" {
		t.Error("a published snapshot has changed")
	}
}

func TestSnapshotIsStable(t *testing.T) {
	h := New(Config{})
	apply(t, h, batch(1, 20))
	s := h.Finish()
	before, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, h, batch(21, 2000))
	h.Finish()
	if after, _ := json.Marshal(s); string(after) != string(before) {
		t.Error("a published snapshot has changed")
	}
	if got := h.Statistics(2000).Sources.Rows; len(got) != 256 {
		t.Errorf("%d sources of 256", len(got))
	}
}

func TestSources(t *testing.T) {
	h := New(Config{
		Interfaces: func() []Interface { return []Interface{{Dropped: 3}, {Dropped: 4}} },
		Sinks:      func() []Sink { return []Sink{{Name: "JSON"}} },
	})
	if s := h.Snapshot(); s.Dropped() != 7 || len(s.Sinks) != 1 || s.Ledger != nil {
		t.Errorf("%+v", s)
	}
}

func TestApplyDoesNotAllocate(t *testing.T) {
	h := New(Config{})
	b := batch(1, 2000)
	apply(t, h, b)
	if n := testing.AllocsPerRun(20, func() { _ = h.Apply(t.Context(), b) }); n != 0 {
		t.Errorf("%v allocations for a batch", n)
	}
}

// TestTogether lets everything run at once, for the race detector.
func TestTogether(t *testing.T) {
	h := New(Config{Rows: 500, Interval: time.Microsecond, Ledger: func() *Ledger { return &Ledger{} }})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { h.Run(ctx) })
	for range 3 {
		all.Go(func() {
			rows := make([]Row, 50)
			for seen := uint64(0); ctx.Err() == nil; {
				var s *Snapshot
				s, seen = h.Wait(ctx, seen)
				_, next := h.Bounds()
				first, n := h.Rows(next-min(next, 50), rows)
				for i := range rows[1:max(n, 1)] {
					if rows[i+1].Number != rows[i].Number+1 {
						t.Errorf("torn window at %d: %d after %d", first, rows[i+1].Number, rows[i].Number)
						return
					}
				}
				if s.Stats.Packets != s.Rows {
					t.Errorf("%d packets counted, %d rows", s.Stats.Packets, s.Rows)
				}
			}
		})
	}
	for i := range uint64(200) {
		apply(t, h, batch(1+i*700, 700))
	}
	h.Event(Info, "done")
	if s := h.Finish(); s.Stats.Packets != 140_000 {
		t.Errorf("%d packets", s.Stats.Packets)
	}
	cancel()
	all.Wait()
}

func BenchmarkApply(b *testing.B) {
	h := New(Config{})
	rows := batch(1, 4096)
	for b.Loop() {
		_ = h.Apply(context.Background(), rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/packet")
}

func BenchmarkPublish(b *testing.B) {
	h := New(Config{})
	_ = h.Apply(context.Background(), batch(1, 60_000))
	b.ReportAllocs()
	for b.Loop() {
		h.publish(false)
	}
}
