package flow

// slots is an open-addressing index from hash to record number: 8 bytes an entry, linear
// probing, deletion by shifting back. The hash stands in the slot, so growing and
// shifting never touch the records.
type slots struct {
	cell []uint64 // hash<<32 | record+1; 0: free
	mask uint32
	used int
}

func newSlots(size int) slots {
	cell := make([]uint64, size)
	HugePages(cell)
	return slots{cell: cell, mask: uint32(size - 1)}
}

// full reports that one more entry wants a larger table (load 3/4).
func (s *slots) full() bool { return s.used+1 > len(s.cell)/4*3 }

func (s *slots) insert(hash, record uint32) {
	i := hash & s.mask
	for s.cell[i] != 0 {
		i = (i + 1) & s.mask
	}
	s.cell[i] = uint64(hash)<<32 | uint64(record+1)
	s.used++
}

// remove takes the entry of a record out. It is a no-op when there is none.
func (s *slots) remove(hash, record uint32) {
	want := uint64(hash)<<32 | uint64(record+1)
	i := hash & s.mask
	for s.cell[i] != want {
		if s.cell[i] == 0 {
			return
		}
		i = (i + 1) & s.mask
	}
	s.used--
	for j := i; ; {
		j = (j + 1) & s.mask
		c := s.cell[j]
		if c == 0 {
			break
		}
		home := uint32(c>>32) & s.mask
		if (j-home)&s.mask >= (j-i)&s.mask {
			s.cell[i] = c
			i = j
		}
	}
	s.cell[i] = 0
}

// grow doubles the table.
func (s *slots) grow() {
	n := newSlots(len(s.cell) * 2)
	for _, c := range s.cell {
		if c == 0 {
			continue
		}
		i := uint32(c>>32) & n.mask
		for n.cell[i] != 0 {
			i = (i + 1) & n.mask
		}
		n.cell[i] = c
	}
	n.used = s.used
	*s = n
}
