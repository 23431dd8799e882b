package history

import (
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// part is a file with packets: a segment, or the one file.
type part struct {
	number  uint32 // of the segment; 0: a file
	first   uint64
	packets uint64
	file    *index.File // nil: no index
	faces   []segment.Interface
	open    func() (reader, error)
	sealed  bool
	again   bool // it is not what it was: looked at anew with the next question; under Capture.mu
}

type reader interface {
	io.ReaderAt
	io.Closer
}

// unit is the piece of a capture that is worked on at once.
type unit struct {
	part  *part
	prev  atomic.Pointer[unit] // the one before it in the capture
	first uint64
	rows  int

	group int // in the part's index; -1: raw

	// Of a raw unit.
	chunk segment.Chunk // without its Bytes
	size  int64

	mu     sync.Mutex
	timed  bool // lo and hi are known
	lo, hi int64
	raw    *sums // of a raw unit, once it was looked at
}

// span returns the bounds of the unit's times.
func (u *unit) span() (lo, hi int64) {
	if u.group >= 0 {
		if c := &u.part.file.Groups[u.group].Chunks[index.Time]; c.Bounded {
			return c.Min, c.Max
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.timed {
		return u.lo, u.hi
	}
	return math.MinInt64, math.MaxInt64
}
