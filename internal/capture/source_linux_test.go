package capture

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestCountersWhileReading(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	out := newSender(t, "va")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2000 {
			if c := s.Counters(); c.Received < c.Delivered+c.Dropped {
				t.Errorf("more delivered than received: %+v", c)
			}
			s.Events()
		}
	}()
	for i := range 2000 {
		out.send(t, frame(60, i, 53))
	}
	if got := take(t, s, 2000); len(got) != 2000 {
		t.Errorf("%d packets, %+v", len(got), s.Counters())
	}
	<-done
}

// A reader that is held up for a second, by a disk for instance, loses nothing on a link
// with little traffic, although each packet or two take a block of their own.
func TestShortStallLosesNothing(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}, BufferBytes: defaultBuffer})
	out := newSender(t, "va")
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	sent := 0
	for begin := time.Now(); time.Since(begin) < time.Second; sent++ {
		<-tick.C
		out.send(t, frame(60, sent, 53))
	}
	if got := take(t, s, sent); len(got) != sent {
		t.Errorf("%d packets of %d, %+v", len(got), sent, s.Counters())
	}
}

func TestFailedOpenLeavesNothing(t *testing.T) {
	newNetns(t)
	veth(t)
	bad := func(InterfaceInfo) ([]Instruction, error) { return []Instruction{{Op: 0x15, Jt: 200}}, nil }
	for _, c := range []struct {
		op string
		o  Options
	}{
		{"attach the filter", Options{Program: bad}},
		{"make the ring", Options{BufferBytes: 1 << 40}},
	} {
		before := descriptors(t)
		c.o.Interfaces = []string{"lo", "vb"}
		_, err := Open(c.o)
		var e *OpError
		if !errors.As(err, &e) || e.Op != c.op || e.Interface != "lo" {
			t.Errorf("%s: %v", c.op, err)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%s: %d descriptors before, %d after", c.op, before, after)
		}
	}
	before := descriptors(t)
	s, err := Open(Options{Interfaces: []string{"lo", "vb"}, BufferBytes: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	drain(t, s)
	if after := descriptors(t); after != before {
		t.Errorf("closed: %d descriptors before, %d after", before, after)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
