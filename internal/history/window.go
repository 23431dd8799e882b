package history

import (
	"errors"
	"io"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// window holds a stretch of a part's bytes: neighbouring records cost one read.
type window struct {
	part  *part
	start int64
	bytes []byte
	next  int64 // where a record that follows closely would be
}

const (
	windowLeast = 8 << 10
	windowMost  = 1 << 20
	recordMost  = 64 << 20
)

// record returns the record at a place of an indexed part. It is valid until the next call.
// rec.DataOff counts in the returned chunk.
func (w *worker) record(p *part, offset int64, rec *segment.Record) (*segment.Chunk, error) {
	v := &w.window
	size := int64(windowLeast)
	for {
		if v.part == p && offset >= v.start && offset < v.start+int64(len(v.bytes)) {
			c := segment.Chunk{Offset: offset, Interfaces: p.faces, Bytes: v.bytes[offset-v.start:]}
			it := c.Records()
			if it.Next(rec) && rec.Offset == offset {
				return &c, nil
			}
			size = max(size, 2*(v.start+int64(len(v.bytes))-offset))
			if size > recordMost {
				return nil, &ChangedError{p.number, offset}
			}
		} else if v.part == p && offset >= v.next-windowLeast && offset < v.next+windowMost {
			size = windowMost // on the way through
		}
		if err := w.slide(p, offset, size); err != nil {
			return nil, err
		}
	}
}

func (w *worker) slide(p *part, offset, size int64) error {
	r, err := w.open(p)
	if err != nil {
		return err
	}
	v := &w.window
	old := len(v.bytes)
	same := v.part == p && v.start == offset
	if int64(cap(v.bytes)) < size {
		v.bytes = make([]byte, size)
	}
	n, err := r.ReadAt(v.bytes[:size], offset)
	if err != nil && !errors.Is(err, io.EOF) || n == 0 || same && n <= old {
		v.part = nil
		if err == nil {
			err = io.EOF
		}
		return readError(p, offset, err)
	}
	v.part, v.start, v.bytes = p, offset, v.bytes[:n]
	v.next = offset + int64(n)
	return nil
}
