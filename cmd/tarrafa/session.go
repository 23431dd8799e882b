package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/terminal"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/internal/words"
)

// flushTime is how long followers may take to finish after the capture has ended.
const flushTime = 5 * time.Second

// session is one live capture: the source, the archive, and those who follow it.
type session struct {
	o       *captureOptions
	expr    string
	stdout  io.Writer
	stderr  io.Writer
	log     *slog.Logger
	lines   *logLines
	source  capture.Source
	archive *archive.Archive
	hub     *live.Hub
	outputs *outputs
	links   *connections
	page    *web.Server // nil: none is served

	index     *index.Writer
	followers []*follower
	wg        sync.WaitGroup
	started   time.Time
	surplus   atomic.Uint64 // packets beyond -c that the source had already handed over
	trouble   error         // of the archive, as last reported
	still     standstill
	news      atomic.Bool        // events wait that are to be told at once
	stop      context.CancelFunc // ends the capture; the rest follows in order

	mu     sync.Mutex
	states []live.InterfaceState
}

// follower is one consumer of the archive, at its own pace.
type follower struct {
	name       string
	background bool // may wait for everybody else: its thread has a low priority
	sink       track.Follower
	tracker    *track.Tracker
	tail       *archive.Tail
	// applied overrides the tracker's count where the sink knows better: rows that are
	// committed.
	applied func() uint64
	parts   func() map[string]uint64
	custom  func(ctx context.Context, from func(segment.Cursor) track.Chunks, t *track.Tracker) error
	err     error
}

// run follows the archive until its end.
func (f *follower) run(ctx context.Context) error {
	if f.background {
		inBackground()
	}
	if f.custom == nil {
		return f.tracker.Run(ctx, f.tail, f.sink)
	}
	return f.custom(ctx, func(c segment.Cursor) track.Chunks {
		f.tail.Seek(c)
		return f.tail
	}, f.tracker)
}

// garbagePercent is how much garbage a live capture lets come together, of what is in use: it
// makes little, and what waits to be collected is memory all the same.
const garbagePercent = 20

func newSession(stdout, stderr io.Writer, o *captureOptions, expr string, source capture.Source) (*session, error) {
	s := &session{o: o, expr: expr, stdout: stdout, stderr: stderr, source: source, started: time.Now()}
	debug.SetGCPercent(garbagePercent)
	s.lines = &logLines{w: stderr}
	s.log = slog.New(&eventLog{hub: func() *live.Hub { return s.hub }, lines: s.lines})
	a, recovered, err := archive.Create(archive.Config{
		DataDir: o.dataDir, Interfaces: source.Interfaces(), Filter: expr, Program: versionText(),
		SegmentBytes: int64(o.segmentSize), SegmentAge: o.segmentAge, Sinks: o.out.sinkNames(),
	})
	if err != nil {
		for _, r := range recovered {
			s.log.Warn(r.String())
		}
		return nil, storageError(o.dataDir, err)
	}
	s.archive = a
	s.states = make([]live.InterfaceState, len(source.Interfaces()))
	for i := range s.states {
		s.states[i] = live.InterfaceUp
	}
	s.hub = live.New(live.Config{
		Capture:    live.Capture{Interfaces: o.interfaces, Filter: expr, Archive: a.Dir()},
		Ledger:     func() *live.Ledger { l := s.ledger(); return &l },
		Interfaces: s.interfaces, Sinks: s.sinks, Analysis: s.connections, Suspended: s.suspended,
	})
	s.follow(&output{name: "statistics", sink: s.hub})
	for _, r := range recovered {
		s.log.Warn(r.String())
	}
	s.outputs, err = o.out.open(outputTarget{id: a.ID(), dir: a.Dir(), stdout: stdout, interfaces: source.Interfaces(), log: s.log, flowMemory: int64(o.flowMemory)})
	if err != nil {
		return nil, errors.Join(err, a.Close(), a.Release(a.Ledger()))
	}
	for _, out := range s.outputs.list {
		s.follow(out)
	}
	if err := s.followIndex(); err != nil {
		return nil, errors.Join(err, s.outputs.close(context.Background()), a.Close(), a.Release(a.Ledger()))
	}
	return s, nil
}

func storageError(dir string, err error) error {
	if code, mend := classify(err); code != exitOptions {
		if code == exitPermission {
			mend = words.T("choose a directory that you may write: --data-dir DIR")
		}
		return &exitError{code: code, err: err, mend: mend}
	}
	return &exitError{code: exitStorage, err: words.Errorf("data directory %s: %w", dir, err), mend: words.T("choose another: --data-dir DIR")}
}

func (s *session) follow(out *output) {
	f := &follower{
		name: out.name, background: out.background, sink: out.sink, tracker: track.New(), tail: s.archive.Follow(out.from),
		applied: out.applied, parts: out.parts, custom: out.follow,
	}
	if out.tracker != nil {
		f.tracker = out.tracker
	}
	if f.applied == nil {
		f.applied = f.tracker.Applied
	}
	if f.parts == nil && f.sink == track.Follower(s.hub) {
		f.parts = func() map[string]uint64 {
			sum := archive.FollowerEntry{Parts: map[string]uint64{}}
			addOutcomes(&sum, f.tracker)
			return sum.Parts
		}
	}
	s.followers = append(s.followers, f)
}

// run captures until it is told to stop, then ends everything in order: the source, the
// archive, the followers, the view.
func (s *session) run(parent context.Context) error {
	ctx, stop := interrupted(parent)
	defer stop()
	if s.o.duration > 0 {
		timed, cancel := context.WithTimeout(ctx, s.o.duration)
		defer cancel()
		ctx = timed
	}
	ctx, s.stop = context.WithCancel(ctx)
	defer s.stop()

	flushing, cancelFlush := context.WithCancel(context.Background())
	defer cancelFlush()
	for _, f := range s.followers {
		s.wg.Go(func() {
			f.err = f.run(flushing)
		})
	}
	s.announce()
	s.catchUp(flushing)
	defer s.reopenOnHangup()()

	s.archive.Start()
	var capturing sync.WaitGroup
	capturing.Go(func() { s.capture() })
	endRetaining := s.retain()
	viewed := make(chan struct{})
	viewCtx, endView := context.WithCancel(context.Background())
	pageServed := s.servePage(viewCtx)
	go func() {
		defer close(viewed)
		s.view(viewCtx)
	}()
	var publishing sync.WaitGroup
	publishing.Go(func() { s.hub.Run(viewCtx) })

	<-ctx.Done()
	stop() // a second Ctrl+C is the system's: it ends the program at once
	_ = s.source.Close()
	capturing.Wait()
	endRetaining()
	closeErr := s.archive.Close()
	s.finish(flushing, cancelFlush)
	s.hub.Finish()
	endView()
	<-viewed
	pageServed()
	publishing.Wait()
	return errors.Join(s.report(), closeErr)
}

// reopenOnHangup lets SIGHUP reopen the outputs, for log rotation.
func (s *session) reopenOnHangup() (stop func()) {
	hup := make(chan os.Signal, 1)
	notifyHangup(hup)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-hup:
				s.outputs.reopen()
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(hup); close(done) }
}

// catchUp lets the database have what earlier captures owe it, beside the live capture.
func (s *session) catchUp(ctx context.Context) {
	for _, out := range s.outputs.list {
		if d, ok := out.sink.(*database); ok {
			go d.catchUp(ctx, s.log, s.o.dataDir, s.archive.Dir())
		}
	}
}

// finish waits until the followers are done, and no longer than flushTime.
func (s *session) finish(ctx context.Context, cancel context.CancelFunc) {
	timer := time.AfterFunc(flushTime, cancel)
	defer timer.Stop()
	s.wg.Wait()
	if s.index != nil {
		s.index.Seal()
		s.index.Close()
		_ = s.links.root.Close()
	}
	deadline, done := context.WithTimeout(ctx, flushTime)
	defer done()
	if err := s.outputs.close(deadline); err != nil {
		s.log.Error("closing the outputs", "error", printable(err.Error()))
	}
}

// Times of the capture loop.
const (
	fillWait        = 50 * time.Millisecond // at most this passes before a signal is seen
	checkpointEvery = time.Second
)

// capture is the loop that must never wait for anything but packets and the disk.
func (s *session) capture() {
	b := segment.NewBuilder(nil)
	var total uint64
	var quiet silence
	checkpoint := time.Now()
	for {
		b.Reset(s.archive.Buffer())
		more := s.source.Fill(b, fillWait)
		if n := uint64(b.Packets()); n > 0 {
			if limit := s.o.count; limit > 0 && total+n >= limit {
				keep := limit - total
				b.Truncate(uint32(keep))
				s.surplus.Add(n - keep)
				n = keep
				s.stop()
			}
			total += n
			s.archive.Append(b)
		}
		if now := time.Now(); now.Sub(checkpoint) >= checkpointEvery || !more {
			checkpoint = now
			s.takeCounters()
			s.archive.Checkpoint()
			s.archive.Tick()
			s.takeEvents()
			quiet.watch(s, total, now)
		} else if s.news.Swap(false) {
			s.takeEvents()
		}
		if !more {
			return
		}
	}
}

// takeCounters puts the source's counters into the ledger. Packets beyond -c were
// delivered by the source but are no part of the capture: they count as skipped.
func (s *session) takeCounters() {
	c := s.source.Counters()
	surplus := s.surplus.Load()
	s.archive.SetSource(c.Received, c.Dropped, c.Skipped+surplus, c.Delivered-surplus, c.Truncated)
}

// takeEvents hands on what happened to the interfaces and to the archive.
func (s *session) takeEvents() {
	for _, e := range s.source.Events() {
		text := fmt.Sprintf("interface %s %s", e.Name, e.Kind)
		if e.Reason != "" {
			text += ": " + e.Reason
		}
		level, state := live.Warning, live.InterfaceState("")
		switch e.Kind {
		case capture.InterfaceDown:
			state = live.InterfaceDown
		case capture.InterfaceGone, capture.InterfaceUnfit:
			level, state = live.Problem, live.InterfaceGone
		case capture.InterfaceUp, capture.InterfaceBack:
			level, state = live.Info, live.InterfaceUp
		case capture.InterfaceHeld, capture.InterfaceFreed:
			level = live.Info
		case capture.InterfaceChanged:
		}
		if state != "" {
			s.setState(e.Interface, state)
		}
		s.archive.NoteEvent(e.Interface, e.Time, text)
		s.say(level, text)
	}
	if err := s.archive.Trouble(); (err == nil) != (s.trouble == nil) {
		s.trouble = err
		if err != nil {
			s.say(live.Problem, "packets are being lost: "+err.Error()+"; make room on the disk, capture goes on")
		} else {
			s.say(live.Info, "the archive can be written again")
		}
	}
}

// say logs, which the view shows too.
func (s *session) say(level live.Level, text string) {
	s.log.Log(context.Background(), slogLevels[level], text)
}

var slogLevels = map[live.Level]slog.Level{
	live.Info: slog.LevelInfo, live.Warning: slog.LevelWarn, live.Problem: slog.LevelError,
}

func (s *session) setState(i int, state live.InterfaceState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < len(s.states) {
		s.states[i] = state
	}
}

// interfaces is the view's picture of the captured interfaces.
func (s *session) interfaces() []live.Interface {
	counters := s.source.Counters()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]live.Interface, 0, len(s.states))
	for i, in := range s.source.Interfaces() {
		entry := live.Interface{Name: in.Name, State: s.states[i]}
		if i < len(counters.PerInterface) {
			c := counters.PerInterface[i]
			entry.Received, entry.Dropped, entry.Delivered, entry.Skipped = c.Received, c.Dropped, c.Delivered, c.Skipped
		}
		list = append(list, entry)
	}
	return list
}

// ledger adds the followers to the archive's account.
func (s *session) ledger() archive.Ledger {
	// The archive first: what it has written was delivered before.
	l := s.archive.Ledger()
	c, surplus := s.source.Counters(), s.surplus.Load()
	l.Received, l.Dropped, l.Skipped = c.Received, c.Dropped, c.Skipped+surplus
	l.Delivered, l.Truncated = c.Delivered-surplus, c.Truncated
	_, l.Suspended = s.still.get(time.Now())
	for _, f := range s.followers {
		e := archive.FollowerEntry{Name: f.name, Applied: f.applied(), Expired: f.tail.Expired()}
		e.Behind = l.Written - min(l.Written, e.Applied+e.Expired)
		if f.parts != nil {
			e.Parts = f.parts()
		}
		e.Limits, e.Flows = f.tracker.Limits(), f.tracker.Flows()
		l.Followers = append(l.Followers, e)
	}
	return l
}

// connections is the view's picture of the flows.
func (s *session) connections() *live.Analysis {
	if s.links == nil {
		return nil
	}
	return s.links.snapshot()
}

// sinks is the view's picture of the outputs.
func (s *session) sinks() []live.Sink {
	if s.outputs == nil {
		return nil
	}
	written := s.archive.Ledger().Written
	list := make([]live.Sink, 0, len(s.outputs.list))
	for i, out := range s.outputs.list {
		f := s.followers[i+1] // the first one counts
		sink := out.state()
		applied := f.applied()
		sink.Lost = f.tail.Expired()
		sink.Behind = written - min(written, applied+sink.Lost)
		if sink.Rows == 0 {
			sink.Rows = applied
		}
		list = append(list, sink)
	}
	return list
}

// report prints the final statistics and the ledger, and stores the ledger with the
// capture.
func (s *session) report() error {
	l := s.ledger()
	out := s.stdout
	if s.o.out.usesStdout() {
		out = s.stderr
	}
	_, _ = io.WriteString(out, s.hub.Statistics(5).Text(tableWords())+"\n"+terminal.LedgerText(&l, words.Chosen()))
	if s.links != nil {
		_, _ = io.WriteString(s.stderr, connectionsText(s.links.snapshot()))
	}
	_, _ = words.Fprintf(s.stderr, "Kept in %s\n", s.archive.Dir())
	err := s.archive.Release(l)
	for _, f := range s.followers {
		f.tail.Close()
		if f.err != nil && !errors.Is(f.err, context.Canceled) {
			err = errors.Join(err, fmt.Errorf("%s: %w", f.name, f.err))
		}
	}
	return err
}
