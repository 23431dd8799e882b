package stats

import (
	"math/bits"
	"math/rand/v2"
)

// MaxExact is how many distinct addresses each side counts exactly.
const MaxExact = 1 << 20

const (
	chunkBits  = 12
	chunkSize  = 1 << chunkBits
	chunkMask  = MaxExact/chunkSize - 1
	firstSlots = 1024
	// Tables with fewer slots stay in the processor's nearest caches, where looking
	// ahead costs more than it saves.
	lookAheadSlots = 1 << 17
)

// The seeds make the slot of an address unknowable to who sends packets, so that nobody
// can fill one run of slots on purpose.
var seed0, seed1 = rand.Uint64() | 1, rand.Uint64()

func hash(hi, lo, v6 uint64) uint64 {
	h, l := bits.Mul64(hi^seed0, lo^seed1)
	return (h^l)&^(1<<32) | v6<<32
}

// entry is one address in the exact table: 32 bytes, two in a cache line.
type entry struct {
	hi, lo uint64
	meta   uint64 // packets << 2 | candidate << 1 | v6
	bytes  uint64
}

const (
	metaV6        = 1
	metaCandidate = 2
	metaPacket    = 4 // one packet
	metaShift     = 2
)

// ranked implements ranking.
func (t *table) ranked(number uint32) ranked {
	e := t.at(number)
	return ranked{hi: e.hi, lo: e.lo, v6: e.meta & metaV6, packets: e.meta >> metaShift, bytes: e.bytes, number: number}
}

// mark implements ranking.
func (t *table) mark(number uint32, candidate bool) {
	e := t.at(number)
	e.meta &^= metaCandidate
	if candidate {
		e.meta |= metaCandidate
	}
}

// table counts addresses of any kind exactly: open addressing over 8-byte slots that point into a
// slab of entries. The slab grows by chunks and never moves.
type table struct {
	slots  []uint64 // tag (upper half of the hash) << 32 | entry number + 1; 0: free
	chunks [chunkMask + 1]*[chunkSize]entry
	n      uint32
	room   *uint32 // distinct addresses that may still come
	top    candidates
	ahead  uint64 // what looking ahead read, so that the reads are not optimised away
}

func (t *table) init(room *uint32) {
	t.room = room
	t.slots = make([]uint64, firstSlots)
}

func (t *table) at(i uint32) *entry {
	return &t.chunks[i>>chunkBits&chunkMask][i&(chunkSize-1)]
}

// add counts keys and returns how many it took: fewer than all when a new address found
// the table full.
func (t *table) add(keys []key) int {
	if len(t.slots) >= lookAheadSlots {
		t.lookAhead(keys)
	}
	for i := range keys {
		if !t.addOne(&keys[i]) {
			return i
		}
	}
	return len(keys)
}

// lookAhead reads the slots and entries that the keys will need. No read waits for
// another key's, so the processor fetches many at a time.
func (t *table) lookAhead(keys []key) {
	slots := t.slots
	mask := uint64(len(slots) - 1)
	sum := uint64(0)
	for i := range keys {
		sum += slots[keys[i].hash&mask]
	}
	for i := range keys {
		if s := uint32(slots[keys[i].hash&mask]); s != 0 {
			sum += t.at(s - 1).bytes
		}
	}
	t.ahead = sum
}

func (t *table) addOne(k *key) bool {
	slots := t.slots
	mask := uint64(len(slots) - 1)
	for i := k.hash & mask; ; i = (i + 1) & mask {
		s := slots[i]
		if s == 0 {
			return t.insert(i, k)
		}
		if s>>32 != k.hash>>32 {
			continue
		}
		number := uint32(s) - 1
		e := t.at(number)
		if e.lo != k.lo || e.hi != k.hi {
			continue
		}
		e.meta += k.packets * metaPacket
		e.bytes += k.bytes
		if e.meta&metaCandidate == 0 && e.meta>>metaShift >= t.top.floor.packets {
			t.top.nominate(t, number)
		}
		return true
	}
}

// insert makes an entry for an address that is not there; slot is the free slot where it
// belongs.
func (t *table) insert(slot uint64, k *key) bool {
	if *t.room == 0 {
		return false
	}
	*t.room--
	number := t.n
	if t.chunks[number>>chunkBits] == nil {
		t.chunks[number>>chunkBits] = new([chunkSize]entry)
	}
	t.n++
	e := t.at(number)
	*e = entry{hi: k.hi, lo: k.lo, meta: k.packets*metaPacket | k.v6, bytes: k.bytes}
	t.slots[slot] = k.hash&^0xffffffff | uint64(number+1)
	if e.meta>>metaShift >= t.top.floor.packets {
		t.top.nominate(t, number)
	}
	if int(t.n)*2 > len(t.slots) {
		t.grow()
	}
	return true
}

func (t *table) grow() {
	slots := make([]uint64, len(t.slots)*2)
	mask := uint64(len(slots) - 1)
	for number := range t.n {
		e := t.at(number)
		h := hash(e.hi, e.lo, e.meta&metaV6)
		i := h & mask
		for slots[i] != 0 {
			i = (i + 1) & mask
		}
		slots[i] = h&^0xffffffff | uint64(number+1)
	}
	t.slots = slots
}

// offer offers entries to a selection: the candidates, or all where those may not do.
func (t *table) offer(sel *selection) {
	if sel.n <= topKept {
		for _, number := range t.top.list[:t.top.n] {
			sel.offer(t.ranked(number))
		}
		return
	}
	for number := range t.n {
		sel.offer(t.ranked(number))
	}
}
