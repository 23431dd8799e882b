package trafficlog

import (
	"bytes"
	"context"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Page is the lines of a run of packets, which a [Scribe] makes apart from the Log.
type Page struct {
	out   []byte // owned; kept from one use to the next
	lines int
	rows  int
	last  uint64 // number of the last packet
}

// Scribe makes lines for a Log beside others who do so. It is used by one goroutine.
type Scribe struct {
	log *Log
	e   encoder
}

// NewScribe returns a Scribe. The Log's Apply must not be called any more, and the Log must
// have no cursor.
func (l *Log) NewScribe() *Scribe {
	return &Scribe{log: l, e: l.newEncoder()}
}

// Learn takes from the first batch what Apply would: which side is the capturing machine.
// It comes before everything else.
func (l *Log) Learn(b *track.Batch) { l.sides.observe(b.Rows, b.Chunk) }

// See takes what a chunk says of the interfaces' addresses, before the chunk's lines are
// written. All Scribes' calls come one after the other, in the order of the chunks.
func (s *Scribe) See(c *segment.Chunk) {
	l := s.log
	if l.sides.interfaces < len(c.Interfaces) {
		// Others may be looking at it.
		l.sides = l.sides.clone()
		l.sides.observe(nil, c)
	}
	s.e.sides = l.sides
}

const (
	// firstPage is the room for the lines of a block of usual packets, bytes.
	firstPage = 1 << 20
	// keptPage is how much memory of a page is kept for the next use, bytes.
	keptPage = 8 * firstPage
)

// Begin makes a page empty.
func (p *Page) Begin() {
	if p.out == nil || cap(p.out) > keptPage {
		p.out = make([]byte, 0, firstPage)
	}
	p.out, p.lines, p.rows = p.out[:0], 0, 0
}

// Write appends the lines of rows, which are a chunk's.
func (s *Scribe) Write(p *Page, c *segment.Chunk, rows []packet.Summary) {
	if len(rows) == 0 {
		return
	}
	n := 0
	p.out, n = s.e.lines(p.out, &track.Batch{Chunk: c, Rows: rows}, rows)
	p.lines += n
	p.rows += len(rows)
	p.last = rows[len(rows)-1].Number
}

// Append appends a page to the record: pages come in the order of their packets. What
// cannot be written is tried again until it can, or ctx ends.
func (l *Log) Append(ctx context.Context, p *Page) error {
	without := uint64(p.rows - p.lines)
	for {
		if err := l.pause(ctx); err != nil {
			return err
		}
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return ErrClosed
		}
		err := l.appendPage(p)
		if err == nil {
			l.status.Skipped += without
			l.status.LastError, l.wait = "", 0
			l.done = max(l.done, p.last)
		}
		l.mu.Unlock()
		if err == nil {
			return nil
		}
	}
}

// appendPage writes what is left of a page, and leaves in it what cannot be written.
func (l *Log) appendPage(p *Page) error {
	if err := l.writeRest(); err != nil {
		return err
	}
	lines, err := l.write(p.out, p.lines)
	if err == nil {
		return nil
	}
	for range lines {
		p.out = p.out[bytes.IndexByte(p.out, '\n')+1:]
		p.lines--
	}
	return l.failed(err)
}
