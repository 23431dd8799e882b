package capture

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// lookEvery is how often a polledSource looks whether its interfaces have changed.
const lookEvery = 500 * time.Millisecond

// tap is a handle on one interface of a system where packets are read in batches. read
// belongs to the goroutine that reads; the other methods are called with the source's mutex
// held, stop and bind while read may be running.
type tap interface {
	// read hands the packets that are there to to.put until that returns false; such a
	// packet comes again with the next call. It waits no longer than the retire time.
	read(to *polledSource)

	// drops returns how many packets the system has dropped since the tap was opened.
	drops() uint64

	// bind resumes on an interface that was made anew.
	bind(info InterfaceInfo) error

	// stop lets nothing further in.
	stop() error

	// free gives everything back. read is not running and comes no more.
	free()
}

// polledSource captures through taps.
type polledSource struct {
	interfaces []segment.Interface
	taps       []tap
	counts     []tally
	wait       func(time.Duration) // waits for packets, no longer; nil where read waits
	turn       int                 // tap that is read first
	finished   bool                // Fill has returned false
	unwanted   packet.Direction    // is skipped; DirectionUnknown: nothing is
	closing    atomic.Bool
	heldFrom   atomic.Int64  // ns since 1970: what was suspended last began and ended here;
	heldUntil  atomic.Int64  // not yet: the end of time
	quit       chan struct{} // closed by Close: ends the watch
	watching   chan struct{} // closed when the watch has ended

	// What put works on while a tap is being read.
	builder *segment.Builder
	number  uint32
	full    bool
	some    bool

	mu      sync.Mutex // guards what follows
	freed   bool
	held    bool // suspended
	watched watched
}

// tally counts the packets of one tap.
type tally struct {
	delivered, skipped, truncated atomic.Uint64
	dropped                       uint64 // final count, guarded by the source's mutex
}

var _ Source = (*polledSource)(nil)

// start begins to watch the interfaces, as list tells of them, once all taps are open.
func (s *polledSource) start(list func() ([]InterfaceInfo, error)) {
	s.quit, s.watching = make(chan struct{}), make(chan struct{})
	s.watched.rebind = func(i int, info InterfaceInfo) error { return s.taps[i].bind(info) }
	go s.watch(list)
}

func (s *polledSource) watch(list func() ([]InterfaceInfo, error)) {
	defer close(s.watching)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-tick.C:
			if now, err := list(); err == nil {
				s.compare(now)
			}
		}
	}
}

// compare looks at all interfaces that there are now.
func (s *polledSource) compare(list []InterfaceInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return
	}
	there := make(map[int]bool, len(list))
	for _, info := range list {
		there[info.Index] = true
	}
	for _, st := range s.watched.states {
		if st.index > 0 && !there[st.index] {
			s.watched.gone(st.index)
		}
	}
	for _, info := range list {
		s.watched.seen(info)
	}
}

// Interfaces implements [Source].
func (s *polledSource) Interfaces() []segment.Interface { return s.interfaces }

// Fill implements [Source].
func (s *polledSource) Fill(b *segment.Builder, wait time.Duration) bool {
	if s.finished {
		return false
	}
	s.builder, s.full, s.some = b, false, false
	end := time.Now().Add(wait)
	for {
		closing := s.closing.Load() // before reading: what is read after it is the rest
		for range s.taps {
			s.number = uint32(s.turn)
			s.taps[s.turn].read(s)
			if s.full {
				return true
			}
			s.turn = (s.turn + 1) % len(s.taps)
		}
		if s.some {
			return true
		}
		if closing {
			s.finish()
			return false
		}
		left := time.Until(end)
		if left <= 0 {
			return true
		}
		if s.wait != nil {
			s.wait(min(left, lookEvery/10)) // not longer, so that Close is noticed
		}
	}
}

// put takes a packet from a tap: t in nanoseconds since 1970, data only to be copied. It
// returns false when there is no room now. A packet that even an empty builder does not
// hold is cut.
func (s *polledSource) put(t int64, data []byte, wireLen uint32, dir packet.Direction) bool {
	c := &s.counts[s.number]
	if t >= s.heldFrom.Load() && t < s.heldUntil.Load() {
		return true
	}
	if dir != packet.DirectionUnknown && dir == s.unwanted {
		c.skipped.Add(1)
		s.some = true
		return true
	}
	p := s.builder.Packet(s.number, t, uint32(len(data)), wireLen, dir)
	if p == nil && s.builder.Packets() == 0 {
		c.truncated.Add(1)
		p = s.builder.Packet(s.number, t, uint32(min(len(data), s.builder.Room())), wireLen, dir)
	}
	if p == nil {
		s.full = true
		return false
	}
	copy(p, data)
	c.delivered.Add(1)
	s.some = true
	return true
}

func (s *polledSource) finish() {
	s.finished = true
	<-s.watching
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free()
}

// free gives the taps back, keeping their counts. The mutex is held.
func (s *polledSource) free() {
	s.freed = true
	for i, t := range s.taps {
		s.counts[i].dropped = t.drops()
		t.free()
	}
}

// Close implements [Source].
func (s *polledSource) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed || s.closing.Load() {
		return nil
	}
	var err error
	for i, t := range s.taps {
		if e := t.stop(); e != nil && err == nil {
			err = &OpError{Op: "stop the capture", Interface: s.interfaces[i].Name, Err: e}
		}
	}
	s.closing.Store(true)
	close(s.quit)
	return err
}

// Suspend implements [Source].
func (s *polledSource) Suspend() error { return s.hold(true) }

// Resume implements [Source].
func (s *polledSource) Resume() error { return s.hold(false) }

// hold passes over the packets of a time: reading goes on, so that none is dropped.
func (s *polledSource) hold(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch now := time.Now().UnixNano(); {
	case s.freed || s.closing.Load():
		return &OpError{Op: "suspend or resume the capture", Interface: s.interfaces[0].Name, Err: errEnding}
	case on == s.held:
		return nil
	case on:
		s.heldFrom.Store(now)
		s.heldUntil.Store(math.MaxInt64)
	default:
		s.heldUntil.Store(now)
	}
	s.held = on
	s.watched.held(on)
	return nil
}

// Counters implements [Source]. These systems do not tell how many packets passed the
// filter; it is what was delivered, skipped and dropped.
func (s *polledSource) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Counters{EventsDropped: s.watched.dropped, PerInterface: make([]InterfaceCounters, len(s.taps))}
	for i, t := range s.taps {
		n := &s.counts[i]
		if !s.freed {
			n.dropped = t.drops()
		}
		one := InterfaceCounters{
			Dropped: n.dropped, Delivered: n.delivered.Load(), Skipped: n.skipped.Load(), Truncated: n.truncated.Load(),
		}
		one.Received = one.Delivered + one.Skipped + one.Dropped
		c.PerInterface[i] = one
		c.Received += one.Received
		c.Dropped += one.Dropped
		c.Delivered += one.Delivered
		c.Skipped += one.Skipped
		c.Truncated += one.Truncated
	}
	return c
}

// Events implements [Source].
func (s *polledSource) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watched.take()
}
