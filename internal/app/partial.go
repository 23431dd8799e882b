package app

// maxSpans bounds the pieces that may lie beyond the contiguous part of one message. A
// browser that cuts its ClientHello up on purpose makes about a dozen.
const maxSpans = 32

// maxFeeds bounds the segments that one unfinished message may take; after that a hole
// is taken to be a loss that nobody will fill.
const maxFeeds = 32

// noSlot ends the lists of the pool.
const noSlot = ^uint16(0)

// span is a filled stretch [from, to) beyond the contiguous part.
type span struct{ from, to int32 }

// partial is a message, or the beginning of a byte stream, of which pieces are missing.
type partial struct {
	buf []byte // owned; of the pool's size, made at the first use of the slot
	n   int    // buf[:n] is contiguous from the message's first byte

	base uint32 // TCP: sequence number of buf[0]; unused for QUIC
	fed  uint16 // segments taken
	gen  uint16 // must equal the handle's: else the slot has been given away
	kind kind
	prog progress

	// HTTP. buf holds the message's beginning until its head is whole, then the head.
	head   int          // length of the head; 0: it is not whole
	body   httpBody     // what is still to come
	pdu    pdu          // the numbers that the message claims; empty: there is none
	at     uint32       // all of it before this number has come; spans count from here
	entire bool         // it claims all of the next segment
	fin    bool         // the sender's FIN has come, and the message was not whole
	past   [maxPDUs]pdu // claimed by messages that stayed unfinished
	npast  int

	connID  [maxConnID]byte // QUIC: the identifier that the keys come from
	connLen uint8

	prev, next uint16 // list of slots in use, oldest first; or the free list
	used       bool
	nspans     int
	spans      [maxSpans]span
}

// pool holds the partial messages of all flows. When it is full the oldest message is
// given up for the newest: a message of which a piece was lost would otherwise stay for
// ever, and complete ones live for microseconds.
type pool struct {
	slots          []partial
	size           int
	oldest, newest uint16
	free           uint16
	used           int
}

func (p *pool) init(slots, size int) {
	p.slots = make([]partial, slots)
	p.size = size
	p.oldest, p.newest, p.free = noSlot, noSlot, noSlot
	for i := slots - 1; i >= 0; i-- {
		p.slots[i].next = p.free
		p.free = uint16(i)
	}
}

// get finds the partial message of a handle, nil when its slot has been given away.
func (p *pool) get(handle uint32) *partial {
	i := int(handle&0xffff) - 1
	if i < 0 || i >= len(p.slots) {
		return nil
	}
	q := &p.slots[i]
	if !q.used || q.gen != uint16(handle>>16) {
		return nil
	}
	return q
}

// take gives an empty partial message and its handle (never 0), and says whether an
// older one had to be given up for it.
func (p *pool) take(k kind, base uint32) (q *partial, handle uint32, evicted bool) {
	if p.free == noSlot {
		p.drop(p.oldest)
		evicted = true
	}
	i := p.free
	q = &p.slots[i]
	p.free = q.next
	if q.buf == nil {
		q.buf = make([]byte, p.size)
	}
	q.n, q.nspans, q.fed = 0, 0, 0
	q.base, q.kind, q.prog = base, k, progress{}
	q.head, q.body = 0, httpBody{}
	q.pdu, q.npast, q.fin = pdu{}, 0, false
	q.gen++
	q.used = true
	p.link(i)
	p.used++
	return q, uint32(q.gen)<<16 | (uint32(i) + 1), evicted
}

// release gives the slot of a handle back; a handle that is void does nothing.
func (p *pool) release(handle uint32) {
	if p.get(handle) != nil {
		p.drop(uint16(handle&0xffff) - 1)
	}
}

// touch makes a message in use the last one to be given up.
func (p *pool) touch(handle uint32) {
	i := uint16(handle&0xffff) - 1
	p.unlink(i)
	p.link(i)
}

// link puts a slot behind the newest one.
func (p *pool) link(i uint16) {
	q := &p.slots[i]
	q.prev, q.next = p.newest, noSlot
	if p.newest != noSlot {
		p.slots[p.newest].next = i
	} else {
		p.oldest = i
	}
	p.newest = i
}

// unlink takes a slot out of the list of those in use.
func (p *pool) unlink(i uint16) {
	q := &p.slots[i]
	if q.prev != noSlot {
		p.slots[q.prev].next = q.next
	} else {
		p.oldest = q.next
	}
	if q.next != noSlot {
		p.slots[q.next].prev = q.prev
	} else {
		p.newest = q.prev
	}
}

func (p *pool) drop(i uint16) {
	p.unlink(i)
	q := &p.slots[i]
	q.used = false
	q.next = p.free
	p.free = i
	p.used--
}

// insert puts b at offset off of the message. What lies outside of the buffer is left
// out; bytes that are there already stay (the first copy wins, as tshark keeps it). It
// says whether a piece had to be dropped because there are too many holes.
func (q *partial) insert(off int64, b []byte) (dropped bool) {
	if off < 0 {
		if -off >= int64(len(b)) {
			return false
		}
		b = b[-off:]
		off = 0
	}
	if off >= int64(len(q.buf)) {
		return false
	}
	if room := int64(len(q.buf)) - off; int64(len(b)) > room {
		b = b[:room]
	}
	from, to := int32(off), int32(off)+int32(len(b))
	if int(to) <= q.n {
		return false
	}
	if int(from) <= q.n {
		// The common case: the next bytes, perhaps with an overlap.
		q.fill(int32(q.n), to, from, b)
		q.n = max(q.n, int(to))
		q.join()
		return false
	}
	return q.park(from, to, b)
}

// fill copies the part [lo, hi) of b, which begins at from, leaving alone what spans
// cover already.
func (q *partial) fill(lo, hi, from int32, b []byte) {
	for lo < hi {
		stop, skip := hi, hi
		for _, s := range q.spans[:q.nspans] {
			if s.to > lo && s.from < stop {
				stop, skip = max(s.from, lo), s.to
			}
		}
		copy(q.buf[lo:stop], b[lo-from:stop-from])
		lo = skip
	}
}

// park keeps a piece that lies beyond the contiguous part.
func (q *partial) park(from, to int32, b []byte) (dropped bool) {
	if q.nspans == maxSpans {
		return true
	}
	q.fill(from, to, from, b)
	q.merge(from, to)
	return false
}

// merge adds a span, in one with every span that it touches: spans stay disjoint.
func (q *partial) merge(from, to int32) {
	keep := 0
	for _, s := range q.spans[:q.nspans] {
		if s.from <= to && from <= s.to {
			from, to = min(from, s.from), max(to, s.to)
			continue
		}
		q.spans[keep] = s
		keep++
	}
	q.spans[keep] = span{from, to}
	q.nspans = keep + 1
}

// join moves spans that have become contiguous into the contiguous part.
func (q *partial) join() {
	for moved := true; moved; {
		moved = false
		keep := 0
		for _, s := range q.spans[:q.nspans] {
			if int(s.from) <= q.n {
				q.n = max(q.n, int(s.to))
				moved = true
				continue
			}
			q.spans[keep] = s
			keep++
		}
		q.nspans = keep
	}
}

// discard forgets the first k of the contiguous bytes: they have been read.
func (q *partial) discard(k int) {
	if k == 0 {
		return
	}
	end := q.n
	for _, s := range q.spans[:q.nspans] {
		end = max(end, int(s.to))
	}
	copy(q.buf, q.buf[k:end])
	q.n -= k
	q.base += uint32(k)
	for i := range q.spans[:q.nspans] {
		q.spans[i].from -= int32(k)
		q.spans[i].to -= int32(k)
	}
}
