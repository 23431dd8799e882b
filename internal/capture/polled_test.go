package capture

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// fakeTap hands out what the test puts in.
type fakeTap struct {
	packets [][]byte
	dir     packet.Direction
	stamped bool // with the time at which they are read
	dropped uint64
	bound   []int
	stopped bool
	freed   int
}

var _ tap = (*fakeTap)(nil)

func (f *fakeTap) read(to *polledSource) {
	at := int64(1)
	if f.stamped {
		at = time.Now().UnixNano()
	}
	for len(f.packets) > 0 && to.put(at, f.packets[0], uint32(len(f.packets[0])), f.dir) {
		f.packets = f.packets[1:]
	}
}
func (f *fakeTap) drops() uint64 { return f.dropped }
func (f *fakeTap) bind(info InterfaceInfo) error {
	f.bound = append(f.bound, info.Index)
	return nil
}
func (f *fakeTap) stop() error { f.stopped = true; return nil }
func (f *fakeTap) free()       { f.freed++ }

// polledOver makes a source over taps; list is what the system says of its interfaces.
func polledOver(list *[]InterfaceInfo, taps ...*fakeTap) *polledSource {
	s := &polledSource{wait: time.Sleep, counts: make([]tally, len(taps))}
	for i, f := range taps {
		s.taps = append(s.taps, f)
		s.watched.opened((*list)[i])
	}
	s.start(func() ([]InterfaceInfo, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.Clone(*list), nil
	})
	return s
}

func twoInterfaces() *[]InterfaceInfo {
	return &[]InterfaceInfo{
		{Name: "a", Index: 1, Up: true, Running: true},
		{Name: "b", Index: 2, Up: true, Running: true},
	}
}

func TestPolledFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &fakeTap{packets: [][]byte{[]byte("first"), bytes.Repeat([]byte("x"), 900), []byte("third")}, dir: packet.DirectionSent}
		two := &fakeTap{packets: [][]byte{[]byte("other")}, dir: packet.DirectionReceived}
		s := polledOver(twoInterfaces(), one, two)
		var got []string
		buf := make([]byte, 512)
		b := segment.NewBuilder(buf)
		for range 4 {
			b.Reset(buf)
			if !s.Fill(b, time.Second) {
				t.Fatal("closed")
			}
			for _, p := range parse(t, b.Bytes()) {
				got = append(got, string(p.data[:5]))
			}
		}
		if want := []string{"first", "xxxxx", "third", "other"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		begin := time.Now()
		if b.Reset(buf); !s.Fill(b, time.Second) || time.Since(begin) != time.Second {
			t.Errorf("an empty Fill took %v", time.Since(begin))
		}
		one.dropped = 7
		two.packets = [][]byte{[]byte("last")}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if !one.stopped || !two.stopped || one.freed != 0 {
			t.Error("not stopped, or given back too early")
		}
		if b.Reset(buf); !s.Fill(b, time.Second) || b.Packets() != 1 {
			t.Error("the rest was not delivered")
		}
		for range 2 {
			if s.Fill(b, time.Second) || one.freed != 1 {
				t.Error("the source has not ended")
			}
		}
		c := s.Counters()
		if c.Received != 12 || c.Dropped != 7 || c.Delivered != 5 || c.Truncated != 1 || c.PerInterface[1].Received != 2 {
			t.Errorf("counters %+v", c)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	})
}

func TestPolledSkips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &fakeTap{packets: [][]byte{[]byte("a"), []byte("b")}, dir: packet.DirectionReceived}
		s := polledOver(twoInterfaces(), one)
		s.unwanted = packet.DirectionReceived
		b := segment.NewBuilder(make([]byte, 512))
		s.Fill(b, time.Second)
		if c := s.Counters(); b.Packets() != 0 || c.Skipped != 2 || c.Received != 2 || c.Delivered != 0 {
			t.Errorf("%d packets, counters %+v", b.Packets(), c)
		}
		_ = s.Close()
		s.Fill(b, time.Second)
	})
}

func TestPolledWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := twoInterfaces()
		one, two := &fakeTap{}, &fakeTap{}
		s := polledOver(list, one, two)
		expect := func(want ...EventKind) {
			t.Helper()
			time.Sleep(time.Second) // of the test's clock: the promise
			synctest.Wait()
			var got []EventKind
			for _, e := range s.Events() {
				got = append(got, e.Kind)
				if e.Interface != 1 {
					t.Errorf("%+v", e)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		}
		change := func(f func()) {
			s.mu.Lock()
			defer s.mu.Unlock()
			f()
		}
		expect()
		change(func() { (*list)[1].Up = false })
		expect(InterfaceDown)
		change(func() { (*list)[1].Up = true })
		expect(InterfaceUp)
		change(func() { *list = (*list)[:1] })
		expect(InterfaceGone)
		change(func() { *list = append(*list, InterfaceInfo{Name: "b", Index: 9, Up: true, Running: true}) })
		expect(InterfaceBack)
		if !slices.Equal(two.bound, []int{9}) || one.bound != nil {
			t.Errorf("bound %v and %v", one.bound, two.bound)
		}
		_ = s.Close()
		s.Fill(segment.NewBuilder(make([]byte, 64)), 0)
	})
}

func TestPolledFillDoesNotAllocate(t *testing.T) {
	frame := bytes.Repeat([]byte("x"), 60)
	one := &fakeTap{packets: make([][]byte, 0, 10)}
	s := &polledSource{taps: []tap{one}, counts: make([]tally, 1)}
	buf := make([]byte, 4096)
	b := segment.NewBuilder(buf)
	if n := testing.AllocsPerRun(100, func() {
		one.packets = append(one.packets[:0], frame, frame, frame)
		b.Reset(buf)
		s.Fill(b, 0)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPolledSuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &fakeTap{stamped: true}
		s := polledOver(twoInterfaces(), one, &fakeTap{})
		s.interfaces = []segment.Interface{{Name: "a"}, {Name: "b"}}
		buf := make([]byte, 512)
		b := segment.NewBuilder(buf)
		var got []string
		for _, step := range []struct {
			packet string
			do     func() error
		}{{"first", s.Suspend}, {"second", s.Suspend}, {"third", s.Resume}, {"fourth", s.Resume}} {
			one.packets = [][]byte{[]byte(step.packet)}
			b.Reset(buf)
			if !s.Fill(b, time.Second) {
				t.Fatal("closed")
			}
			for _, p := range parse(t, b.Bytes()) {
				got = append(got, string(p.data))
			}
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
		}
		if want := []string{"first", "fourth"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if c := s.Counters(); c.Received != 2 || c.Delivered != 2 || c.Dropped != 0 {
			t.Errorf("%+v", c)
		}
		if e := s.Events(); len(e) != 4 || e[0].Kind != InterfaceHeld || e[3].Kind != InterfaceFreed {
			t.Errorf("%+v", e)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for s.Fill(b, time.Second) {
			b.Reset(buf)
		}
		if s.Suspend() == nil {
			t.Error("a capture that has ended was suspended")
		}
	})
}
