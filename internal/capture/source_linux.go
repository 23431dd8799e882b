package capture

import (
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/segment"
)

var _ Source = (*ringSource)(nil)

// ringSource captures through one TPACKET_V3 ring for each interface.
type ringSource struct {
	interfaces  []segment.Interface
	rings       []*ring
	polls       []unix.PollFd // the rings' sockets, then wake
	promiscuous bool
	turn        int           // ring that is read next
	drainUntil  time.Time     // when the reader gives up waiting for packets that were counted; zero: not closing
	finished    bool          // Fill has returned false
	wake        int           // eventfd that ends a poll
	closing     atomic.Bool   // Close was called
	netlink     *os.File      // tells of interfaces
	ioctl       int           // socket for questions about interfaces
	watching    chan struct{} // closed when the watch has ended

	mu      sync.Mutex // guards what follows, the rings' binding and their statistics
	freed   bool
	held    bool // suspended
	watched watched
	present map[int]bool // interfaces that the kernel has named since a recheck began; nil: none is going on
}

// statsEvery is how many blocks are read between two readings of the kernel's counters,
// which have 32 bits and would wrap at 4 thousand million packets.
const statsEvery = 1024

// Interfaces implements [Source].
func (s *ringSource) Interfaces() []segment.Interface { return s.interfaces }

// Fill implements [Source].
func (s *ringSource) Fill(b *segment.Builder, wait time.Duration) bool {
	if s.finished {
		return false
	}
	var deadline time.Time
	for {
		if s.drain(b) {
			return true
		}
		if s.closing.Load() && s.drained() {
			s.finish()
			return false
		}
		now := time.Now()
		if deadline.IsZero() {
			deadline = now.Add(wait)
		}
		left := deadline.Sub(now)
		if left <= 0 {
			return true
		}
		s.poll(left)
	}
}

// drain copies what is there into b and reports whether anything happened: a packet was
// copied or b had no room.
func (s *ringSource) drain(b *segment.Builder) bool {
	something := false
	for idle := 0; idle < len(s.rings); {
		r := s.rings[s.turn]
		if !r.next() {
			idle++
			s.turn = (s.turn + 1) % len(s.rings)
			continue
		}
		idle, something = 0, true
		if !r.deliver(b) {
			return true
		}
		r.release()
		if r.blocks == statsEvery {
			s.mu.Lock()
			r.readStats()
			s.mu.Unlock()
			r.blocks = 0
		}
		s.turn = (s.turn + 1) % len(s.rings) // a block each: a flood on one does not starve the others
	}
	return something
}

// poll waits for a block, the end, or the time.
func (s *ringSource) poll(wait time.Duration) {
	if s.closing.Load() {
		wait = min(wait, time.Millisecond)
	}
	ms := min((wait+time.Millisecond-1)/time.Millisecond, math.MaxInt32)
	// An error is EINTR: the caller looks at the rings again in any case.
	_, _ = unix.Poll(s.polls, int(ms))
	for i := range s.rings {
		if s.polls[i].Revents&unix.POLLERR != 0 {
			// The interface went down: the error would end every poll at once until it is
			// fetched. The watch tells what happened.
			_, _ = unix.GetsockoptInt(s.rings[i].fd, unix.SOL_SOCKET, unix.SO_ERROR)
		}
	}
}

// drained reports, while closing, whether every packet that the kernel has counted was read.
func (s *ringSource) drained() bool {
	const patience = time.Second // far more than a block's retire time
	now := time.Now()
	if s.drainUntil.IsZero() {
		s.drainUntil = now.Add(patience)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rings {
		r.readStats()
		if r.received-r.dropped > r.read && now.Before(s.drainUntil) {
			return false
		}
	}
	return true
}

func (s *ringSource) finish() {
	s.finished = true
	<-s.watching
	s.free()
}

// free gives everything back.
func (s *ringSource) free() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freed = true
	for _, r := range s.rings {
		r.free()
	}
	if s.netlink != nil {
		_ = s.netlink.Close() // may be closed already
	}
	for _, fd := range []int{s.wake, s.ioctl} {
		if fd >= 0 {
			_ = unix.Close(fd) // nothing is written through it
		}
	}
}

// Close implements [Source].
func (s *ringSource) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed || s.closing.Load() {
		return nil
	}
	var err error
	for i, r := range s.rings {
		if e := r.stop(); e != nil && err == nil {
			err = &OpError{Op: "stop the capture", Interface: s.interfaces[i].Name, Err: e}
		}
	}
	s.closing.Store(true)
	_ = s.netlink.Close() // ends the watch
	one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1}
	if _, e := unix.Write(s.wake, one[:]); e != nil && err == nil {
		err = os.NewSyscallError("eventfd", e)
	}
	return err
}

// Counters implements [Source].
func (s *ringSource) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Counters{EventsDropped: s.watched.dropped, PerInterface: make([]InterfaceCounters, len(s.rings))}
	for i, r := range s.rings {
		// Before the kernel's counters, so that nothing is delivered that was not received.
		one := InterfaceCounters{Delivered: r.delivered.Load(), Truncated: r.truncated.Load()}
		if !s.freed {
			r.readStats()
		}
		one.Received, one.Dropped, one.Freezes = r.received, r.dropped, r.freezes
		c.PerInterface[i] = one
		c.Received += one.Received
		c.Dropped += one.Dropped
		c.Delivered += one.Delivered
		c.Truncated += one.Truncated
		c.Freezes += one.Freezes
	}
	return c
}

// Events implements [Source].
func (s *ringSource) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watched.take()
}
