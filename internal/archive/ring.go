package archive

import (
	"sync"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// minRoom is the least free room for which a buffer is used further; a packet with the
// largest snapshot length (262 144 bytes) and its block must fit.
const minRoom = 300 << 10

// buffer is one piece of memory that several chunks may share. It goes back to the pool
// when nobody holds any of them.
type buffer struct {
	data []byte
	used int
	refs atomic.Int32
	pool *pool
	// single buffers are small, hold one chunk and do not go back to the pool.
	single bool
}

func (b *buffer) hold() { b.refs.Add(1) }

func (b *buffer) release() {
	if b.refs.Add(-1) == 0 && !b.single {
		b.pool.put(b)
	}
}

// pool keeps the free buffers. Those that were not needed for a while are left to the
// garbage collector, except a few: a flood of packets makes no garbage, and its memory is
// given back afterwards.
type pool struct {
	mu    sync.Mutex
	free  []*buffer
	spare int // the fewest that were free since the last trim
}

const poolMin = 8 // free buffers that are kept

func (p *pool) get() *buffer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b *buffer
	if n := len(p.free); n > 0 {
		b = p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		p.spare = min(p.spare, n-1)
	} else {
		p.spare = 0
		b = &buffer{data: make([]byte, segment.ChunkSize), pool: p}
	}
	b.used = 0
	b.refs.Store(1)
	return b
}

func (p *pool) put(b *buffer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, b)
}

// trim gives up half of the buffers that nobody has needed since the last call.
func (p *pool) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if drop := min((p.spare+1)/2, len(p.free)-poolMin); drop > 0 {
		n := copy(p.free, p.free[drop:])
		clear(p.free[n:])
		p.free = p.free[:n]
	}
	p.spare = len(p.free)
}

// recentChunk is a chunk in memory, with the buffer that it lies in.
type recentChunk struct {
	chunk segment.Chunk
	buf   *buffer
}

// recent holds the newest chunks, oldest first, without a gap between them. The archive's
// mutex guards it, but not its pool.
type recent struct {
	limit  int
	bytes  int // memory of the buffers that the chunks hold
	chunks []recentChunk
	head   int
	pool   pool
}

func (r *recent) push(b *buffer, c segment.Chunk) {
	b.hold()
	if n := len(r.chunks); n == r.head || r.chunks[n-1].buf != b {
		r.bytes += cap(b.data)
	}
	r.chunks = append(r.chunks, recentChunk{c, b})
	for r.bytes > r.limit && len(r.chunks)-r.head > 1 {
		r.drop()
	}
	if r.head > 64 && r.head*2 > len(r.chunks) {
		n := copy(r.chunks, r.chunks[r.head:])
		clear(r.chunks[n:])
		r.chunks, r.head = r.chunks[:n], 0
	}
}

func (r *recent) drop() {
	old := r.chunks[r.head]
	r.chunks[r.head] = recentChunk{}
	r.head++
	if r.head == len(r.chunks) || r.chunks[r.head].buf != old.buf {
		r.bytes -= cap(old.buf.data)
	}
	old.buf.release()
}

// find returns the chunk that holds the place at, cut to what follows it. ok is false
// when the place is older than what memory holds.
func (r *recent) find(at segment.Cursor) (c segment.Chunk, b *buffer, ok bool) {
	lo, hi := r.head, len(r.chunks)
	for lo < hi {
		m := (lo + hi) / 2
		if behind(&r.chunks[m].chunk, at) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == len(r.chunks) {
		return segment.Chunk{}, nil, false
	}
	rc := r.chunks[lo]
	c = rc.chunk
	if c.Segment != at.Segment || at.Offset < c.Offset {
		return segment.Chunk{}, nil, false
	}
	skip := at.Offset - c.Offset
	c.Bytes = c.Bytes[skip:]
	c.Offset = at.Offset
	c.Packets -= uint32(at.Packet - c.First)
	c.First = at.Packet
	rc.buf.hold()
	return c, rc.buf, true
}

// behind tells whether the chunk ends at or before the place.
func behind(c *segment.Chunk, at segment.Cursor) bool {
	if c.Segment != at.Segment {
		return c.Segment < at.Segment
	}
	return c.Offset+int64(len(c.Bytes)) <= at.Offset
}
