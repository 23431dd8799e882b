package stats

// side counts the addresses of one side of the packets: all sources, or all destinations.
type side struct {
	exact  *exact  // nil once the sketch has taken over
	sketch *sketch // nil before
	size   int     // of the sketch
	known  uint64  // distinct addresses when the sketch took over, and the one that did not fit
	whole  *spill  // of a Part: where full tables are emptied into; else nil
}

// exact counts addresses exactly, as long as there is room.
type exact struct {
	v4    table4 // IPv4 addresses
	other table  // the rest
	room  uint32 // distinct addresses that may still come
	limit uint32 // of a Part: room when the tables are empty
}

func (x *exact) distinct() uint64 { return uint64(x.v4.n) + uint64(x.other.n) }

// best returns the n best entries, best first.
func (x *exact) best(n int) []ranked {
	sel := newSelection(int(min(uint64(max(n, 0)), x.distinct())))
	x.v4.offer(sel)
	x.other.offer(sel)
	return sel.sorted()
}

func (s *side) init(limit, size int) {
	s.exact = &exact{room: uint32(min(limit, MaxExact))}
	s.exact.v4.init(&s.exact.room)
	s.exact.other.init(&s.exact.room)
	s.size = size
}

func (s *side) add(keys []key) {
	for s.exact != nil {
		keys = keys[s.exact.other.add(keys):]
		if len(keys) == 0 {
			return
		}
		s.full()
	}
	s.sketch.add(keys)
}

// add4 counts a packet for each IPv4 address.
func (s *side) add4(keys []key4) {
	for s.exact != nil {
		keys = keys[s.exact.v4.add(keys):]
		if len(keys) == 0 {
			return
		}
		s.full()
	}
	for i := range keys {
		s.sketch.add([]key{mappedKey(keys[i].addr, 1, uint64(keys[i].size))})
	}
}

// addMany counts several packets of one IPv4 address.
func (s *side) addMany(addr uint32, packets, bytes uint64) {
	if s.exact != nil {
		if s.exact.v4.addMany(addr, packets, bytes) {
			return
		}
		s.approximate()
	}
	s.sketch.add([]key{mappedKey(addr, packets, bytes)})
}

// mappedKey is an IPv4 address as a key of any kind.
func mappedKey(addr uint32, packets, bytes uint64) key {
	lo := mapped | uint64(addr)
	return key{lo: lo, hash: hash(0, lo, 0), packets: packets, bytes: bytes}
}

// full makes room when an address has found none.
func (s *side) full() {
	if s.whole != nil {
		s.whole.take(s.exact)
		return
	}
	s.approximate()
}

// approximate lets a sketch take over from the exact tables, whose memory is given back.
func (s *side) approximate() {
	s.sketch = newSketch(s.size, s.exact.best(s.size))
	s.known = s.exact.distinct() + 1
	s.exact = nil
}

func (s *side) best(n int) []ranked {
	if s.sketch != nil {
		return s.sketch.best(n)
	}
	return s.exact.best(n)
}

func (s *side) merge(o *side) {
	defer func() { s.known = max(s.known, o.known) }()
	if o.exact != nil {
		s.addAll(o.exact)
		return
	}
	if s.exact != nil {
		// The exact side becomes the smaller part of a sketch: nothing that it leaves out
		// can have been more frequent than what it keeps.
		s.approximate()
	}
	s.sketch = mergeSketches(s.sketch, o.sketch)
}

// addAll adds what was counted exactly elsewhere.
func (s *side) addAll(x *exact) {
	for number := range x.other.n {
		s.add([]key{x.other.at(number).key()})
	}
	for at := range x.v4.slots {
		if r := x.v4.ranked(uint32(at)); r.packets > 0 {
			s.addMany(uint32(r.lo), r.packets, r.bytes)
		}
	}
}

func (e *entry) key() key {
	v6 := e.meta & metaV6
	return key{hi: e.hi, lo: e.lo, v6: v6, hash: hash(e.hi, e.lo, v6), packets: e.meta >> metaShift, bytes: e.bytes}
}

// mergeSketches adds two sketches (Agarwal and others, Mergeable Summaries, 2012). An
// address that is missing in one may have had as many packets there as that one's
// smallest counter: those are added to its packets and to its excess.
func mergeSketches(a, b *sketch) *sketch {
	sum := make([]ranked, 0, len(a.counters)+len(b.counters))
	missingA, missingB := a.missing(), b.missing()
	for i := range a.counters {
		r := a.counters[i].ranked()
		if c := b.find(r.hi, r.lo, r.v6, hash(r.hi, r.lo, r.v6)); c != nil {
			r.packets += c.packets
			r.bytes += c.bytes
			r.excess += c.excess
		} else {
			r.packets += missingB
			r.excess += missingB
		}
		sum = append(sum, r)
	}
	for i := range b.counters {
		r := b.counters[i].ranked()
		if a.find(r.hi, r.lo, r.v6, hash(r.hi, r.lo, r.v6)) != nil {
			continue
		}
		r.packets += missingA
		r.excess += missingA
		sum = append(sum, r)
	}
	sel := newSelection(min(cap(a.counters), len(sum)))
	for i := range sum {
		sel.offer(sum[i])
	}
	return newSketch(cap(a.counters), sel.sorted())
}

// missing is the most packets that an address without counter can have had.
func (s *sketch) missing() uint64 {
	if len(s.counters) < cap(s.counters) {
		return 0
	}
	return s.minimum()
}
