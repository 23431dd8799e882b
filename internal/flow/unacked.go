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

// unackedChunk is how many segments lie side by side, unackedBlock how many chunks are
// taken at once: two megabytes, what the processor maps at once.
const (
	unackedChunk = 1 << 12
	unackedBlock = 1 << 4
)

// unackedPool holds the segments of all conversations: a chunked slab with a free list.
type unackedPool struct {
	chunks  []*[unackedChunk]unacked
	free    uint32 // first free one +1
	fresh   uint32 // never used from here on
	limit   uint32 // memory is taken for a multiple of unackedChunk
	used    uint32
	dropped uint64 // segments not remembered because the pool or a list was full
}

func (p *unackedPool) at(i uint32) *unacked {
	return &p.chunks[(i-1)/unackedChunk][(i-1)%unackedChunk]
}

// get takes a free place, and returns it with its number +1; 0 when the pool is full.
func (p *unackedPool) get() (*unacked, uint32) {
	if i := p.free; i != 0 {
		u := p.at(i)
		p.free = u.next
		p.used++
		return u, i
	}
	if p.fresh >= p.limit {
		return nil, 0
	}
	if p.fresh/unackedChunk == uint32(len(p.chunks)) {
		left := (p.limit - p.fresh + unackedChunk - 1) / unackedChunk
		block := make([]unacked, min(unackedBlock, left)*unackedChunk)
		HugePages(block)
		for ; len(block) > 0; block = block[unackedChunk:] {
			p.chunks = append(p.chunks, (*[unackedChunk]unacked)(block))
		}
	}
	p.fresh++
	p.used++
	return p.at(p.fresh), p.fresh
}

// add remembers a segment, unless there is no room. The list is in order of end; segments
// with the same end stay in order of time.
func (p *unackedPool) add(h *half, end, length uint32, time int64, frame uint64) (kept bool) {
	if h.unCount >= maxUnacked {
		p.dropped++
		return false
	}
	seq := end - length
	var last *unacked
	if h.unTail != 0 {
		last = p.at(h.unTail)
		if after(seq, last.end) < 0 {
			h.bits |= halfMixed
		}
		if after(end, last.end) < 0 {
			last = nil
			steps := 0
			for i := h.unHead; i != 0; {
				u := p.at(i)
				if after(end, u.end) < 0 {
					break
				}
				last, i = u, u.next
				if steps++; steps > maxUnackedWalk {
					p.dropped++
					return false
				}
			}
		}
	}
	u, i := p.get()
	if u == nil {
		p.dropped++
		return false
	}
	*u = unacked{time: time, frame: frame, seq: seq, end: end}
	if last == nil {
		u.next = h.unHead
		h.unHead = i
	} else {
		u.next = last.next
		last.next = i
	}
	if u.next == 0 {
		h.unTail = i
	}
	h.unCount++
	if h.bits&halfLow != 0 {
		if end-h.base > p.at(h.unTail).end-h.base {
			h.bits &^= halfLow
		} else if seq-h.base < h.unLow-h.base {
			h.unLow = seq
		}
	}
	return true
}

// ack takes away all segments that end at or before ack, and returns the frame and time
// of the oldest one that ends exactly there (frame 0: none). Of a segment that is
// acknowledged in part the rest stays.
func (p *unackedPool) ack(h *half, ack uint32) (frame uint64, time int64) {
	if h.unHead == 0 {
		return 0, 0
	}
	return p.settle(h, ack)
}

// settle is ack for a list that is not empty.
func (p *unackedPool) settle(h *half, ack uint32) (frame uint64, time int64) {
	i := h.unHead
	u := p.at(i)
	for after(u.end, ack) <= 0 {
		if u.end == ack && frame == 0 {
			frame, time = u.frame, u.time
		}
		next := u.next
		h.unCount--
		p.put(i, u)
		if next == 0 {
			h.unHead, h.unTail = 0, 0
			h.bits &^= halfMixed | halfLow
			return frame, time
		}
		i, u = next, p.at(next)
	}
	h.unHead = i
	if after(ack, u.seq) > 0 {
		u.seq = ack
	}
	if h.bits&halfMixed == 0 {
		h.bits &^= halfLow
		return frame, time // without overlaps nothing behind the first segment can be acknowledged in part
	}
	low := u.seq - h.base
	walk := maxUnackedWalk
	for ; u.next != 0 && walk > 1; walk-- {
		u = p.at(u.next)
		if after(ack, u.seq) > 0 {
			u.seq = ack
		}
		low = min(low, u.seq-h.base)
	}
	h.unLow = h.base + low
	if u.next != 0 {
		h.bits &^= halfLow
	}
	return frame, time
}

// reach returns the lowest and the highest sequence number of the segments on their way,
// counted from base. As in tshark the distances from base have no sign: what lies before
// it is very far.
func (p *unackedPool) reach(h *half) (low, high uint32) {
	high = p.at(h.unTail).end - h.base
	if h.bits&halfLow != 0 {
		return h.unLow - h.base, high
	}
	low = p.at(h.unHead).seq - h.base
	if h.bits&halfMixed == 0 && low <= high {
		return low, high
	}
	last := high
	walk := maxUnackedWalk
	for i := h.unHead; i != 0 && walk > 0; walk-- {
		u := p.at(i)
		low, high = min(low, u.seq-h.base), max(high, u.end-h.base)
		i = u.next
	}
	if high == last {
		h.unLow = h.base + low
		h.bits |= halfLow
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
	h.bits &^= halfMixed | halfLow
}

func (p *unackedPool) bytes() uint64 {
	return uint64(len(p.chunks)) * unackedChunk * segmentSize
}
