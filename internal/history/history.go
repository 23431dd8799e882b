package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sort"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Capture answers questions about one capture. It is a [query.Reader].
type Capture struct {
	stored  *archive.Stored  // nil: a file
	preface *segment.Preface // of a file
	notice  func(string)
	close   func() error

	mu        sync.Mutex
	parts     []*part
	units     []*unit
	packets   uint64
	metaTime  time.Time
	bad       map[uint32]bool // segments whose index turned out to be damaged
	told      map[string]bool
	free      []*worker
	cache     cache
	counts    counted
	addresses addressCache
	sweeping  chan struct{} // held by who uses last
	last      *sweep        // nil: none
	flowed    *firstFlows   // of the question before; nil: none
	closed    bool
}

var _ query.Reader = (*Capture)(nil)

// Options change how a capture is opened.
type Options struct {
	// Notice is told, once each, what is wrong but does not keep questions from being
	// answered: an index that is missing, old or damaged. nil: nobody is.
	Notice func(string)
}

func newCapture(opt Options) *Capture {
	c := &Capture{notice: opt.Notice, bad: map[uint32]bool{}, told: map[string]bool{}, sweeping: make(chan struct{}, 1)}
	c.cache.init()
	return c
}

// Close ends the use of the capture.
func (c *Capture) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	for _, w := range c.free {
		w.close()
	}
	c.free = nil
	return c.close()
}

var errClosed = errors.New("history: the capture was closed")

// tell gives a notice once.
func (c *Capture) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if c.told[text] {
		return
	}
	if len(c.told) < noticeMax {
		c.told[text] = true
	}
	if c.notice != nil {
		c.notice(text)
	}
}

func (c *Capture) worker() (*worker, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if n := len(c.free); n > 0 {
		w := c.free[n-1]
		c.free = c.free[:n-1]
		return w, nil
	}
	return newWorker()
}

func (c *Capture) release(w *worker) {
	w.rest()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.free) >= runtime.GOMAXPROCS(0) {
		w.close()
		return
	}
	c.free = append(c.free, w)
}

// view is what a question sees: the units as they were when it began.
type view struct {
	parts   []*part
	units   []*unit
	packets uint64
}

// A question whose packets go away under it begins again: so often at least, and for so
// long. Retention that is faster than any answer ends with an error that names the segment.
const (
	attempts  = 4
	patience  = 10 * time.Second
	noticeMax = 10_000 // notices that are remembered
)

// ask runs a question over the units as they are now. When a segment goes away meanwhile,
// or its index turns out to be damaged, it is run again over what is there then.
func (c *Capture) ask(ctx context.Context, question func(v view) error) error {
	var err error
	begin := time.Now()
	for i := 0; i < attempts || time.Since(begin) < patience; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var v view
		if v, err = c.refresh(err != nil); err != nil {
			return err
		}
		if err = question(v); err == nil || !c.mend(err) {
			return err
		}
	}
	return err
}

// mend tells whether another attempt may succeed.
func (c *Capture) mend(err error) bool {
	if c.stored == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var part *partError
	known := errors.As(err, &part)
	if errors.Is(err, fs.ErrNotExist) {
		if known {
			part.part.again = true // the index alone may be gone
		}
		return true
	}
	if !known {
		return false
	}
	if index.Rebuildable(part.err) {
		c.bad[part.part.number] = true
		c.tell("%v; segment %d is read itself; mend it: tarrafa reindex %s", part.err, part.part.number, c.stored.Dir())
		return true
	}
	var changed *ChangedError
	return errors.As(err, &changed)
}

// partError says in which part something went wrong.
type partError struct {
	part *part
	err  error
}

func (e *partError) Error() string {
	if e.part.number == 0 {
		return e.err.Error()
	}
	return fmt.Sprintf("segment %d: %v", e.part.number, e.err)
}

func (e *partError) Unwrap() error { return e.err }

// each runs work over units, in parallel and in no order. Progress is told as packets
// done.
func (c *Capture) each(ctx context.Context, units []*unit, progress func(float64), work func(w *worker, i int, u *unit) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	total := 0
	for _, u := range units {
		total += u.rows
	}
	var (
		mu   sync.Mutex
		next int
		done int
		wg   sync.WaitGroup
	)
	take := func(finished int) (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if finished > 0 && progress != nil {
			done += finished
			progress(float64(done) / float64(total))
		}
		if next >= len(units) || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	run := func() {
		w, err := c.worker()
		if err != nil {
			cancel(err)
			return
		}
		defer c.release(w)
		for i, ok := take(0); ok; i, ok = take(units[i].rows) {
			if err := work(w, i, units[i]); err != nil {
				cancel(&partError{units[i].part, err})
				return
			}
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(units))
	for range workers - 1 {
		wg.Go(run)
	}
	run()
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// firstTime is the time of the capture's first packet.
func (c *Capture) firstTime(v view) (int64, error) {
	if len(v.units) == 0 {
		return 0, nil
	}
	w, err := c.worker()
	if err != nil {
		return 0, err
	}
	defer c.release(w)
	rows, err := w.summaries(v.units[0], []int{0})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].Time, nil
}

// asked makes a scope ready.
func (c *Capture) asked(ctx context.Context, v view, s query.Scope) (*asked, error) {
	a, err := c.prepared(v, s)
	if err == nil && a.swept {
		err = c.swept(ctx, v, a, everything)
	}
	return a, err
}

// prepared makes a scope ready but for the sweep that it may need.
func (c *Capture) prepared(v view, s query.Scope) (*asked, error) {
	a := &asked{scope: s}
	if s.Filter == nil {
		return a, nil
	}
	needs := s.Filter.Needs()
	a.swept = needs.Notes && !v.inColumns(s.Filter.Fields())
	a.match.filter = s.Filter
	if needs.History {
		for _, f := range s.Filter.Fields() {
			if f.Name == "frame.time_delta_displayed" {
				return nil, &query.CannotAnswerError{What: f.Name, Why: "nothing is displayed yet while the filter is asked"}
			}
		}
		var err error
		if a.match.first, err = c.firstTime(v); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// find returns the place of the unit that holds a packet number.
func (v *view) find(number uint64) (int, bool) {
	i := sort.Search(len(v.units), func(i int) bool { return v.units[i].first+uint64(v.units[i].rows) > number })
	return i, i < len(v.units) && v.units[i].first <= number
}
