package stats

import "slices"

const (
	// topKept is how many of the best addresses are known without looking through all.
	topKept       = 256
	maxCandidates = 2048
)

// ranked is an address with what orders it among others.
type ranked struct {
	hi, lo, v6     uint64
	packets, bytes uint64
	excess         uint64 // of packets: how many of them may not be this address's (sketch only)
	number         uint32 // of the table's entry
}

// compare orders the best first: more packets, then more bytes, then the lower address
// (IPv4 before IPv6), so that no two are equal and every run prints the same.
func (a *ranked) compare(b *ranked) int {
	switch {
	case a.packets != b.packets:
		return descending(a.packets, b.packets)
	case a.bytes != b.bytes:
		return descending(a.bytes, b.bytes)
	case a.v6 != b.v6:
		return descending(b.v6, a.v6)
	case a.hi != b.hi:
		return descending(b.hi, a.hi)
	default:
		return descending(b.lo, a.lo)
	}
}

func descending(a, b uint64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	default:
		return 0
	}
}

// candidates are the entries that may be among the best. An entry that is not in the
// list was worse than floor when it last changed, and at least topKept entries have been
// as good as floor since it was set; counts only grow, so the topKept best are always in
// the list. A snapshot looks at the list instead of a million entries.
type candidates struct {
	floor   ranked
	n       int
	list    [maxCandidates]uint32
	scratch []ranked
}

// ranking is a table with candidates.
type ranking interface {
	ranked(number uint32) ranked
	mark(number uint32, candidate bool)
}

// nominate puts an entry on the list if it is as good as the floor.
func (c *candidates) nominate(t ranking, number uint32) {
	r := t.ranked(number)
	if c.floor.packets > 0 && r.compare(&c.floor) > 0 {
		return
	}
	if c.n == maxCandidates {
		c.prune(t)
		if r.compare(&c.floor) > 0 {
			return
		}
	}
	t.mark(number, true)
	c.list[c.n] = number
	c.n++
}

// prune keeps the topKept best of the list and makes the worst of them the floor.
func (c *candidates) prune(t ranking) {
	if c.scratch == nil {
		c.scratch = make([]ranked, 0, topKept)
	}
	sel := selection{heap: c.scratch[:0], n: topKept}
	for _, number := range c.list[:c.n] {
		t.mark(number, false)
		sel.offer(t.ranked(number))
	}
	c.floor = sel.heap[0]
	c.n = len(sel.heap)
	for i := range sel.heap {
		number := sel.heap[i].number
		c.list[i] = number
		t.mark(number, true)
	}
}

// selection finds the n best of many: a heap with the worst that was kept on top.
type selection struct {
	heap []ranked
	n    int
}

func newSelection(n int) *selection {
	n = max(n, 0)
	return &selection{heap: make([]ranked, 0, n), n: n}
}

func (s *selection) offer(r ranked) {
	switch {
	case len(s.heap) < s.n:
		s.heap = append(s.heap, r)
		if len(s.heap) == s.n {
			for i := s.n/2 - 1; i >= 0; i-- {
				s.down(i)
			}
		}
	case s.n > 0 && r.compare(&s.heap[0]) < 0:
		s.heap[0] = r
		s.down(0)
	}
}

func (s *selection) down(i int) {
	h := s.heap
	for {
		worst := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(h) && h[child].compare(&h[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		h[i], h[worst] = h[worst], h[i]
		i = worst
	}
}

// sorted returns what was kept, best first. The selection is used up.
func (s *selection) sorted() []ranked {
	slices.SortFunc(s.heap, func(a, b ranked) int { return a.compare(&b) })
	return s.heap
}
