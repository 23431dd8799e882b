package postgres

import (
	"bytes"
	"io"
)

// stream returns the COPY stream of the rows lo to hi (without hi).
func (f *flight) stream(lo, hi int, l *layout) io.Reader {
	rows := &rowReader{flight: f, next: lo, end: hi}
	if len(l.targets) > 0 && l.targets[0].codec == codecID {
		rows.id = &l.targets[0]
	}
	if l.text {
		return rows
	}
	return io.MultiReader(bytes.NewReader(copyHeader), rows, bytes.NewReader(copyTrailer))
}

// rowReader reads encoded rows and writes their ids into them on the way: the server is
// already at work on those before.
type rowReader struct {
	flight    *flight
	id        *target // nil: the rows hold none
	next, end int
	rest      []byte // of the rows before next
}

// Read returns encoded rows; a row may be cut in two.
func (r *rowReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next == r.end {
			return 0, io.EOF
		}
		r.take(len(p))
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// take takes the next rows, one at least, as many as fit into size bytes.
func (r *rowReader) take(size int) {
	f, lo, first := r.flight, int(r.flight.meta[r.next].off), r.next
	hi := f.endOf(r.next)
	for r.next++; r.next < r.end && f.endOf(r.next)-lo <= size; r.next++ {
		hi = f.endOf(r.next)
	}
	r.rest = f.rows[lo:hi]
	if r.id != nil {
		f.number(r.id, first, r.next)
	}
}

// number writes the ids of the rows lo to hi (without hi).
func (f *flight) number(t *target, lo, hi int) {
	skip := int64(lo)
	for _, r := range f.ids {
		if n := r.len(); skip >= n {
			skip -= n
			continue
		}
		for id := r.first + skip; id <= r.last && lo < hi; id++ {
			t.setID(f.rows[f.meta[lo].off:], id)
			lo++
		}
		skip = 0
	}
}
