package history

import "math/bits"

// selection says which rows of a unit a question is about.
type selection struct {
	all   bool
	count int
	bits  []uint64 // nil when all or none
}

func (s *selection) has(row int) bool {
	return s.all || s.bits != nil && s.bits[row>>6]>>(row&63)&1 != 0
}

// nth returns the row of the n-th selected one, from 0.
func (s *selection) nth(n int) int {
	if s.all {
		return n
	}
	for i, w := range s.bits {
		c := bits.OnesCount64(w)
		if n >= c {
			n -= c
			continue
		}
		for range n {
			w &= w - 1
		}
		return i<<6 + bits.TrailingZeros64(w)
	}
	return -1
}

// bytes is the memory that it takes.
func (s *selection) bytes() int { return 64 + 8*len(s.bits) }

// selected makes a selection of the rows for which keep is true.
func selected(rows int, keep func(row int) bool) *selection {
	s := &selection{bits: make([]uint64, (rows+63)/64)}
	for i := range rows {
		if keep(i) {
			s.bits[i>>6] |= 1 << (i & 63)
			s.count++
		}
	}
	return s.settle(rows)
}

// settle gives up the bits when they say nothing.
func (s *selection) settle(rows int) *selection {
	if s.count == rows {
		return &selection{all: true, count: rows}
	}
	if s.count == 0 {
		return &selection{}
	}
	return s
}

// recount counts the bits.
func (s *selection) recount() {
	s.count = 0
	for _, w := range s.bits {
		s.count += bits.OnesCount64(w)
	}
}
