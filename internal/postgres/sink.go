package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Sink is the follower that stores rows. Start comes first, then Apply, in the end Close.
// Apply is called by one goroutine; everything else by any.
type Sink struct {
	cfg     Config
	opt     Options
	capture string
	longest time.Duration // between attempts; 0: longWait

	mu        sync.Mutex
	status    Status
	fill      *flight        // rows that no transaction has yet; nil: none
	next      place          // behind what Apply has taken over
	committed segment.Cursor // on the server's disk
	encoder   encoder
	seen      int           // interfaces entered or on their way
	changed   chan struct{} // closed and made anew when committed or failed changes
	failed    error         // ends this run: ErrRestart or closed
	running   bool
	staged    staged
	sending   bool           // payload is stored in this run
	segments  track.Payloads // for that
	gone      bool           // the log has said why it is not
	unicode   bool           // the database takes any character
	resumed   bool           // the cursor was not at the beginning: flows may be there already
	summing   bool           // sums by address are kept
	busy      int            // flights launched and not stored yet
	launched  uint64         // flights, ever
	durable   uint64         // the last of them that is on the server's disk

	free chan *flight // empty flights
	full chan *flight // flights to store, in order
	stop context.CancelFunc
	done chan struct{}

	// Of the goroutine that stores.
	sess     *session
	backend  backend   // of the last session
	reached  place     // in the database, maybe not on its disk yet
	last     uint64    // the flight that got there
	lastSync time.Time // when committed moved last
	talk     talk
}

var _ track.Follower = (*Sink)(nil)

// ErrRestart says that the database's cursor or table was changed by somebody else. Rows
// that were applied and not committed are gone: [Sink.Start] tells from where to follow
// anew.
var ErrRestart = errors.New("postgres: follow anew from the database's cursor")

// ErrClosed says that the sink is closed or was never started.
var ErrClosed = errors.New("postgres: the sink is not running")

// flights in turn: one is filled while the other is stored.
const flights = 2

// New returns a sink for one capture. capture names the capture in the database for ever;
// the cursor is kept under it. Nothing is opened yet.
func New(cfg Config, capture string, opt Options) *Sink {
	s := &Sink{cfg: cfg, opt: opt.withDefaults(), capture: capture, changed: make(chan struct{}), failed: ErrClosed}
	s.status.Server = cfg.String()
	s.talk.log = s.opt.Log
	return s
}

// Check logs in once, without changing anything, and returns what is in the way: an
// [*Error].
func (s *Sink) Check(ctx context.Context) error {
	conn, err := connect(ctx, s.cfg, &s.opt)
	if err != nil {
		return err
	}
	closeNow(conn)
	return nil
}

// Start connects, makes the table when it is missing, and returns the place from which to
// follow the capture: behind the last packet in the database. It tries until it succeeds
// or ctx ends, and only then returns an error: ctx's. After ErrRestart it is called again.
func (s *Sink) Start(ctx context.Context) (segment.Cursor, error) {
	s.halt()
	bo := backoff{most: s.longest}
	for {
		sess, err := open(ctx, s.cfg, &s.opt, s.capture, s.backend)
		if err == nil {
			return s.begin(sess), nil
		}
		s.note(err)
		if bo.wait(ctx) != nil {
			return segment.Cursor{}, ctx.Err()
		}
	}
}

// begin starts the goroutine that stores.
func (s *Sink) begin(sess *session) segment.Cursor {
	ctx, stop := context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt(sess)
	s.next, s.committed, s.reached, s.lastSync = sess.cursor, sess.cursor.Cursor, sess.cursor, time.Now()
	s.sending, s.segments = sess.payloads, track.Payloads{}
	s.status.Stored, s.status.Skipped, s.status.Rejected = sess.stored, sess.skipped, sess.rejected
	s.encoder = encoder{
		targets: sess.layout.targets, text: sess.layout.text, capture: sess.capture,
		zone: zone{location: s.opt.Location}, nulled: s.encoder.nulled,
	}
	s.fill, s.seen, s.busy, s.failed, s.running = nil, 0, 0, nil, true
	s.staged, s.unicode, s.resumed = staged{}, sess.unicode, sess.cursor.Packet > 0
	s.durable, s.last = s.launched, s.launched
	s.free, s.full = make(chan *flight, flights), make(chan *flight, flights)
	for range flights {
		s.free <- new(flight)
	}
	s.stop, s.done = stop, make(chan struct{})
	go s.run(ctx, s.done)
	return sess.cursor.Cursor
}

// adopt takes over a fresh session.
func (s *Sink) adopt(sess *session) {
	s.sess, s.backend, s.summing = sess, sess.backend, sess.pending.on
	s.status.Connected, s.status.LastError, s.status.Problem = true, "", ProblemOther
	s.status.Connections++
}

// Apply takes over a batch. It returns when the rows are in memory; they are committed
// within a second or so if the database takes them: [Sink.Committed]. While the database is
// away and memory is used up (some hundred thousand rows), it waits until ctx ends. It
// returns ctx's error, ErrRestart or ErrClosed; then the batch was not taken over.
func (s *Sink) Apply(ctx context.Context, b *track.Batch) error {
	if err := s.lockFill(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.take(b)
	return nil
}

// lockFill waits until there is a flight to be filled, and returns with the lock held, or
// with an error and without it.
func (s *Sink) lockFill(ctx context.Context) error {
	for {
		s.mu.Lock()
		switch {
		case s.failed != nil:
			err := s.failed
			s.mu.Unlock()
			return err
		case s.fill != nil:
			return nil
		}
		free, changed := s.free, s.changed
		s.mu.Unlock()
		select {
		case f := <-free:
			s.mu.Lock()
			if s.fill == nil && s.failed == nil {
				f.reset()
				f.start, f.end, f.since, f.again, f.summing = s.next, s.next, time.Now(), s.resumed, s.summing
				s.fill = f
			} else {
				free <- f
			}
			s.mu.Unlock()
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take encodes a batch into the flight that is being filled. Packets before the cursor
// are there already: a chunk from the disk may start earlier than one from memory.
func (s *Sink) take(b *track.Batch) {
	f := s.fill
	for i := s.seen; i < min(len(b.Chunk.Interfaces), 1<<16); i++ {
		n := &b.Chunk.Interfaces[i]
		f.names = append(f.names, interfaceName{index: uint16(i), name: n.Name, link: n.Link})
		s.seen = i + 1
	}
	for i := range b.Rows {
		row := &b.Rows[i]
		if row.Number < s.next.Packet {
			continue
		}
		var note *flow.Note
		if s.opt.Flows && i < len(b.Notes) {
			note = &b.Notes[i]
		}
		f.add(&s.encoder, row, note, s.opt.NonIP)
	}
	if s.sending {
		s.takePayloads(b)
	}
	s.takeStaged()
	if b.Next.Packet >= s.next.Packet {
		s.next.Cursor = b.Next
	}
	f.end = s.next
	if f.full(&s.opt) || s.busy == 0 && f.due(&s.opt) {
		s.launch()
	}
}

// launch hands the flight that is being filled to the goroutine that stores. The channel
// has room for every flight there is.
func (s *Sink) launch() {
	if s.fill != nil {
		s.launched++
		s.busy++
		s.fill.seq = s.launched
		s.full <- s.fill
		s.fill = nil
	}
}

// Flush waits until everything applied so far is committed. It returns ctx's error with
// what is in the way, ErrRestart or ErrClosed.
func (s *Sink) Flush(ctx context.Context) error {
	s.mu.Lock()
	if s.failed == nil && !s.staged.empty() {
		s.mu.Unlock()
		if err := s.lockFill(ctx); err != nil {
			return s.late(err)
		}
		s.takeStaged()
	}
	if s.failed == nil {
		s.launch()
	}
	last := s.launched
	for {
		failed, reached, changed := s.failed, s.durable >= last, s.changed
		s.mu.Unlock()
		if failed != nil {
			return failed
		}
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s.late(ctx.Err())
		}
		s.mu.Lock()
	}
}

// late says what is not stored when there is no more time.
func (s *Sink) late(err error) error {
	if errors.Is(err, ErrRestart) || errors.Is(err, ErrClosed) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	behind, problem := s.next.Packet-min(s.next.Packet, s.committed.Packet), s.status.LastError
	if problem == "" {
		problem = "the database is slower than the time that was left"
	}
	return fmt.Errorf("postgres: %d packets are not stored yet: %w: %s", behind, err, problem)
}

// Committed returns the place behind the last packet that is in the database for good: on
// the disk of its server.
func (s *Sink) Committed() segment.Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed
}

// Status returns how the sink is doing.
func (s *Sink) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Committed = s.committed
	st.Nulled = s.encoder.nulled
	if s.next.Packet > s.committed.Packet {
		st.Behind = s.next.Packet - s.committed.Packet
	}
	return st
}

// Close stores what is left, waiting no longer than ctx, and ends the connection. What is
// not stored by then stays in the capture, and the cursor in the database says so.
func (s *Sink) Close(ctx context.Context) error {
	err := s.Flush(ctx)
	s.halt()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// halt ends the goroutine that stores and closes the connection.
func (s *Sink) halt() {
	s.mu.Lock()
	running, stop, done := s.running, s.stop, s.done
	s.running = false
	s.mu.Unlock()
	if !running {
		return
	}
	stop()
	<-done
	if s.sess != nil {
		s.sess.close()
		s.sess = nil
	}
	s.fail(ErrClosed)
}

// fail ends the run: whoever waits is told.
func (s *Sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	s.status.Connected = false
	s.tell()
}

// tell wakes up everybody who waits for a change. The lock is held.
func (s *Sink) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// note records a failed attempt.
func (s *Sink) note(err error) {
	e := s.cfg.failure("store", err)
	s.mu.Lock()
	s.status.Connected = false
	s.status.Retries++
	s.status.Problem, s.status.LastError, s.status.LastTry = e.Problem, e.Error(), time.Now()
	retries := s.status.Retries
	s.mu.Unlock()
	s.talk.trouble(e, retries)
}
