package segment

import "sync"

const (
	poolSize  = 8             // buffers kept
	maxPooled = 4 * ChunkSize // larger ones are left to the garbage collector
)

// pool keeps the buffers that came back.
type pool struct {
	size int // of a new buffer, bytes
	mu   sync.Mutex
	free []*Chunk
}

func (p *pool) get() *Chunk {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		return c
	}
	return &Chunk{mem: make([]byte, p.size)}
}

func (p *pool) put(c *Chunk) {
	mem := c.mem
	if mem == nil {
		return
	}
	*c = Chunk{}
	if len(mem) > maxPooled {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < poolSize {
		p.free = append(p.free, &Chunk{mem: mem})
	}
}

// Release takes back a Chunk that this Reader handed out; its bytes are used again. It
// may be called from any goroutine, once for each Chunk.
func (r *Reader) Release(c *Chunk) { r.free.put(c) }
