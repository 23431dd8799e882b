package capture

import (
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// await reads from s until the events have come in this order and returns the last with the
// packets before it. The promise is one second.
func await(t *testing.T, s Source, kinds ...EventKind) (Event, []captured) {
	t.Helper()
	var got []captured
	var all []Event
	buf := make([]byte, 1<<20)
	b := segment.NewBuilder(buf)
	for begin := time.Now(); time.Since(begin) < time.Second; {
		b.Reset(buf)
		s.Fill(b, 10*time.Millisecond)
		got = append(got, parse(t, b.Bytes())...)
		for _, e := range s.Events() {
			all = append(all, e)
			if e.Kind == kinds[0] {
				kinds = kinds[1:]
			}
			if len(kinds) == 0 {
				return e, got
			}
		}
	}
	t.Fatalf("no event %q within a second, but %v", kinds[0], all)
	return Event{}, nil
}

func TestDownAndUp(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"lo", "vb"}})
	for round := range 3 {
		ip(t, "link set vb down")
		e, _ := await(t, s, InterfaceDown)
		if e.Interface != 1 || e.Name != "vb" || time.Since(e.Time) > time.Second {
			t.Errorf("event %+v", e)
		}
		ip(t, "link set vb up")
		await(t, s, InterfaceUp)
		f := frame(60, round, 53)
		newSender(t, "va").send(t, f)
		equal(t, take(t, s, 1), [][]byte{f})
	}
	if c := s.Counters(); c.Received != 3 || c.Dropped != 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestDownDoesNotSpin(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	ip(t, "link set vb down")
	await(t, s, InterfaceDown)
	b := segment.NewBuilder(make([]byte, 1<<16))
	begin := time.Now()
	s.Fill(b, 50*time.Millisecond)
	if time.Since(begin) < 45*time.Millisecond {
		t.Error("Fill has not waited")
	}
	ring := s.(*ringSource)
	ring.polls[0].Revents = 0
	ring.poll(time.Millisecond)
	if ring.polls[0].Revents != 0 {
		t.Errorf("poll says %#x at once", ring.polls[0].Revents)
	}
}

func TestOpenedDown(t *testing.T) {
	newNetns(t)
	veth(t)
	ip(t, "link set vb down")
	s := open(t, Options{Interfaces: []string{"vb"}})
	await(t, s, InterfaceDown)
	ip(t, "link set vb up")
	await(t, s, InterfaceUp)
	newSender(t, "va").send(t, frame(60, 0, 53))
	if got := take(t, s, 1); len(got) != 1 {
		t.Error("no packet after the interface is up")
	}
}

func TestRecreated(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}, Program: udpPort(53), Promiscuous: true})
	for round := range 3 {
		newSender(t, "va").send(t, frame(60, round, 53))
		ip(t, "link del va")
		_, before := await(t, s, InterfaceGone)
		if len(before) != 1 {
			t.Errorf("round %d: %d packets before the interface vanished", round, len(before))
		}
		ip(t, "link add other type veth peer name other2") // takes the number that was free
		veth(t)
		if e, _ := await(t, s, InterfaceBack); e.Name != "vb" {
			t.Errorf("event %+v", e)
		}
		ip(t, "link del other")
		out := newSender(t, "va")
		out.send(t, frame(60, round, 54))
		out.send(t, frame(60, round, 53))
		equal(t, take(t, s, 1), [][]byte{frame(60, round, 53)})
	}
	if c := s.Counters(); c.Received != 6 {
		t.Errorf("counters %+v", c)
	}
}

func TestRenamed(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	ip(t, "link set vb down")
	ip(t, "link set vb name lan0")
	if e, _ := await(t, s, InterfaceDown, InterfaceChanged); e.Name != "lan0" {
		t.Errorf("event %+v", e)
	}
	ip(t, "link set lan0 up")
	await(t, s, InterfaceUp)
	newSender(t, "va").send(t, frame(60, 0, 53))
	if got := take(t, s, 1); len(got) != 1 {
		t.Error("no packet after the interface was renamed")
	}
	if name := s.Interfaces()[0].Name; name != "vb" {
		t.Errorf("the description has changed to %q", name)
	}
}

func TestLinkLost(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	for _, c := range []struct{ command, reason string }{
		{"link set va down", "the link is lost"},
		{"link set va up", "the link is back"},
	} {
		ip(t, c.command)
		if e, _ := await(t, s, InterfaceChanged); e.Reason != c.reason {
			t.Errorf("event %+v", e)
		}
	}
}

func TestRecreatedAsAnother(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	ip(t, "link del va")
	await(t, s, InterfaceGone)
	ip(t, "tuntap add vb mode tun") // raw IP
	if e, _ := await(t, s, InterfaceUnfit); e.Reason == "" {
		t.Error("no reason")
	}
	ip(t, "tuntap del vb mode tun")
	veth(t)
	await(t, s, InterfaceBack)
}

// When the kernel could not tell everything, asking for all interfaces finds what is gone
// and what has come in its place.
func TestLostNews(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	ring := s.(*ringSource)
	ring.mu.Lock()
	ring.watched.states[0].index = 4711 // as if it had been made anew unnoticed
	ring.recheck()
	ring.mu.Unlock()
	await(t, s, InterfaceGone, InterfaceBack)
	newSender(t, "va").send(t, frame(60, 0, 53))
	if got := take(t, s, 1); len(got) != 1 {
		t.Error("no packet")
	}
}
