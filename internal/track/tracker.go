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

// batchRows caps a batch: its rows stay in the processor's cache between decoding and
// applying.
const batchRows = 2048

// Tracker decodes chunks, one after another. It is used by one goroutine.
type Tracker struct {
	decoder *packet.Decoder
	rows    []packet.Summary
	batch   Batch
	part    segment.Chunk

	analysis *Analysis // nil: rows only
	aging    bool
	newest   int64  // time of the newest row, ns
	ahead    uint64 // keeps the compiler from dropping the reads ahead

	chunk  *segment.Chunk // being decoded
	it     segment.Iterator
	number uint64

	applied  atomic.Uint64
	outcomes [packet.OutcomeCount]atomic.Uint64
	retries  atomic.Uint64
	limits   limits
}

// New returns a Tracker.
func New() *Tracker {
	return &Tracker{decoder: packet.NewDecoder(), rows: make([]packet.Summary, batchRows)}
}

// NewAnalysing returns a Tracker whose batches carry what a finds out. a belongs to it.
func NewAnalysing(a *Analysis) *Tracker {
	t := New()
	t.analysis = a
	return t
}

// AgeWhenQuiet lets flows end while no packets come: for a source that waits for packets
// as they are captured, whose times are those of this machine.
func (t *Tracker) AgeWhenQuiet() { t.aging = t.analysis != nil }

// Load starts the decoding of a chunk, which must stay valid until [Tracker.Next] has
// returned nil.
func (t *Tracker) Load(c *segment.Chunk) {
	t.chunk, t.it, t.number = c, c.Records(), c.First
}

// Next decodes the next packets of the chunk and returns them as a batch, whose Chunk is
// the part of the loaded one that holds them; nil when the chunk has no more. A chunk
// without packets is one batch without rows. The batch is valid until the next call.
func (t *Tracker) Next() *Batch {
	c := t.chunk
	if c == nil {
		return nil
	}
	start := t.it.Offset() - c.Offset
	first, n := t.number, 0
	b := &t.batch
	b.Rows = t.rows[:0]
	if t.analysis != nil {
		t.analysis.begin(b, c, c.Bytes[start:])
	}
	var rec segment.Record
	var ahead uint64
	for n < batchRows && t.it.Next(&rec) {
		ahead += t.peek()
		s := &t.rows[n]
		n++
		*s = packet.Summary{} // in two steps: otherwise it is built elsewhere and copied
		s.Number, s.Time, s.Offset = t.number, rec.Time, rec.Offset
		s.DataOff, s.CapLen, s.WireLen = rec.DataOff-uint32(start), uint32(len(rec.Data)), rec.WireLen
		s.Interface, s.Direction = rec.Interface, rec.Direction
		t.number++
		link := packet.LinkEthernet
		if int(rec.Interface) < len(c.Interfaces) {
			link = c.Interfaces[rec.Interface].Link
		}
		t.decoder.Summarize(rec.Data, s, link)
		if n%stepRows == 0 && t.analysis != nil {
			b.Rows = t.rows[:n]
			t.analysis.step(b, n-stepRows, n)
		}
	}
	t.ahead = ahead
	b.Rows = t.rows[:n]
	if n > 0 {
		t.newest = max(t.newest, t.rows[n-1].Time)
	}
	if done := n / stepRows * stepRows; done < n && t.analysis != nil {
		t.analysis.step(b, done, n)
	}
	end := t.it.Offset() - c.Offset
	if n < batchRows {
		t.chunk = nil
		if n == 0 && first != c.First {
			return nil // a full batch was the end
		}
		end = int64(len(c.Bytes)) // blocks without packets at the end too
	}
	t.part = *c
	t.part.Bytes = c.Bytes[start:end:end]
	t.part.Offset, t.part.First, t.part.Packets = c.Offset+start, first, uint32(n)
	b.Chunk = &t.part
	b.Next = segment.Cursor{Segment: c.Segment, Offset: c.Offset + end, Packet: t.number}
	if t.analysis != nil {
		t.analysis.finish(b)
	}
	return b
}

// peek reads from the next record's header, and from where its packet's headers end, so
// that the processor fetches them from far memory while it decodes the record before.
func (t *Tracker) peek() uint64 {
	at := t.it.Offset() - t.chunk.Offset
	if b := t.chunk.Bytes; at >= 0 && at+peekSpan < int64(len(b)) {
		return uint64(b[at]) + uint64(b[at+peekSpan])
	}
	return 0
}

// peekSpan is how far into a record the headers of most packets go: what lies between is
// in the same two lines of the cache, or the line that the processor fetches with them.
const peekSpan = 96

// Applied returns how many packets the follower has applied. Any goroutine may call it.
func (t *Tracker) Applied() uint64 { return t.applied.Load() }

// Retries returns how often a batch had to be offered again.
func (t *Tracker) Retries() uint64 { return t.retries.Load() }

// Flows returns how many flows there were and what became of them: begun is the sum of the
// others. nil without an Analysis. Any goroutine may call it.
func (t *Tracker) Flows() map[string]uint64 {
	if t.analysis == nil {
		return nil
	}
	c := t.analysis.Counters().Flow
	return map[string]uint64{
		"begun": c.Flows, "idle": c.Idle, "closed": c.Closed, "forced": c.Forced, "reused": c.Reused,
		"drained": c.Drained, "open": c.Live,
	}
}

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
		c, err := t.await(ctx, src)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = t.apply(ctx, c, f)
		src.Release(c)
		if err != nil {
			return err
		}
	}
}

// quietStep is how long a link is quiet before flows age without packets, and how often
// they do then. It is short against every timeout, and no work when packets come.
const quietStep = 2 * time.Second

// await returns src's next chunk. While there is none, flows age: the time is that of the
// newest packet and what has gone by since the wait began, so that a clock that is set
// does not matter, nor that this follower may be behind the capture.
func (t *Tracker) await(ctx context.Context, src Chunks) (*segment.Chunk, error) {
	if !t.aging {
		return src.Next(ctx)
	}
	for began := time.Now(); ; {
		short, cancel := context.WithTimeout(ctx, quietStep)
		c, err := src.Next(short)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return c, err
		}
		if t.newest != 0 {
			t.analysis.Advance(t.newest + int64(time.Since(began)))
		}
	}
}

func (t *Tracker) apply(ctx context.Context, c *segment.Chunk, f Follower) error {
	t.Load(c)
	for b := t.Next(); b != nil; b = t.Next() {
		if err := t.offer(ctx, b, f); err != nil {
			return err
		}
		t.count(b)
	}
	return nil
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
		if _, ok := errors.AsType[*FatalError](err); ok {
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
	c := t.decoder.Counters()
	t.limits.publish(&c.Fragments)
}
