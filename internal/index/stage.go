package index

import "slices"

// Rows of a page and of a row group. All columns have their pages at the same rows, so
// that a few pages of a few columns answer for a stretch of packets.
const (
	PageRows  = 16 << 10
	GroupRows = 128 << 10
)

// staged is one column's values of the row group in hand: those that are there, in order.
type staged struct {
	small []int32 // INT32 values, or numbers of words
	large []int64
}

func (s *staged) len() int { return max(len(s.small), len(s.large)) }

// stage is a row group of a table while it fills.
type stage struct {
	rows   int
	specs  []spec
	values []staged
	levels [presences][]uint8 // for each row 1 when the group of columns is there
	counts [presences]int     // values so far
	ends   [presences][]int   // values at the end of each page
	mask   [blockRows]uint16  // of the block in hand: a bit for each presence
	all    uint16             // what all of them have
	any    uint16             // what any has
	chosen [blockRows]uint8
}

// newStage returns a stage with room for so many rows; it grows beyond.
func newStage(specs []spec, rows int) *stage {
	s := &stage{specs: specs, values: make([]staged, len(specs))}
	for i := range specs {
		switch {
		case specs[i].in >= hasFlow || specs[i].in == hasTunnel || specs[i].in == hasInnerPorts:
			// seldom there
		case specs[i].wide && specs[i].text == noText:
			s.values[i].large = make([]int64, 0, rows)
		default:
			s.values[i].small = make([]int32, 0, rows)
		}
	}
	for p := hasVLAN; p < presences && rows > 0; p++ {
		s.levels[p] = make([]uint8, 0, rows)
	}
	return s
}

func (s *stage) reset() {
	s.rows = 0
	for i := range s.values {
		v := &s.values[i]
		v.small, v.large = v.small[:0], v.large[:0]
	}
	for p := range s.levels {
		s.levels[p], s.counts[p], s.ends[p] = s.levels[p][:0], 0, s.ends[p][:0]
	}
}

// small appends an INT32 value, or a word's number, to a column.
func (s *stage) small(c Column, v int32) { s.values[c].small = append(s.values[c].small, v) }

// large appends an INT64 value to a column.
func (s *stage) large(c Column, v int64) { s.values[c].large = append(s.values[c].large, v) }

// present notes for the row in hand that a group of columns has values.
func (s *stage) present(p presence, there bool) bool {
	var b uint8
	if there {
		b = 1
		s.counts[p]++
	}
	s.levels[p] = append(s.levels[p], b)
	return there
}

// smalls makes room for n more INT32 values of a column.
func (s *stage) smalls(c Column, n int) []int32 {
	v := &s.values[c].small
	*v = slices.Grow(*v, n)[:len(*v)+n]
	return (*v)[len(*v)-n:]
}

// larges makes room for n more INT64 values of a column.
func (s *stage) larges(c Column, n int) []int64 {
	v := &s.values[c].large
	*v = slices.Grow(*v, n)[:len(*v)+n]
	return (*v)[len(*v)-n:]
}

// level makes room for n more levels of a group of columns.
func (s *stage) level(p presence, n int) []uint8 {
	v := &s.levels[p]
	*v = slices.Grow(*v, n)[:len(*v)+n]
	return (*v)[len(*v)-n:]
}

// everyRow and oneEach are the places, and the levels, of a block whose rows all have values.
var everyRow, oneEach = func() (places, ones [blockRows]uint8) {
	for i := range places {
		places[i], ones[i] = uint8(i), 1
	}
	return places, ones
}()

// masked sets what the rows of a block have in common.
func (s *stage) masked(rows int) {
	s.all, s.any = ^uint16(0), 0
	for _, m := range s.mask[:rows] {
		s.all &= m
		s.any |= m
	}
}

// choose notes for the rows of a block whether a group of columns has values, as the mask
// says, and returns the places of those that have. They are valid until the next call.
func (s *stage) choose(p presence, rows int) []uint8 {
	levels := s.level(p, rows)
	switch {
	case s.any>>p&1 == 0:
		clear(levels)
		return nil
	case s.all>>p&1 == 1:
		copy(levels, oneEach[:])
		s.counts[p] += rows
		return everyRow[:rows]
	}
	n := 0
	for i := range levels {
		bit := uint8(s.mask[i] >> p & 1)
		levels[i] = bit
		s.chosen[n&(blockRows-1)] = uint8(i)
		n += int(bit)
	}
	s.counts[p] += n
	return s.chosen[:n]
}

// endRow ends the row in hand.
func (s *stage) endRow() { s.endRows(1) }

// endRows ends rows that lie on one page.
func (s *stage) endRows(n int) {
	s.rows += n
	if s.rows%PageRows == 0 {
		s.endPage()
	}
}

func (s *stage) endPage() {
	s.counts[always] = s.rows
	for p := range s.ends {
		s.ends[p] = append(s.ends[p], s.counts[p])
	}
}

// finish ends the last page.
func (s *stage) finish() {
	if s.rows%PageRows != 0 {
		s.endPage()
	}
}
