package stats

// SketchSize is how many addresses a side counts after it has met more than [MaxExact].
const SketchSize = 16384

// sketch counts the most frequent of any number of addresses in fixed memory: the
// space-saving algorithm (Metwally, Agrawal, El Abbadi, 2005). A new address takes over
// the counter with the fewest packets and inherits them as excess. Hence, with N packets
// counted and m counters:
//
//   - an address with more than N/m packets is always there;
//   - packets - excess ≤ the true number ≤ packets;
//   - an address that was never displaced is exact (excess 0).
//
// bytes counts from the take-over on: it is never too large.
type sketch struct {
	counters []counter
	slots    []uint32 // counter number + 1; 0: free
	least    uint64   // packets of the counters in victims, when they were listed
	victims  []uint32
}

type counter struct {
	hi, lo, v6     uint64
	packets, bytes uint64
	excess         uint64
}

func (c *counter) ranked() ranked {
	return ranked{hi: c.hi, lo: c.lo, v6: c.v6, packets: c.packets, bytes: c.bytes, excess: c.excess}
}

// newSketch makes a sketch of size counters and starts it with the best that were counted
// exactly, best first. Those that it leaves out had at most as many packets as the last
// one, so the guarantees hold from the start.
func newSketch(size int, best []ranked) *sketch {
	slots := 4
	for slots < size*2 {
		slots *= 2
	}
	s := &sketch{
		counters: make([]counter, 0, size),
		slots:    make([]uint32, slots),
		victims:  make([]uint32, 0, size),
	}
	for i := range best[:min(len(best), size)] {
		r := &best[i]
		s.append(counter{r.hi, r.lo, r.v6, r.packets, r.bytes, r.excess})
	}
	return s
}

func (s *sketch) append(c counter) {
	s.counters = append(s.counters, c)
	s.link(uint32(len(s.counters)), hash(c.hi, c.lo, c.v6))
}

// link stores a counter's number + 1 in the first free slot of the hash.
func (s *sketch) link(number uint32, h uint64) {
	mask := uint64(len(s.slots) - 1)
	i := h & mask
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = number
}

func (s *sketch) find(hi, lo, v6, h uint64) *counter {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; s.slots[i] != 0; i = (i + 1) & mask {
		c := &s.counters[s.slots[i]-1]
		if c.lo == lo && c.hi == hi && c.v6 == v6 {
			return c
		}
	}
	return nil
}

func (s *sketch) add(keys []key) {
	for i := range keys {
		k := &keys[i]
		if c := s.find(k.hi, k.lo, k.v6, k.hash); c != nil {
			c.packets += k.packets
			c.bytes += k.bytes
			continue
		}
		if len(s.counters) < cap(s.counters) {
			s.append(counter{k.hi, k.lo, k.v6, k.packets, k.bytes, 0})
			continue
		}
		number := s.victim()
		c := &s.counters[number]
		s.unlink(number+1, hash(c.hi, c.lo, c.v6))
		*c = counter{k.hi, k.lo, k.v6, c.packets + k.packets, k.bytes, c.packets}
		s.link(number+1, k.hash)
	}
}

// victim returns the number of a counter with the fewest packets. The counters at the
// minimum are listed together, so that a flood of new addresses looks through all
// counters once for many of them.
func (s *sketch) victim() uint32 {
	for {
		for n := len(s.victims); n > 0; n = len(s.victims) {
			number := s.victims[n-1]
			s.victims = s.victims[:n-1]
			if s.counters[number].packets == s.least {
				return number
			}
		}
		s.least = s.minimum()
		for i := range s.counters {
			if s.counters[i].packets == s.least {
				s.victims = append(s.victims, uint32(i))
			}
		}
	}
}

func (s *sketch) minimum() uint64 {
	least := s.counters[0].packets
	for i := range s.counters {
		least = min(least, s.counters[i].packets)
	}
	return least
}

// unlink frees the slot that holds number and moves up those behind it that may have
// been pushed there by it.
func (s *sketch) unlink(number uint32, h uint64) {
	mask := uint64(len(s.slots) - 1)
	i := h & mask
	for s.slots[i] != number {
		i = (i + 1) & mask
	}
	for j := i; ; {
		s.slots[i] = 0
		for {
			j = (j + 1) & mask
			if s.slots[j] == 0 {
				return
			}
			c := &s.counters[s.slots[j]-1]
			home := hash(c.hi, c.lo, c.v6) & mask
			if (j-home)&mask >= (j-i)&mask {
				break
			}
		}
		s.slots[i] = s.slots[j]
		i = j
	}
}

func (s *sketch) best(n int) []ranked {
	sel := newSelection(min(n, len(s.counters)))
	for i := range s.counters {
		sel.offer(s.counters[i].ranked())
	}
	return sel.sorted()
}
