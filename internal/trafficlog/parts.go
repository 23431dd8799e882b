package trafficlog

import (
	"bytes"
	"io"
	"sync"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// A large batch is worked on in parts, each by the worker that is free. Whoever has encoded
// a part writes what is next in line, unless another worker is writing at the moment: that
// one then takes it along. So nobody waits, and the lines keep their order. A part's lines
// are still in the processor's cache when they are written, and enough to be written well:
// the kernel takes long writes at half the price of short ones.
const (
	partCost = 192 << 10 // captured bytes, with rowCost for each row
	rowCost  = 150       // what a row costs besides its payload
)

// split cuts rows into runs of about partCost.
func (q *queue) split(rows []packet.Summary) {
	q.parts = q.parts[:0]
	from, cost := 0, 0
	for i := range rows {
		cost += int(rows[i].CapLen) + rowCost
		if cost >= partCost {
			q.parts = append(q.parts, part{rows: rows[from : i+1]})
			from, cost = i+1, 0
		}
	}
	if from < len(rows) {
		q.parts = append(q.parts, part{rows: rows[from:]})
	}
}

// part is a part of a batch on its way to the file.
type part struct {
	rows  []packet.Summary
	out   []byte // the lines, once they are encoded
	lines int
	ready bool
}

// queue is the batch in hand. Its buffers are kept from one batch to the next.
type queue struct {
	log   *Log
	batch *track.Batch

	mu      sync.Mutex
	freed   sync.Cond // a buffer came back
	parts   []part
	buffers [][]byte // free ones
	claimed int      // parts that somebody encodes or has encoded
	written int      // parts that are written, or never will be
	writing bool     // somebody writes
	lines   uint64   // that were written
	err     error
}

func newQueue(l *Log, workers int) *queue {
	q := &queue{log: l, buffers: make([][]byte, workers+1)}
	q.freed.L = &q.mu
	return q
}

// writeRows writes the lines of rows in order and returns how many were written.
func (l *Log) writeRows(b *track.Batch, rows []packet.Summary) (lines uint64, err error) {
	q := l.queue
	q.batch, q.claimed, q.written, q.lines, q.err = b, 0, 0, 0, nil
	q.split(rows)
	var wg sync.WaitGroup
	for i := range min(len(l.encoders), len(q.parts)) {
		if i > 0 {
			wg.Go(func() { q.work(&l.encoders[i]) })
		}
	}
	q.work(&l.encoders[0])
	wg.Wait()
	q.batch = nil
	clear(q.parts)
	return q.lines, q.err
}

// work encodes parts until there are none left, and writes what is to be written. The
// buffer comes first, then the part: so the earliest part that is not written never waits
// for a buffer.
func (q *queue) work(e *encoder) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.claimed < len(q.parts) {
		if len(q.buffers) == 0 {
			q.freed.Wait()
			continue
		}
		out := q.buffers[len(q.buffers)-1]
		q.buffers = q.buffers[:len(q.buffers)-1]
		p := &q.parts[q.claimed]
		q.claimed++
		q.mu.Unlock()
		p.out, p.lines = e.lines(out[:0], q.batch, p.rows)
		q.mu.Lock()
		p.ready = true
		q.write()
	}
}

// write writes the parts that are next in line, until one is not ready. The lock is held
// before and after, not meanwhile. After an error nothing more is written.
func (q *queue) write() {
	for !q.writing && q.written < len(q.parts) && q.parts[q.written].ready {
		p := &q.parts[q.written]
		if q.err == nil {
			q.writing = true
			q.mu.Unlock()
			lines, err := q.log.write(p.out, p.lines)
			q.mu.Lock()
			q.writing = false
			q.lines += lines
			q.err = err
		}
		q.written++
		q.buffers = append(q.buffers, p.out)
		p.out = nil
		q.freed.Signal()
	}
}

// write writes lines and returns how many of them are done. When it fails in the middle of
// one it gets rid of its beginning.
func (l *Log) write(out []byte, all int) (lines uint64, err error) {
	if len(out) == 0 {
		return 0, nil
	}
	n, err := l.out.Write(out)
	if err == nil {
		l.status.Lines += uint64(all)
		l.status.Bytes += uint64(n)
		return uint64(all), nil
	}
	whole := bytes.LastIndexByte(out[:n], '\n') + 1
	lines = uint64(bytes.Count(out[:whole], []byte{'\n'}))
	if n > whole && !l.cut(n-whole) {
		// A stream has it already: the next write completes it.
		end := whole + bytes.IndexByte(out[whole:], '\n') + 1
		l.rest = append(l.rest[:0], out[n:end]...)
		lines++
		whole = n
	}
	l.status.Lines += lines
	l.status.Bytes += uint64(whole)
	return lines, err
}

// cut removes the last n bytes, an unfinished line that was just written. It returns false
// when that is impossible: on a stream, or when somebody else has appended since.
func (l *Log) cut(n int) bool {
	if !l.regular {
		return false
	}
	at, err := l.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	info, err := l.file.Stat()
	if err != nil || info.Size() != at || l.file.Truncate(at-int64(n)) != nil {
		return false
	}
	l.status.Torn++
	return true
}
