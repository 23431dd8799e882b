package trafficlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Log is the follower that writes the record of one capture: packet numbers only grow.
// Several captures may share a file, each with its own Log. Apply is called by one
// goroutine; everything else by any.
type Log struct {
	path string // empty: a stream that was handed in
	opt  Options

	mu       sync.Mutex
	out      io.Writer
	file     *os.File // nil: a stream
	regular  bool     // the file can be cut
	encoders []encoder
	queue    *queue
	sides    *sides

	done   uint64 // number of the last packet whose line is written, or that has none
	found  uint64 // number of the last packet that a former run has dealt with
	skip   uint64 // lines that a former run wrote behind its cursor
	rest   []byte // of a line that a stream took in part; owned
	keeper *keeper

	status  Status
	retryAt time.Time // not before, after a failure
	wait    time.Duration
	closed  bool
}

var _ track.Follower = (*Log)(nil)

// ErrClosed is returned by the methods of a closed Log.
var ErrClosed = errors.New("trafficlog: closed")

// Status is how the record is doing.
type Status struct {
	Target    string // path, or "-"
	Lines     uint64 // written by this run
	Bytes     uint64 // written by this run
	Skipped   uint64 // packets without a record: not TCP (nor UDP when asked for), tunnels, later fragments
	Repeated  uint64 // packets whose line was there already
	Torn      uint64 // unfinished lines that were cut off: after a crash, or on a full disk
	Reopened  uint64
	Failures  uint64 // writes that failed
	LastError string // empty when all is well again
}

// Open opens the record for appending; folder and file are made when missing (modes 0700
// and 0600). What a crash left unfinished at its end is cut off.
func Open(path string, opt Options) (*Log, error) {
	l := newLog(opt)
	l.path, l.status.Target = path, path
	if err := l.openFile(); err != nil {
		return nil, err
	}
	if l.regular && alone(l.file) {
		if err := l.mendTail(l.file); err != nil {
			_ = l.file.Close()
			return nil, err
		}
	}
	share(l.file)
	l.openKeeper()
	return l, nil
}

// NewWriter returns a Log that writes to a stream, for example standard output. Close
// does not close it.
func NewWriter(w io.Writer, opt Options) *Log {
	opt.CursorFile = ""
	l := newLog(opt)
	l.out, l.status.Target = w, "-"
	return l
}

func newLog(opt Options) *Log {
	l := &Log{opt: opt.withDefaults()}
	l.sides = &sides{configured: l.opt.Local}
	l.encoders = make([]encoder, l.opt.Workers)
	l.queue = newQueue(l, l.opt.Workers)
	for i := range l.encoders {
		l.encoders[i] = l.newEncoder()
	}
	return l
}

func (l *Log) newEncoder() encoder {
	return encoder{
		opt: &l.opt, sides: l.sides, clock: clock{location: l.opt.Location},
		capture: appendString(nil, l.opt.Capture), addresses: new(addresses),
	}
}

// Apply appends the lines of a batch, each write ending with a line. It returns an error when they could
// not all be written; offered again, the batch goes on where it stopped. After a failure
// it first waits a while, longer each time, up to five seconds.
func (l *Log) Apply(ctx context.Context, b *track.Batch) error {
	if err := l.pause(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if err := l.writeRest(); err != nil {
		return err
	}
	l.keeper.begin(l.file)
	l.sides.observe(b.Rows, b.Chunk)
	rows := l.news(b)
	lines, err := l.writeRows(b, rows)
	if err != nil {
		l.status.Skipped += l.bookRows(b, rows, lines)
		return l.failed(err)
	}
	l.status.Skipped += uint64(len(rows)) - lines
	l.status.LastError, l.wait = "", 0
	l.done = max(l.done, before(b.Next.Packet))
	l.keeper.store(b.Next, l.file)
	return nil
}

// writeRest completes a line that a stream took in part.
func (l *Log) writeRest() error {
	if len(l.rest) == 0 {
		return nil
	}
	n, err := l.out.Write(l.rest)
	l.rest = l.rest[n:]
	if err != nil {
		return l.failed(err)
	}
	return nil
}

// before returns the number of the packet before n.
func before(n uint64) uint64 { return max(n, 1) - 1 }

// news returns the rows whose lines are not written yet, and counts.
func (l *Log) news(b *track.Batch) []packet.Summary {
	rows := b.Rows
	for len(rows) > 0 && rows[0].Number <= l.done {
		// The rest was booked when this run wrote it, before the batch was offered again.
		if rows[0].Number <= l.found {
			l.status.Repeated++
		}
		rows = rows[1:]
	}
	for l.skip > 0 && len(rows) > 0 {
		if l.encoders[0].has(b, &rows[0]) {
			l.skip--
		}
		l.done = rows[0].Number
		rows = rows[1:]
		l.status.Repeated++
	}
	return rows
}

// bookRows moves done to the row of the given line, and returns how many rows without a
// line come before it.
func (l *Log) bookRows(b *track.Batch, rows []packet.Summary, lines uint64) (without uint64) {
	for i := range rows {
		if lines == 0 {
			break
		}
		if l.encoders[0].has(b, &rows[i]) {
			lines--
		} else {
			without++
		}
		l.done = rows[i].Number
	}
	return without
}

// Waits after failures.
const (
	firstWait = 50 * time.Millisecond
	longWait  = 5 * time.Second
)

func (l *Log) failed(err error) error {
	l.wait = min(max(2*l.wait, firstWait), longWait)
	l.retryAt = time.Now().Add(l.wait)
	l.status.Failures++
	err = fmt.Errorf("trafficlog: write %s: %w", l.status.Target, err)
	if l.status.LastError == "" {
		l.opt.Log.Error("the traffic record cannot be written; packets are kept in the capture", "error", err)
	}
	l.status.LastError = err.Error()
	return err
}

// pause waits until the next attempt may be made.
func (l *Log) pause(ctx context.Context) error {
	l.mu.Lock()
	wait := time.Until(l.retryAt)
	l.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Applied returns the number of the last packet that is done with: its line is written, or
// it has none.
func (l *Log) Applied() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// Status returns how the record is doing.
func (l *Log) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// Reopen goes on in the file that now has the record's name, after somebody has renamed
// the old one (SIGHUP, logrotate). Every line is in exactly one of the two. When the new
// file cannot be opened the old one goes on. A stream stays as it is.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case l.path == "":
		return nil
	}
	old := l.file
	if err := l.openFile(); err != nil {
		return err
	}
	share(l.file)
	l.status.Reopened++
	l.retryAt, l.wait = time.Time{}, 0
	l.keeper.moved(old, l.file)
	if err := old.Close(); err != nil {
		return fmt.Errorf("trafficlog: close the file before: %w", err)
	}
	return nil
}

// Close ends the record. What was applied is in the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := l.keeper.close()
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	if err != nil {
		return fmt.Errorf("trafficlog: close %s: %w", l.status.Target, err)
	}
	return nil
}
