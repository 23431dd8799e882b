package flow

import "github.com/tarrafa/tarrafa/internal/packet"

const outerChunk = 1 << 10

type outer struct {
	tuple packet.Tuple
	next  uint32 // free list, +1
}

// outerPool holds the tunnel endpoints of the flows that came through a tunnel.
type outerPool struct {
	chunks  [][]outer
	free    uint32
	fresh   uint32
	limit   uint32
	dropped uint64
}

func (p *outerPool) at(i uint32) *outer {
	return &p.chunks[(i-1)/outerChunk][(i-1)%outerChunk]
}

// put keeps a tuple and returns its place, 0 when there is no room.
func (p *outerPool) put(t *packet.Tuple) uint32 {
	i := p.free
	switch {
	case i != 0:
		p.free = p.at(i).next
	case p.fresh >= p.limit:
		p.dropped++
		return 0
	default:
		if p.fresh%outerChunk == 0 {
			p.chunks = append(p.chunks, make([]outer, min(outerChunk, p.limit-p.fresh)))
		}
		p.fresh++
		i = p.fresh
	}
	*p.at(i) = outer{tuple: *t}
	return i
}

func (p *outerPool) drop(i uint32) {
	p.at(i).next = p.free
	p.free = i
}

func (p *outerPool) bytes() uint64 {
	var n uint64
	for _, c := range p.chunks {
		n += uint64(len(c)) * outerSize
	}
	return n
}
