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
	"github.com/tarrafa/tarrafa/internal/terminal"
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
	s.outputs, err = o.out.open(outputTarget{id: a.ID(), dir: a.Dir(), stdout: stdout, interfaces: source.Interfaces(), log: s.log, flowMemory: int64(o.flowMemory), limits: o.limits})
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
	publishing.Go(func() {
		defer terminal.RestoreOnPanic()
		s.hub.Run(viewCtx)
	})

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
