package faults_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

var interfaces = []segment.Interface{{
	Name: "test0", Link: packet.LinkEthernet, Resolution: segment.Resolution{UnitsPerSecond: 1e9},
}}

func create(t *testing.T, cfg archive.Config) *archive.Archive {
	t.Helper()
	cfg.Interfaces, cfg.Program = interfaces, "test"
	a, _, err := archive.Create(cfg)
	must(t, err)
	return a
}

// fill appends packets that carry their numbers, each of its own size.
func fill(a *archive.Archive, first, n, size int) {
	b := segment.NewBuilder(nil)
	for i := range n {
		if i%50 == 0 {
			if i > 0 {
				a.Append(b)
			}
			b.Reset(a.Buffer())
		}
		length := uint32(size + (first+i)*7%97)
		p := b.Packet(0, int64(first+i)*1000, length, length, packet.DirectionReceived)
		clear(p)
		binary.BigEndian.PutUint64(p, uint64(first+i))
	}
	a.Append(b)
}

// read walks a capture and checks that the packets come in order; it returns how many.
func read(t *testing.T, c track.Chunks) (n uint64) {
	t.Helper()
	for {
		chunk, err := c.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatalf("after %d packets: %v", n, err)
		}
		it := chunk.Records()
		var rec segment.Record
		for it.Next(&rec) {
			n++
			if len(rec.Data) < 8 || binary.BigEndian.Uint64(rec.Data) == 0 {
				t.Fatalf("packet %d holds nonsense", n)
			}
		}
		c.Release(chunk)
	}
}

// A power cut leaves the open segment shorter than it was: whatever its length, it opens,
// and every packet that is whole is there.
func TestPowerCutAtEveryByte(t *testing.T) {
	base := t.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		if dir, err := os.MkdirTemp("/dev/shm", "tarrafa-faults-"); err == nil {
			base = dir
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
		}
	}
	live := filepath.Join(base, "live")
	a := create(t, archive.Config{DataDir: live})
	fill(a, 1, 600, 80)
	name := filepath.Join(a.Dir(), archive.FileName(1))
	data, err := os.ReadFile(name)
	must(t, err)
	meta, err := os.ReadFile(filepath.Join(a.Dir(), archive.MetaName))
	must(t, err)
	if !bytes.Contains(meta, []byte(`"open"`)) {
		t.Fatal("the capture is not open")
	}
	must(t, a.Close())

	// Where packets end, by another reader.
	r, err := segment.NewReader(bytes.NewReader(data), segment.ReaderOptions{})
	must(t, err)
	var ends []int64
	for {
		c, err := r.Next()
		if err != nil {
			break
		}
		it := c.Records()
		var rec segment.Record
		for it.Next(&rec) {
			ends = append(ends, rec.Offset+int64(binary.LittleEndian.Uint32(data[rec.Offset+4:])))
		}
	}
	if len(ends) != 600 || len(data) < 64<<10 {
		t.Fatalf("%d packets in %d bytes", len(ends), len(data))
	}
	step := 1
	if testing.Short() {
		step = 61
	}
	// Two halves at a time.
	for _, half := range []int{0, 1} {
		t.Run([]string{"even", "odd"}[half], func(t *testing.T) {
			t.Parallel()
			cutEverywhere(t, filepath.Join(base, t.Name()), data, meta, ends, len(data)-half, 2*step)
		})
	}
}

// cutEverywhere recovers the segment at every step of its last 64 KiB.
func cutEverywhere(t *testing.T, base string, data, meta []byte, ends []int64, from, step int) {
	dir := filepath.Join(base, "20260101T000000Z-test0")
	must(t, os.MkdirAll(dir, 0o700))
	cuts, torn, whole, longest := 0, 0, uint64(0), uint64(0)
	for cut := from; cut >= len(data)-64<<10; cut -= step {
		must(t, os.WriteFile(filepath.Join(dir, archive.MetaName), meta, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, archive.FileName(1)), data[:cut], 0o600))
		want := uint64(0)
		for want < uint64(len(ends)) && ends[want] <= int64(cut) {
			want++
		}
		found, err := archive.RecoverAll(base)
		if err != nil || len(found) != 1 {
			t.Fatalf("cut at %d: %v, %d recovered", cut, err, len(found))
		}
		if found[0].Packets != want {
			t.Fatalf("cut at %d: %d packets, want %d", cut, found[0].Packets, want)
		}
		whole, longest = max(whole, want), max(longest, found[0].Packets)
		if found[0].TornLen > 0 {
			torn++
		}
		if cuts%16 == 0 || found[0].Problem != "" {
			s, err := archive.Open(dir)
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			w := s.Walk(segment.Cursor{})
			if n := read(t, w); n != want || s.Packets() != want {
				t.Fatalf("cut at %d: %d packets to read, %d said, want %d", cut, n, s.Packets(), want)
			}
			w.Close()
			if cuts%512 == 0 {
				reindexed(t, s, want)
			}
			must(t, s.Close())
		}
		cuts++
	}
	lab.FaultRow(t, fmt.Sprintf("power cut at %d lengths of the last 64 KiB (%d through a record): whole packets of the longest", cuts, torn), whole, longest, 0, 0)
}

// reindexed makes an index of what was recovered, asks it, and takes it away again.
func reindexed(t *testing.T, s *archive.Stored, want uint64) {
	t.Helper()
	dir := s.Dir()
	built, err := index.Build(t.Context(), s, index.BuildOptions{Program: "test"})
	if err != nil || len(built.Failed) > 0 {
		t.Fatalf("reindex: %v, %+v", err, built)
	}
	c, err := history.Open(dir, history.Options{Notice: func(text string) { t.Errorf("after the reindex: %s", text) }})
	must(t, err)
	page, err := c.Packets(t.Context(), query.Scope{}, 0, 1000)
	if err != nil || uint64(len(page.Rows)) != want {
		t.Fatalf("the index knows %d packets of %d: %v", len(page.Rows), want, err)
	}
	must(t, c.Close())
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, f := range files {
		if base := filepath.Base(f); base != archive.MetaName && base != archive.FileName(1) {
			must(t, os.RemoveAll(f))
		}
	}
}

// Clocks that step back and forth move nothing but the time: no packet is lost, segments
// go on in order.
func TestClockSteps(t *testing.T) {
	now := time.Date(2026, 3, 29, 1, 59, 59, 0, time.UTC)
	a := create(t, archive.Config{DataDir: t.TempDir(), SegmentBytes: 64 << 10, SegmentAge: time.Hour, Now: func() time.Time { return now }})
	tail := a.Follow(segment.Cursor{})
	steps := []time.Duration{0, time.Hour, -2 * time.Hour, 24 * time.Hour, -48 * time.Hour, 1000 * time.Hour, -56 * 365 * 24 * time.Hour, 80 * 365 * 24 * time.Hour, time.Nanosecond, -time.Nanosecond}
	sent := 0
	for _, step := range steps {
		now = now.Add(step)
		fill(a, sent+1, 200, 300)
		sent += 200
		a.Tick()
		a.Checkpoint()
	}
	must(t, a.Close())
	n := read(t, tail)
	l := a.Ledger()
	lab.FaultRow(t, "clock stepped ten times", uint64(sent), n, l.Lost, 0)
	if n != uint64(sent) || l.Written != uint64(sent) || l.Lost != 0 {
		t.Errorf("%d of %d packets, ledger %+v", n, sent, l)
	}
	must(t, a.Release(l))
	s, err := archive.Open(a.Dir())
	must(t, err)
	defer func() { _ = s.Close() }()
	w := s.Walk(segment.Cursor{})
	defer w.Close()
	if n := read(t, w); n != uint64(sent) {
		t.Errorf("%d packets when read again", n)
	}
}

// A segment that somebody deletes under a reader is missed by its number of packets, and
// the rest is delivered.
func TestSegmentDeletedUnderReaders(t *testing.T) {
	a := create(t, archive.Config{DataDir: t.TempDir(), SegmentBytes: 32 << 10, MemoryBytes: 1})
	const sent = 1000
	fill(a, 1, sent, 300)
	must(t, a.Close())
	l := a.Ledger()
	must(t, a.Release(l))
	s, err := archive.Open(a.Dir())
	must(t, err)
	defer func() { _ = s.Close() }()
	w := s.Walk(segment.Cursor{})
	defer w.Close()
	if len(s.Meta.Segments) < 4 {
		t.Fatalf("%d segments", len(s.Meta.Segments))
	}
	// The stored capture's reader is in the first segment when the second goes.
	chunk, err := w.Next(t.Context())
	must(t, err)
	first := uint64(chunk.Packets)
	w.Release(chunk)
	gone := s.Meta.Segments[1]
	must(t, os.Remove(filepath.Join(a.Dir(), archive.FileName(gone.Number))))
	n := first + read(t, w)
	lab.FaultRow(t, "segment deleted under a reader", sent, n, w.Expired(), 0)
	if n+w.Expired() != sent || w.Expired() != gone.Packets {
		t.Errorf("%d read and %d expired of %d; the deleted segment had %d", n, w.Expired(), sent, gone.Packets)
	}
}
