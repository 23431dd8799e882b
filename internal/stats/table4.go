package stats

import "math/bits"

// firstSlots4 is what a table of IPv4 addresses starts with.
const firstSlots4 = 1024

// lookAheadSlots4 is like lookAheadSlots.
const lookAheadSlots4 = 1 << 14

// mapped is what stands above an IPv4 address in the lower half of its IPv6 form.
const mapped = 0xffff << 32

// Parts of slot4.word.
const (
	slotCandidate = 1
	slotPacket    = 2       // one packet
	carryBit      = 1 << 30 // packets that a slot hands over to carries
)

// slot4 counts one IPv4 address: 16 bytes, four in a cache line.
type slot4 struct {
	word  uint64 // address << 32 | packets << 1 | candidate; 0: free, since a used one has packets
	bytes uint64
}

func (s *slot4) addr() uint32 { return uint32(s.word >> 32) }

// packets are those in the slot, without what was carried.
func (s *slot4) packets() uint64 { return s.word & 0xffffffff / slotPacket }

// table4 counts IPv4 addresses exactly: open addressing, the counts in the slots
// themselves, so that an address costs one look into memory.
type table4 struct {
	slots   []slot4
	shift   uint8 // 64 - log2(len(slots))
	n       uint32
	room    *uint32 // distinct addresses that may still come
	top     candidates
	carries map[uint32]uint64 // packets beyond those in a slot, by address; at most one entry for every carryBit packets
	// nominateAt is the lower half of a word from which on a slot that is no candidate may
	// become one.
	nominateAt uint32
	ahead      uint64 // what looking ahead read, so that the reads are not optimised away
}

func (t *table4) init(room *uint32) {
	t.room = room
	t.resize(firstSlots4)
}

func (t *table4) resize(slots int) {
	t.slots = make([]slot4, slots)
	// To write new memory before it is read saves the kernel a page of zeros, and then to
	// take it away again on all processors.
	clear(t.slots)
	t.shift = uint8(64 - bits.TrailingZeros(uint(slots)))
}

// key4 is an IPv4 address that is to be counted.
type key4 struct {
	addr uint32
	size uint32 // bytes
}

// hash4 spreads addresses over 64 bits; the upper ones are the slot.
func hash4(addr uint32) uint64 {
	h, l := bits.Mul64(uint64(addr)^seed0, seed1)
	return h ^ l
}

// add counts one packet for each key and returns how many keys it took: fewer than all
// when a new address found no room.
func (t *table4) add(keys []key4) int {
	if len(t.slots) >= lookAheadSlots4 {
		t.lookAhead(keys)
	}
	for i := range keys {
		k := &keys[i]
		at := t.find(k.addr)
		s := &t.slots[at]
		if s.word == 0 {
			if !t.addMany(k.addr, 1, uint64(k.size)) {
				return i
			}
			continue
		}
		s.word += slotPacket
		s.bytes += uint64(k.size)
		if w := uint32(s.word); w&slotCandidate == 0 && w >= t.nominateAt || w >= carryBit*slotPacket {
			t.look(at)
		}
	}
	return len(keys)
}

// addMany counts several packets of one address; false when a new address found no room.
func (t *table4) addMany(addr uint32, packets, bytes uint64) bool {
	at := t.find(addr)
	if t.slots[at].word == 0 {
		if *t.room == 0 {
			return false
		}
		*t.room--
		t.n++
		if int(t.n)*3 > len(t.slots)*2 {
			t.grow()
			at = t.find(addr)
		}
	}
	s := &t.slots[at]
	packets += s.packets()
	if carried := packets &^ (carryBit - 1); carried > 0 {
		t.carry(addr, carried)
		packets -= carried
	}
	s.word = uint64(addr)<<32 | packets*slotPacket | s.word&slotCandidate
	s.bytes += bytes
	t.look(at)
	return true
}

// look is what seldom has to be done for a slot that has counted: to carry packets, and to
// see whether it may be among the best now.
func (t *table4) look(at uint32) {
	s := &t.slots[at]
	if s.word&(carryBit*slotPacket) != 0 {
		s.word -= carryBit * slotPacket
		t.carry(s.addr(), carryBit)
	}
	if s.word&slotCandidate == 0 && (s.packets() >= t.top.floor.packets || len(t.carries) > 0) {
		t.top.nominate(t, at)
		t.nominateAt = uint32(min(t.top.floor.packets, carryBit) * slotPacket)
		if len(t.carries) > 0 {
			t.nominateAt = 0
		}
	}
}

func (t *table4) carry(addr uint32, packets uint64) {
	if t.carries == nil {
		t.carries = map[uint32]uint64{}
	}
	t.carries[addr] += packets
	t.nominateAt = 0 // a slot alone does not tell any more
}

func (t *table4) lookAhead(keys []key4) {
	sum := uint64(0)
	for i := range keys {
		sum += t.slots[hash4(keys[i].addr)>>t.shift].bytes
	}
	t.ahead = sum
}

// find returns the slot of an address, or the free one where it belongs.
func (t *table4) find(addr uint32) uint32 {
	slots := t.slots
	mask := uint64(len(slots) - 1)
	for i := hash4(addr) >> t.shift; ; i++ {
		s := &slots[i&mask]
		if s.addr() == addr || s.word == 0 {
			return uint32(i & mask)
		}
	}
}

func (t *table4) grow() {
	old := t.slots
	t.resize(2 * len(old))
	t.top.n = 0
	for i := range old {
		if old[i].word == 0 {
			continue
		}
		at := t.find(old[i].addr())
		t.slots[at] = old[i]
		if old[i].word&slotCandidate != 0 {
			t.top.list[t.top.n] = at
			t.top.n++
		}
	}
}

// ranked implements ranking.
func (t *table4) ranked(at uint32) ranked {
	s := &t.slots[at]
	r := ranked{lo: mapped | uint64(s.addr()), packets: s.packets(), bytes: s.bytes, number: at}
	if len(t.carries) > 0 {
		r.packets += t.carries[s.addr()]
	}
	return r
}

// mark implements ranking.
func (t *table4) mark(at uint32, candidate bool) {
	t.slots[at].word &^= slotCandidate
	if candidate {
		t.slots[at].word |= slotCandidate
	}
}

// offer offers entries to a selection: the candidates, or all where those may not do.
func (t *table4) offer(sel *selection) {
	if sel.n <= topKept {
		for _, at := range t.top.list[:t.top.n] {
			sel.offer(t.ranked(at))
		}
		return
	}
	for at := range t.slots {
		if t.slots[at].word != 0 {
			sel.offer(t.ranked(uint32(at)))
		}
	}
}
