package track

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Chunks is where chunks come from: the tail of a growing archive, a stored capture, or a
// file.
type Chunks interface {
	// Next returns the next chunk, io.EOF at the end. The chunk is valid until Release.
	Next(ctx context.Context) (*segment.Chunk, error)
	Release(c *segment.Chunk)
}

// Tracker decodes chunks, one after another. It is used by one goroutine.
type Tracker struct {
	decoder  *packet.Decoder
	batch    Batch
	applied  atomic.Uint64
	outcomes [packet.OutcomeCount]atomic.Uint64
	retries  atomic.Uint64
}

// New returns a Tracker.
func New() *Tracker { return &Tracker{decoder: packet.NewDecoder()} }

// Batch decodes a chunk. The result is valid until the next call, and no longer than the
// chunk is.
func (t *Tracker) Batch(c *segment.Chunk) *Batch {
	n := int(c.Packets)
	if cap(t.batch.Rows) < n {
		t.batch.Rows = make([]packet.Summary, 0, max(n, 4096))
	}
	rows := t.batch.Rows[:0]
	it := c.Records()
	var rec segment.Record
	number := c.First
	for it.Next(&rec) {
		if len(rows) == cap(rows) {
			rows = append(rows, packet.Summary{})[:len(rows)]
		}
		rows = rows[:len(rows)+1]
		s := &rows[len(rows)-1]
		*s = packet.Summary{
			Number: number, Time: rec.Time, Offset: rec.Offset, DataOff: rec.DataOff,
			CapLen: uint32(len(rec.Data)), WireLen: rec.WireLen,
			Interface: rec.Interface, Direction: rec.Direction,
		}
		link := packet.LinkEthernet
		if int(rec.Interface) < len(c.Interfaces) {
			link = c.Interfaces[rec.Interface].Link
		}
		t.decoder.Summarize(rec.Data, s, link)
		number++
	}
	t.batch.Chunk = c
	t.batch.Rows = rows
	t.batch.Next = segment.Cursor{Segment: c.Segment, Offset: c.Offset + int64(len(c.Bytes)), Packet: number}
	return &t.batch
}

// Applied returns how many packets the follower has applied. Any goroutine may call it.
func (t *Tracker) Applied() uint64 { return t.applied.Load() }

// Retries returns how often a batch had to be offered again.
func (t *Tracker) Retries() uint64 { return t.retries.Load() }

// Outcomes returns what became of the applied packets; the sum is Applied once Run has
// returned.
func (t *Tracker) Outcomes() [packet.OutcomeCount]uint64 {
	var out [packet.OutcomeCount]uint64
	for i := range out {
		out[i] = t.outcomes[i].Load()
	}
	return out
}

// Back-off between two offers of a batch that a follower could not take.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 5 * time.Second
)

// Run hands everything that src has to f, in order, until src ends (nil) or ctx does
// (ctx's error), or f has a [FatalError]. A batch that f refuses is offered again, later
// and later.
func (t *Tracker) Run(ctx context.Context, src Chunks, f Follower) error {
	for {
		c, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b := t.Batch(c)
		err = t.offer(ctx, b, f)
		if err == nil {
			t.count(b)
		}
		src.Release(c)
		if err != nil {
			return err
		}
	}
}

// FatalError wraps an error that offering the batch again cannot mend: Run ends with it.
type FatalError struct{ Err error }

// Error implements error.
func (e *FatalError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FatalError) Unwrap() error { return e.Err }

func (t *Tracker) offer(ctx context.Context, b *Batch, f Follower) error {
	wait := retryFirst
	for {
		err := f.Apply(ctx, b)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var fatal *FatalError
		if errors.As(err, &fatal) {
			return err
		}
		t.retries.Add(1)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait = min(2*wait, retryMost)
	}
}

func (t *Tracker) count(b *Batch) {
	var n [packet.OutcomeCount]uint64
	for i := range b.Rows {
		n[b.Rows[i].Outcome]++
	}
	for i, v := range n {
		if v > 0 {
			t.outcomes[i].Add(v)
		}
	}
	t.applied.Add(uint64(len(b.Rows)))
}
