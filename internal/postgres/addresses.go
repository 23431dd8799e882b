package postgres

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Places of a packet where an address stands.
const (
	placeSource = iota
	placeDestination
	placeInnerSource // of the innermost header of a tunnel
	placeInnerDestination
	places
)

// addressKey is an address with its IP version.
type addressKey struct {
	addr    packet.Addr
	version uint8
}

// addressList numbers the addresses of a flight's rows, from 1, and sums the rows up.
type addressList struct {
	numbers map[addressKey]uint32
	keys    []addressKey
	sums    []addressSum // by number less 1
}

func (l *addressList) reset() {
	clear(l.numbers)
	l.keys, l.sums = l.keys[:0], l.sums[:0]
}

// placesOf returns the numbers of a packet's addresses; 0: none stands there.
func (l *addressList) placesOf(s *packet.Summary) (n [places]uint32) {
	if v := s.Outer.Version; v != 0 {
		n[placeSource], n[placeDestination] = l.number(s.Outer.Src, v), l.number(s.Outer.Dst, v)
	}
	if v := s.Inner.Version; v != 0 && tunnelled(s) {
		n[placeInnerSource], n[placeInnerDestination] = l.number(s.Inner.Src, v), l.number(s.Inner.Dst, v)
	}
	return n
}

func (l *addressList) number(a packet.Addr, version uint8) uint32 {
	if l.numbers == nil {
		l.numbers = map[addressKey]uint32{}
	}
	k := addressKey{a, version}
	n, ok := l.numbers[k]
	if !ok {
		l.keys, l.sums = append(l.keys, k), append(l.sums, addressSum{})
		n = uint32(len(l.keys))
		l.numbers[k] = n
	}
	return n
}

// What is counted for an address, each with the packets' bytes beside it. A packet counts
// once, wherever the address stands in it.
const (
	asSource      = iota // of the outermost header
	asDestination        // of the outermost header
	anySource            // of any header
	anyDestination
	anywhere
	countings
)

// addressColumns are the columns of tarrafa_addresses that hold the sums.
var addressColumns = [countings]string{"src", "dst", "any_src", "any_dst", "any"}

// addressSum is what a row of tarrafa_addresses sums up.
type addressSum struct {
	packets, bytes [countings]uint64
}

func (s *addressSum) count(as int, size uint32) {
	s.packets[as]++
	s.bytes[as] += uint64(size)
}

// count adds a row to the sums of its addresses.
func (l *addressList) count(m *rowMeta) {
	p, sums := &m.places, l.sums
	if p[placeSource] == 0 {
		return
	}
	src, dst := &sums[p[placeSource]-1], &sums[p[placeDestination]-1]
	src.count(asSource, m.size)
	dst.count(asDestination, m.size)
	src.count(anySource, m.size)
	dst.count(anyDestination, m.size)
	if n := p[placeInnerSource]; n != 0 && n != p[placeSource] {
		sums[n-1].count(anySource, m.size)
	}
	if n := p[placeInnerDestination]; n != 0 && n != p[placeDestination] {
		sums[n-1].count(anyDestination, m.size)
	}
	for j, n := range p {
		if n != 0 && !slices.Contains(p[:j], n) {
			sums[n-1].count(anywhere, m.size)
		}
	}
}

// sumsOf returns the sums of the rows without the rejected ones (nil: none), by the
// addresses' numbers less 1.
func (f *flight) sumsOf(rejected []bool) []addressSum {
	if rejected == nil {
		return f.addresses.sums
	}
	l := addressList{sums: make([]addressSum, len(f.addresses.keys))}
	for i := range f.meta {
		if !rejected[i] {
			l.count(&f.meta[i])
		}
	}
	return l.sums
}

// Limits of the sums by address. Beyond them a capture has none: the rows are counted.
const (
	mostPending          = 1 << 16 // addresses that wait to be written
	defaultMostAddresses = 1 << 18 // of a capture, as in the archive's index
	// pendingRows is how many rows may wait to be summed up by address while the database
	// is the bottleneck. When it is not, nothing waits.
	pendingRows = 500_000
)

// pendingSums are the sums by address of rows that are stored, in memory: writing them
// with every flight would cost as much as the rows where there are many addresses.
// tarrafa_cursors.addresses tells up to which packet they are in the table.
type pendingSums struct {
	on   bool // this capture has sums by address
	rows int
	sums map[addressKey]addressSum
}

// add takes over a flight's sums.
func (p *pendingSums) add(f *flight, sums []addressSum) {
	if p.sums == nil {
		p.sums = map[addressKey]addressSum{}
	}
	for i, k := range f.addresses.keys {
		s := &sums[i]
		if s.packets[anywhere] == 0 {
			continue
		}
		to, ok := p.sums[k]
		if !ok {
			to = *s
		} else {
			for j := range countings {
				to.packets[j] += s.packets[j]
				to.bytes[j] += s.bytes[j]
			}
		}
		p.sums[k] = to
	}
	p.rows += len(f.meta)
}

// written forgets what is in the table now.
func (p *pendingSums) written() {
	clear(p.sums)
	p.rows = 0
}

// sorted returns the addresses in the order of the table's index.
func (p *pendingSums) sorted() []addressKey {
	keys := make([]addressKey, 0, len(p.sums))
	for k := range p.sums {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b addressKey) int {
		return cmp.Or(cmp.Compare(a.version, b.version), bytes.Compare(a.addr[:], b.addr[:]))
	})
	return keys
}
