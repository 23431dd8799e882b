package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

var testInterfaces = []segment.Interface{{
	Name: "test0", Link: packet.LinkEthernet, Resolution: segment.Resolution{UnitsPerSecond: 1e9},
}}

func create(t *testing.T, change func(*Config)) *Archive {
	t.Helper()
	cfg := Config{DataDir: t.TempDir(), Interfaces: testInterfaces, Program: "test"}
	if change != nil {
		change(&cfg)
	}
	a, _, err := Create(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fill appends n packets that carry their number, starting at first, in one chunk.
func fill(t *testing.T, a *Archive, first, n, size int) {
	t.Helper()
	b := segment.NewBuilder(a.Buffer())
	for i := range n {
		p := b.Packet(0, int64(first+i)*1000, uint32(size), uint32(size), packet.DirectionReceived)
		if p == nil {
			t.Fatalf("no room for packet %d of %d bytes", i, size)
		}
		clear(p)
		binary.BigEndian.PutUint64(p, uint64(first+i))
	}
	a.Append(b)
}

// drain reads from src until the end and checks that the packets come in order, from
// first on. It returns how many there were.
func drain(t *testing.T, src interface {
	Next(context.Context) (*segment.Chunk, error)
	Release(*segment.Chunk)
}, first uint64) uint64 {
	t.Helper()
	next := first
	for {
		c, err := src.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return next - first
		}
		if err != nil {
			t.Errorf("after packet %d: %v", next-1, err)
			return next - first
		}
		if c.First != next && c.Packets > 0 {
			t.Errorf("chunk starts with packet %d, want %d", c.First, next)
		}
		n := uint32(0)
		it := c.Records()
		var r segment.Record
		for it.Next(&r) {
			if got := binary.BigEndian.Uint64(r.Data); got != next {
				t.Errorf("packet %d holds number %d", next, got)
			}
			next++
			n++
		}
		if n != c.Packets {
			t.Errorf("chunk of %d packets yields %d", c.Packets, n)
		}
		src.Release(c)
	}
}

func TestFollowersSeeEverythingOnce(t *testing.T) {
	for _, tc := range []struct {
		name   string
		memory int
		bytes  int64
	}{
		{"from memory", 64 << 20, 1 << 30},
		{"from disk", 1, 1 << 30},
		{"over many segments", 1, 200 << 10},
		{"half and half", 2 << 20, 300 << 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := create(t, func(c *Config) { c.MemoryBytes, c.SegmentBytes = tc.memory, tc.bytes })
			var wg sync.WaitGroup
			got := make([]uint64, 3)
			for i := range got {
				wg.Go(func() {
					tail := a.Follow(segment.Cursor{})
					defer tail.Close()
					got[i] = drain(t, tail, 1)
				})
			}
			total := 0
			rng := rand.New(rand.NewPCG(1, 2))
			for total < 20000 {
				n := 1 + rng.IntN(300)
				fill(t, a, total+1, n, 60+rng.IntN(400))
				total += n
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			late := a.Follow(segment.Cursor{})
			if n := drain(t, late, 1); n != uint64(total) {
				t.Errorf("a late follower saw %d of %d", n, total)
			}
			late.Close()
			wg.Wait()
			for i, n := range got {
				if n != uint64(total) {
					t.Errorf("follower %d saw %d of %d", i, n, total)
				}
			}
			if l := a.Ledger(); l.Written != uint64(total) || l.Lost != 0 {
				t.Errorf("ledger says written %d lost %d, want %d and 0", l.Written, l.Lost, total)
			}
			s, err := Open(a.Dir())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			w := s.Walk(segment.Cursor{})
			defer w.Close()
			if n := drain(t, w, 1); n != uint64(total) {
				t.Errorf("the stored capture has %d of %d", n, total)
			}
		})
	}
}

func TestQueueKeepsOrderAndLosesNothing(t *testing.T) {
	a := create(t, func(c *Config) { c.SegmentBytes = 300 << 10 })
	a.Start()
	var wg sync.WaitGroup
	var got uint64
	wg.Go(func() {
		tail := a.Follow(segment.Cursor{})
		defer tail.Close()
		got = drain(t, tail, 1)
	})
	total := 0
	for total < 30000 {
		fill(t, a, total+1, 100, 200)
		total += 100
		if total%5000 == 0 {
			a.SetSource(uint64(total), 0, 0, uint64(total), 0)
			a.Checkpoint()
			a.NoteEvent(0, time.Now(), "something")
			a.Tick()
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if got != uint64(total) || a.Ledger().Written != uint64(total) {
		t.Errorf("follower saw %d, written %d of %d", got, a.Ledger().Written, total)
	}
}

func TestQueueHoldsBackWhenTheDiskTakesNothing(t *testing.T) {
	a := create(t, nil)
	a.Start()
	release := make(chan struct{})
	a.inOrder(func() { <-release })
	appended := make(chan int, 1)
	go func() {
		n := 0
		for ; n < 200; n++ {
			fill(t, a, 1+n*1000, 1000, 900) // a buffer each: twice queueBytes and more
		}
		appended <- n
	}()
	select {
	case n := <-appended:
		t.Errorf("%d buffers were taken although the disk takes none", n)
	case <-time.After(200 * time.Millisecond):
	}
	close(release)
	<-appended
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if w := a.Ledger().Written; w != 200000 {
		t.Errorf("written %d", w)
	}
}

func TestFollowResumesAtAnyCursor(t *testing.T) {
	a := create(t, func(c *Config) { c.SegmentBytes = 100 << 10 })
	for i := range 50 {
		fill(t, a, 1+i*40, 40, 100)
	}
	var cursors []segment.Cursor
	tail := a.Follow(segment.Cursor{})
	for range 30 {
		c, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tail.Release(c)
		cursors = append(cursors, tail.Cursor())
	}
	tail.Close()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for _, cur := range cursors {
		tail := a.Follow(cur)
		if n := drain(t, tail, cur.Packet); n+cur.Packet != 2001 {
			t.Errorf("from %+v: %d packets", cur, n)
		}
		tail.Close()
	}
}

func TestCutAnywhereRecovers(t *testing.T) {
	a := create(t, nil)
	fill(t, a, 1, 20, 70)
	fill(t, a, 21, 20, 333)
	dir, id := a.Dir(), a.ID()
	path := filepath.Join(dir, FileName(1))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a.lock.unlock() // as a killed process would
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	metaText, err := os.ReadFile(filepath.Join(dir, MetaName))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	last := uint64(0)
	for cut := len(whole); cut >= 0; cut -= 7 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, MetaName), metaText, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := recoverCapture(dir)
		if err != nil || r == nil {
			t.Fatalf("cut at %d: %v, %v", cut, r, err)
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		w := s.Walk(segment.Cursor{})
		n := drain(t, w, 1)
		w.Close()
		s.Close()
		if n != r.Packets {
			t.Fatalf("cut at %d: recovery says %d packets, %d are there", cut, r.Packets, n)
		}
		if cut == len(whole) && n != 40 {
			t.Fatalf("the whole file has %d packets", n)
		}
		if cut < len(whole) && n > last {
			t.Fatalf("cut at %d: %d packets, more than %d with a longer file", cut, n, last)
		}
		last = n
		if s.Meta.ID != id || s.Meta.State != StateRecovered {
			t.Fatalf("cut at %d: id %q state %q", cut, s.Meta.ID, s.Meta.State)
		}
	}
}

func TestRecoveryNeedsNoMeta(t *testing.T) {
	a := create(t, func(c *Config) { c.SegmentBytes = 50 << 10 })
	for i := range 20 {
		fill(t, a, 1+i*40, 40, 100)
	}
	dir, id := a.Dir(), a.ID()
	a.lock.unlock()
	if err := os.Remove(filepath.Join(dir, MetaName)); err != nil {
		t.Fatal(err)
	}
	r, err := RecoverAll(filepath.Dir(dir))
	if err != nil || len(r) != 1 || r[0].Packets != 800 {
		t.Fatalf("recovered %+v, %v", r, err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Meta.ID != id || len(s.Meta.Segments) < 2 {
		t.Errorf("id %q (want %q), %d segments", s.Meta.ID, id, len(s.Meta.Segments))
	}
}

func TestSecondCaptureIsRefused(t *testing.T) {
	a := create(t, nil)
	_, _, err := Create(a.cfg)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder == "" {
		t.Fatalf("got %v, want LockedError with a holder", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Release(a.Ledger()); err != nil {
		t.Fatal(err)
	}
	b, recovered, err := Create(a.cfg)
	if err != nil || len(recovered) != 0 {
		t.Fatalf("after release: %v, recovered %v", err, recovered)
	}
	_ = b.Close()
}

func TestFullDiskIsCountedAndEnds(t *testing.T) {
	now := time.Now()
	a := create(t, func(c *Config) { c.Now = func() time.Time { return now } })
	fill(t, a, 1, 10, 100)
	good := a.file
	bad, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full here: %v", err)
	}
	a.file = bad
	fill(t, a, 1000, 7, 100)
	if a.Trouble() == nil {
		t.Error("no trouble reported")
	}
	fill(t, a, 2000, 5, 100) // within the pause before the next try
	a.file = good
	now = now.Add(time.Second)
	fill(t, a, 11, 10, 100)
	if a.Trouble() != nil {
		t.Errorf("trouble after recovery: %v", a.Trouble())
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if l := a.Ledger(); l.Written != 20 || l.Lost != 12 {
		t.Errorf("written %d lost %d, want 20 and 12", l.Written, l.Lost)
	}
	tail := a.Follow(segment.Cursor{})
	defer tail.Close()
	if n := drain(t, tail, 1); n != 20 {
		t.Errorf("followers see %d packets", n)
	}
}

func TestAppendAllocatesLittle(t *testing.T) {
	a := create(t, nil)
	b := segment.NewBuilder(nil)
	once := func() {
		b.Reset(a.Buffer())
		for range 1000 {
			clear(b.Packet(0, 1, 200, 200, packet.DirectionSent))
		}
		a.Append(b)
	}
	for range 200 {
		once()
	}
	// The channel that wakes followers is the only allocation of a thousand packets.
	if n := testing.AllocsPerRun(50, once); n > 4 {
		t.Errorf("%v allocations for a chunk", n)
	}
	_ = a.Close()
}

func TestLedgerBalance(t *testing.T) {
	l := Ledger{Received: 10, Dropped: 2, Skipped: 1, Delivered: 7, Written: 6, Lost: 1, Followers: []FollowerEntry{
		{Name: "stats", Applied: 6, Parts: map[string]uint64{"ip": 4, "non_ip": 2}},
		{Name: "postgres", Applied: 3, Behind: 2, Expired: 1},
	}}
	if err := l.Balance(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Ledger){
		"source": func(l *Ledger) { l.Received++ }, "archive": func(l *Ledger) { l.Lost++ },
		"follower": func(l *Ledger) { l.Followers[1].Behind++ },
	} {
		bad := l
		bad.Followers = append([]FollowerEntry(nil), l.Followers...)
		change(&bad)
		if bad.Balance() == nil {
			t.Errorf("%s: an unbalanced ledger passes", name)
		}
	}
}

func TestSectionComment(t *testing.T) {
	id, n, p, ok := parseSectionComment(sectionComment("20260101T000000Z-lo-abcd", 7, 99))
	if !ok || id != "20260101T000000Z-lo-abcd" || n != 7 || p != 99 {
		t.Errorf("got %q %d %d %v", id, n, p, ok)
	}
	for _, s := range []string{"", "tarrafa capture", "tarrafa capture x segment 0 first packet 1", "other"} {
		if _, _, _, ok := parseSectionComment(s); ok {
			t.Errorf("%q parses", s)
		}
	}
}
