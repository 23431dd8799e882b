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

// seconds adds up the rows, without the rejected ones (nil: none).
func (f *flight) seconds(rejected []bool) map[secondKey]secondSum {
	sums := map[secondKey]secondSum{}
	var key secondKey
	var sum secondSum
	for i := range f.meta {
		if rejected != nil && rejected[i] {
			continue
		}
		m := &f.meta[i]
		if sum.packets == 0 || m.key != key {
			if sum.packets > 0 {
				sums[key] = sum
			}
			key = m.key
			var there bool
			if sum, there = sums[key]; !there {
				sum.first, sum.last = m.time, m.time
			}
		}
		sum.packets++
		sum.bytes += uint64(m.size)
		sum.first, sum.last = min(sum.first, m.time), max(sum.last, m.time)
		if m.untold {
			sum.untold++
		}
	}
	if sum.packets > 0 {
		sums[key] = sum
	}
	return sums
}

// appendSecondSums appends the statement that adds the sums to the table. All that it holds
// is numbers of our own.
func appendSecondSums(dst []byte, table string, capture int32, sums map[secondKey]secondSum) []byte {
	if len(sums) == 0 {
		return dst
	}
	keys := make([]secondKey, 0, len(sums))
	for k := range sums {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, secondKey.compare)
	dst = append(dst, "INSERT INTO "+table+" AS r (capture, second, ip_version, protocol, outcome, direction, packets, bytes, first_ns, last_ns, untold) VALUES "...)
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		sum := sums[k]
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
