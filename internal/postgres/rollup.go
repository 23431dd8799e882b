package postgres

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// protoNone is the rollup's protocol of packets without an IP header.
const protoNone = -1

// secondKey names a row of tarrafa_seconds within a capture. All of it is of the outermost
// IP header.
type secondKey struct {
	second    int64
	proto     int16 // protoNone: no IP header
	version   uint8 // 0: no IP header
	outcome   packet.Outcome
	direction packet.Direction
}

func (k secondKey) compare(o secondKey) int {
	return cmp.Or(cmp.Compare(k.second, o.second), cmp.Compare(k.version, o.version), cmp.Compare(k.proto, o.proto),
		cmp.Compare(k.outcome, o.outcome), cmp.Compare(k.direction, o.direction))
}

// secondSum is what a row of tarrafa_seconds sums up.
type secondSum struct {
	packets, bytes uint64
	first, last    int64  // times, ns
	untold         uint64 // packets of which the columns do not hold every IP header
}

// keyOf returns where a row is counted.
func keyOf(s *packet.Summary) secondKey {
	k := secondKey{second: floorDiv(s.Time, 1e9), version: s.Outer.Version, proto: protoNone, outcome: s.Outcome, direction: s.Direction}
	if isIP(s) {
		k.proto = int16(s.Outer.Proto)
	}
	return k
}

// told tells whether the columns hold every IP header of a packet: what sqlWhole says.
func told(s *packet.Summary) bool {
	if s.Flags&packet.MoreHeaders != 0 {
		return false
	}
	over := s.Inner.Proto == packet.ProtoTCP && s.Inner.Version != 0 && s.Inner.Flags&(packet.TupleHasPorts|packet.TupleFragment) == packet.TupleHasPorts
	return over || slices.Contains(settledOutcomes, s.Outcome)
}

// secondSums adds up rows as they come.
type secondSums struct {
	rows  []secondRow
	index map[secondKey]int // in rows
}

type secondRow struct {
	key secondKey
	sum secondSum
}

func (s *secondSums) reset() {
	clear(s.index)
	s.rows = s.rows[:0]
}

// recentSeconds is how many of the newest rows are looked through before the index is
// asked: packets of one second are of few kinds.
const recentSeconds = 12

// of returns the row of a key; it is valid until the next call.
func (s *secondSums) of(m *rowMeta) *secondSum {
	for i := len(s.rows) - 1; i >= max(len(s.rows)-recentSeconds, 0); i-- {
		if s.rows[i].key == m.key {
			return &s.rows[i].sum
		}
	}
	if s.index == nil {
		s.index = map[secondKey]int{}
	}
	i, ok := s.index[m.key]
	if !ok {
		i = len(s.rows)
		s.index[m.key] = i
		s.rows = append(s.rows, secondRow{m.key, secondSum{first: m.time, last: m.time}})
	}
	return &s.rows[i].sum
}

func (s *secondSums) add(m *rowMeta) {
	sum := s.of(m)
	sum.packets++
	sum.bytes += uint64(m.size)
	sum.first, sum.last = min(sum.first, m.time), max(sum.last, m.time)
	if m.untold {
		sum.untold++
	}
}

// secondsOf adds up the rows without the rejected ones (nil: none).
func (f *flight) secondsOf(rejected []bool) []secondRow {
	if rejected == nil {
		return f.seconds.rows
	}
	var s secondSums
	for i := range f.meta {
		if !rejected[i] {
			s.add(&f.meta[i])
		}
	}
	return s.rows
}

// appendSecondSums appends the statement that adds the sums to the table. All that it holds
// is numbers of our own.
func appendSecondSums(dst []byte, table string, capture int32, rows []secondRow) []byte {
	if len(rows) == 0 {
		return dst
	}
	rows = slices.SortedFunc(slices.Values(rows), func(a, b secondRow) int { return a.key.compare(b.key) })
	dst = append(dst, "INSERT INTO "+table+" AS r (capture, second, ip_version, protocol, outcome, direction, packets, bytes, first_ns, last_ns, untold) VALUES "...)
	for i := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		k, sum := &rows[i].key, &rows[i].sum
		for j, n := range [...]int64{
			int64(capture), k.second, int64(k.version), int64(k.proto), int64(k.outcome), int64(k.direction),
			int64(sum.packets), int64(sum.bytes), sum.first, sum.last, int64(sum.untold),
		} {
			dst = append(dst, "(,"[min(j, 1)])
			dst = strconv.AppendInt(dst, n, 10)
		}
		dst = append(dst, ')')
	}
	return append(dst, " ON CONFLICT (capture, second, ip_version, protocol, outcome, direction) DO UPDATE SET packets = r.packets + excluded.packets, "+
		"bytes = r.bytes + excluded.bytes, first_ns = LEAST(r.first_ns, excluded.first_ns), last_ns = GREATEST(r.last_ns, excluded.last_ns), "+
		"untold = r.untold + excluded.untold;"...)
}
