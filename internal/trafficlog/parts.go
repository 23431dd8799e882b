package trafficlog

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// A large batch is worked on in parts: while one is written, the next ones are encoded.
// A part is small enough that its lines are still in the processor's cache when they are
// written.
const (
	partCost = 96 << 10 // captured bytes, with rowCost for each row
	rowCost  = 150      // what a row costs besides its payload
)

// split cuts rows into runs of about partCost.
func split(rows []packet.Summary) [][]packet.Summary {
	var parts [][]packet.Summary
	from, cost := 0, 0
	for i := range rows {
		cost += int(rows[i].CapLen) + rowCost
		if cost >= partCost {
			parts = append(parts, rows[from:i+1])
			from, cost = i+1, 0
		}
	}
	if from < len(rows) {
		parts = append(parts, rows[from:])
	}
	return parts
}

// writeRows writes the lines of rows in order and returns how many were written.
func (l *Log) writeRows(b *track.Batch, rows []packet.Summary) (lines uint64, err error) {
	parts := split(rows)
	if len(parts) < 2 || len(l.encoders) < 2 {
		out := <-l.buffers
		defer func() { l.buffers <- out }()
		for _, part := range parts {
			var n int
			out, n = l.encoders[0].lines(out[:0], b, part)
			written, err := l.write(out, n)
			lines += written
			if err != nil {
				return lines, err
			}
		}
		return lines, nil
	}
	encoded := make([]encodedPart, len(parts))
	for i := range encoded {
		encoded[i].ready = make(chan struct{})
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for w := range l.encoders {
		wg.Go(func() { l.encodeParts(&l.encoders[w], b, parts, encoded, &next) })
	}
	for i := range encoded {
		p := &encoded[i]
		<-p.ready
		if err == nil {
			var written uint64
			written, err = l.write(p.out, p.lines)
			lines += written
		}
		l.buffers <- p.out
	}
	wg.Wait()
	return lines, err
}

// encodedPart is a part on its way to the file.
type encodedPart struct {
	ready chan struct{} // closed when the rest is there
	out   []byte
	lines int
}

// encodeParts encodes parts until there are none left. The buffer comes first, then the
// part: so the earliest part that is not written never waits for a buffer.
func (l *Log) encodeParts(e *encoder, b *track.Batch, parts [][]packet.Summary, encoded []encodedPart, next *atomic.Int64) {
	for {
		out := <-l.buffers
		i := int(next.Add(1)) - 1
		if i >= len(parts) {
			l.buffers <- out
			return
		}
		p := &encoded[i]
		p.out, p.lines = e.lines(out[:0], b, parts[i])
		close(p.ready)
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
