package flow

// maxUnacked caps the list of unacknowledged segments of one direction. tshark's cap is
// the same, and what is beyond it has no ack_rtt.
const maxUnacked = 10000

// maxUnackedWalk bounds the search for a retransmission's place in the list.
const maxUnackedWalk = 256

// unacked is one segment on its way.
type unacked struct {
	time  int64
	frame uint64
	seq   uint32 // of the first byte that is not acknowledged
	end   uint32 // sequence number behind the last byte
	next  uint32 // place of the following one +1, 0: last
}

const unackedChunk = 1 << 16

// unackedPool holds the segments of all conversations: a chunked slab with a free list.
type unackedPool struct {
	chunks  [][]unacked
	free    uint32 // first free one +1
	fresh   uint32 // never used from here on
	limit   uint32
	used    uint32
	dropped uint64 // segments not remembered because the pool or a list was full
}

func (p *unackedPool) at(i uint32) *unacked {
	return &p.chunks[(i-1)/unackedChunk][(i-1)%unackedChunk]
}

// get returns a free place +1, or 0 when the pool is full.
func (p *unackedPool) get() uint32 {
	if i := p.free; i != 0 {
		p.free = p.at(i).next
		p.used++
		return i
	}
	if p.fresh >= p.limit {
		return 0
	}
	if p.fresh%unackedChunk == 0 {
		chunk := make([]unacked, min(unackedChunk, p.limit-p.fresh))
		HugePages(chunk)
		p.chunks = append(p.chunks, chunk)
	}
	p.fresh++
	p.used++
	return p.fresh
}

// add remembers a segment. The list is in order of end; segments with the same end stay
// in order of time.
func (p *unackedPool) add(h *half, end, length uint32, time int64, frame uint64) {
	if h.unCount >= maxUnacked {
		p.dropped++
		return
	}
	seq, behind := end-length, h.unTail
	if behind != 0 && after(seq, p.at(behind).end) < 0 {
		h.bits |= halfMixed
	}
	if behind != 0 && after(end, p.at(behind).end) < 0 {
		behind = 0
		steps := 0
		for i := h.unHead; i != 0 && after(end, p.at(i).end) >= 0; i = p.at(i).next {
			behind = i
			if steps++; steps > maxUnackedWalk {
				p.dropped++
				return
			}
		}
	}
	i := p.get()
	if i == 0 {
		p.dropped++
		return
	}
	u := p.at(i)
	*u = unacked{time: time, frame: frame, seq: seq, end: end}
	if behind == 0 {
		u.next = h.unHead
		h.unHead = i
	} else {
		a := p.at(behind)
		u.next = a.next
		a.next = i
	}
	if u.next == 0 {
		h.unTail = i
	}
	h.unCount++
}

// ack takes away all segments that end at or before ack, and returns the frame and time
// of the oldest one that ends exactly there (frame 0: none). Of a segment that is
// acknowledged in part the rest stays.
func (p *unackedPool) ack(h *half, ack uint32) (frame uint64, time int64) {
	for h.unHead != 0 {
		i := h.unHead
		u := p.at(i)
		if after(u.end, ack) > 0 {
			break
		}
		if u.end == ack && frame == 0 {
			frame, time = u.frame, u.time
		}
		h.unHead = u.next
		h.unCount--
		p.put(i, u)
	}
	if h.unHead == 0 {
		h.unTail = 0
		h.bits &^= halfMixed
		return frame, time
	}
	walk := 1 // without overlaps nothing behind the first segment can be acknowledged in part
	if h.bits&halfMixed != 0 {
		walk = maxUnackedWalk
	}
	for i := h.unHead; i != 0 && walk > 0; walk-- {
		u := p.at(i)
		if after(ack, u.seq) > 0 {
			u.seq = ack
		}
		i = u.next
	}
	return frame, time
}

// reach returns the lowest and the highest sequence number of the segments on their way,
// counted from base. As in tshark the distances from base have no sign: what lies before
// it is very far.
func (p *unackedPool) reach(h *half, base uint32) (low, high uint32) {
	low, high = p.at(h.unHead).seq-base, p.at(h.unTail).end-base
	if h.bits&halfMixed == 0 && low <= high {
		return low, high
	}
	walk := maxUnackedWalk
	for i := h.unHead; i != 0 && walk > 0; walk-- {
		u := p.at(i)
		low, high = min(low, u.seq-base), max(high, u.end-base)
		i = u.next
	}
	return low, high
}

func (p *unackedPool) put(i uint32, u *unacked) {
	u.next = p.free
	p.free = i
	p.used--
}

// clear gives back a whole list at once.
func (p *unackedPool) clear(h *half) {
	if h.unHead != 0 {
		p.at(h.unTail).next = p.free
		p.free = h.unHead
		p.used -= uint32(h.unCount)
	}
	h.unHead, h.unTail, h.unCount = 0, 0, 0
	h.bits &^= halfMixed
}

func (p *unackedPool) bytes() uint64 {
	var n uint64
	for _, c := range p.chunks {
		n += uint64(len(c)) * segmentSize
	}
	return n
}
