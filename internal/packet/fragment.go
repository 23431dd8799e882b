package packet

import (
	"slices"
	"unsafe"
)

// Limits of putting fragments together. Reaching one is counted.
const (
	maxDatagrams     = 4096               // incomplete datagrams held
	maxFragmentBytes = 16 << 20           // memory held for them, bytes
	maxPieces        = 2048               // fragments of one datagram; links of the smallest size (68 bytes) make 1366 of 64 KiB
	fragmentTimeout  = 60 * 1_000_000_000 // after a datagram's first fragment, nanoseconds of packet time (RFC 8200, section 4.5)
)

// FragmentCounters tell what became of fragments. Those that were captured whole are all
// somewhere: Fragments = Joined + Expired + Evicted + Refused + Waiting.
type FragmentCounters struct {
	Fragments   uint64 // taken in
	Reassembled uint64 // datagrams completed
	Joined      uint64 // fragments that became part of them
	Expired     uint64 // fragments whose datagram was not complete in time
	Evicted     uint64 // fragments whose datagram had to go for room
	Refused     uint64 // fragments that reach beyond the largest datagram, or are too many for one
	Cut         uint64 // fragments not captured whole, which are not taken in
	Waiting     uint64 // fragments held now
	Datagrams   uint64 // incomplete datagrams held now
	Bytes       uint64 // memory held for fragments
}

// fragment is one piece of a datagram. data belongs to the packet.
type fragment struct {
	key  fragmentKey
	off  int // of data in the datagram, bytes
	more bool
	data []byte
}

// fragmentKey tells which datagram a fragment belongs to (RFC 791, section 3.2; RFC 8200,
// section 4.5).
type fragmentKey struct {
	src, dst Addr
	id       uint32
	proto    uint8  // IPv4's protocol; protoFragment for IPv6
	vlan     uint16 // IPv4: of the last tag, 0 without one: what crosses a router is seen twice
}

// datagram is one that is not complete.
type datagram struct {
	key        fragmentKey
	started    int64   // packet time of the first fragment seen, nanoseconds
	total      int     // length, known from the last fragment; -1 before
	pieces     []piece // by offset, then by arrival
	bytes      []byte  // of all pieces, as they came
	prev, next int32   // in the list by age; next also chains the free ones
}

// piece is where a fragment's bytes are.
type piece struct {
	off, at, n int32
}

// reassembler puts fragments together. Where fragments overlap, the bytes of the one that
// starts first in the datagram stay, and of those that start at the same place the one
// that came first. It holds no more than the limits above and forgets the oldest.
type reassembler struct {
	index          map[fragmentKey]int32
	slots          []datagram
	free           int32 // first free slot, -1: none
	oldest, newest int32
	memory         int
	out            []byte // the last completed datagrams
	count          FragmentCounters
}

// counters returns the totals and the present state.
func (r *reassembler) counters() FragmentCounters {
	c := r.count
	c.Datagrams = uint64(len(r.index))
	c.Bytes = uint64(r.memory + cap(r.out))
	c.Waiting = c.Fragments - c.Joined - c.Expired - c.Evicted - c.Refused
	return c
}

// cut counts a fragment that was not captured whole.
func (r *reassembler) cut() { r.count.Cut++ }

// add takes in a fragment seen at time now. When that completes its datagram it returns
// before with the datagram appended; the result belongs to the reassembler and is valid
// until the next packet. before is what add returned for an outer header of this packet.
func (r *reassembler) add(f fragment, now int64, before []byte) []byte {
	if r.index == nil {
		r.index = make(map[fragmentKey]int32)
		r.free, r.oldest, r.newest = -1, -1, -1
	}
	r.count.Fragments++
	r.expire(now)
	i, known := r.index[f.key]
	if !known {
		i = r.start(f.key, now)
	}
	g := &r.slots[i]
	if f.off+len(f.data) > 0xffff || len(g.pieces) == maxPieces {
		r.count.Refused++
		if len(g.pieces) == 0 {
			r.release(i)
		}
		return nil
	}
	r.store(g, &f)
	if r.complete(g) {
		r.count.Reassembled++
		r.count.Joined += uint64(len(g.pieces))
		out := r.join(g, before)
		r.release(i)
		return out
	}
	for r.memory > maxFragmentBytes {
		r.shrink()
	}
	return nil
}

// store puts a fragment's bytes into its datagram.
func (r *reassembler) store(g *datagram, f *fragment) {
	held := g.memory()
	p := piece{off: int32(f.off), at: int32(len(g.bytes)), n: int32(len(f.data))}
	g.bytes = append(g.bytes, f.data...)
	at := len(g.pieces)
	for at > 0 && g.pieces[at-1].off > p.off {
		at--
	}
	g.pieces = slices.Insert(g.pieces, at, p)
	r.memory += g.memory() - held
	if !f.more && g.total < 0 {
		g.total = f.off + len(f.data)
	}
}

// complete tells whether all bytes of a datagram are there.
func (r *reassembler) complete(g *datagram) bool {
	if g.total < 0 {
		return false
	}
	have := int32(0)
	for _, p := range g.pieces {
		if p.off <= have && p.off+p.n > have {
			have = p.off + p.n
		}
	}
	return int(have) >= g.total
}

// join appends a complete datagram to before.
func (r *reassembler) join(g *datagram, before []byte) []byte {
	out := append(r.out[:0], before...)
	have := int32(0)
	for _, p := range g.pieces {
		skip := have - p.off
		if skip < 0 || skip >= p.n {
			continue
		}
		out = append(out, g.bytes[p.at+skip:p.at+p.n]...)
		have = p.off + p.n
	}
	r.out = out
	return out[:len(before)+g.total]
}

// start makes room for a datagram and puts it into the index.
func (r *reassembler) start(k fragmentKey, now int64) int32 {
	if len(r.index) >= maxDatagrams {
		r.count.Evicted += uint64(len(r.slots[r.oldest].pieces))
		r.release(r.oldest)
	}
	i := r.free
	if i < 0 {
		i = int32(len(r.slots))
		r.slots = append(r.slots, datagram{})
	} else {
		r.free = r.slots[i].next
	}
	g := &r.slots[i]
	g.key, g.started, g.total = k, now, -1
	g.pieces, g.bytes = g.pieces[:0], g.bytes[:0]
	g.prev, g.next = r.newest, -1
	if r.newest >= 0 {
		r.slots[r.newest].next = i
	} else {
		r.oldest = i
	}
	r.newest = i
	r.index[k] = i
	return i
}

// release takes a datagram out of the index and the list and keeps its memory for the
// next one.
func (r *reassembler) release(i int32) {
	g := &r.slots[i]
	delete(r.index, g.key)
	if g.prev >= 0 {
		r.slots[g.prev].next = g.next
	} else {
		r.oldest = g.next
	}
	if g.next >= 0 {
		r.slots[g.next].prev = g.prev
	} else {
		r.newest = g.prev
	}
	g.next = r.free
	r.free = i
}

// expire forgets datagrams that were started too long ago.
func (r *reassembler) expire(now int64) {
	for r.oldest >= 0 && now-r.slots[r.oldest].started > fragmentTimeout {
		r.count.Expired += uint64(len(r.slots[r.oldest].pieces))
		r.release(r.oldest)
	}
}

// shrink gives memory back: that of a free slot, or of the oldest datagram.
func (r *reassembler) shrink() {
	i := r.free
	for i >= 0 && r.slots[i].bytes == nil {
		i = r.slots[i].next
	}
	if i < 0 {
		i = r.oldest
		r.count.Evicted += uint64(len(r.slots[i].pieces))
		r.release(i)
	}
	g := &r.slots[i]
	r.memory -= g.memory()
	g.bytes, g.pieces = nil, nil
}

// memory returns what a datagram holds, bytes.
func (g *datagram) memory() int { return cap(g.bytes) + cap(g.pieces)*int(unsafe.Sizeof(piece{})) }
