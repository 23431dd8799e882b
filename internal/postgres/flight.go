package postgres

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// flight is what one transaction stores: rows as bytes of the COPY stream, and what goes
// with them.
type flight struct {
	rows    []byte // owned by the flight; without COPY's header and trailer
	meta    []rowMeta
	names   []interfaceName // interfaces seen for the first time
	skipped uint64          // packets without a row
	start   segment.Cursor  // before the first packet
	end     segment.Cursor  // behind the last one
	since   time.Time       // when the first batch came in
	numbers *session        // whose ids are written into the rows; nil: none
}

// rowMeta is what the sink has to know about a row that it has already encoded.
type rowMeta struct {
	off    uint32 // of the row in flight.rows
	size   uint32 // bytes on the wire
	second int64  // since 1970-01-01 UTC
	proto  int16  // IP protocol number; protoNone without IP header
}

// protoNone is the rollup's protocol of packets without an IP header.
const protoNone = -1

// interfaceName is a row of tarrafa_interfaces.
type interfaceName struct {
	index uint16
	name  string
	link  packet.LinkType
}

func (f *flight) reset() {
	*f = flight{rows: f.rows[:0], meta: f.meta[:0], names: f.names[:0]}
}

// add appends a packet; without a row when the table cannot hold it.
func (f *flight) add(e *encoder, s *packet.Summary, nonIP bool) {
	proto := int16(s.Outer.Proto)
	if !isIP(s) {
		if !nonIP {
			f.skipped++
			return
		}
		proto = protoNone
	}
	off := uint32(len(f.rows))
	var ok bool
	if f.rows, ok = e.appendRow(f.rows, s); !ok {
		f.skipped++
		return
	}
	f.meta = append(f.meta, rowMeta{off: off, size: s.WireLen, second: floorDiv(s.Time, 1e9), proto: proto})
}

// part returns the encoded rows lo to hi (without hi).
func (f *flight) part(lo, hi int) []byte {
	if lo >= hi {
		return nil
	}
	end := uint32(len(f.rows))
	if hi < len(f.meta) {
		end = f.meta[hi].off
	}
	return f.rows[f.meta[lo].off:end]
}

// stream returns the COPY stream of a part.
func (f *flight) stream(lo, hi int, text bool) io.Reader {
	if text {
		return bytes.NewReader(f.part(lo, hi))
	}
	return io.MultiReader(bytes.NewReader(copyHeader), bytes.NewReader(f.part(lo, hi)), bytes.NewReader(copyTrailer))
}

// rollupKey names a row of tarrafa_rollup within a capture.
type rollupKey struct {
	second int64
	proto  int16
}

type rollupSum struct{ packets, bytes uint64 }

// rollup adds up the rows, without the rejected ones (nil: none), by second and protocol.
func (f *flight) rollup(rejected []bool) map[rollupKey]rollupSum {
	sums := map[rollupKey]rollupSum{}
	var key rollupKey
	var sum rollupSum
	for i := range f.meta {
		if rejected != nil && rejected[i] {
			continue
		}
		m := &f.meta[i]
		if k := (rollupKey{m.second, m.proto}); k != key {
			if sum.packets > 0 {
				sums[key] = sum
			}
			key, sum = k, sums[k]
		}
		sum.packets++
		sum.bytes += uint64(m.size)
	}
	if sum.packets > 0 {
		sums[key] = sum
	}
	return sums
}

// appendRollup appends the statement that adds the sums to the table. All that it holds is
// numbers of our own.
func appendRollup(dst []byte, table string, capture int32, sums map[rollupKey]rollupSum) []byte {
	if len(sums) == 0 {
		return dst
	}
	keys := make([]rollupKey, 0, len(sums))
	for k := range sums {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b rollupKey) int {
		if a.second != b.second {
			return int(min(max(a.second-b.second, -1), 1))
		}
		return int(a.proto) - int(b.proto)
	})
	dst = append(dst, "INSERT INTO "+table+" AS r (capture, second, protocol, packets, bytes) VALUES "...)
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '(')
		dst = strconv.AppendInt(dst, int64(capture), 10)
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, k.second, 10)
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, int64(k.proto), 10)
		dst = append(dst, ',')
		dst = strconv.AppendUint(dst, sums[k].packets, 10)
		dst = append(dst, ',')
		dst = strconv.AppendUint(dst, sums[k].bytes, 10)
		dst = append(dst, ')')
	}
	return append(dst, " ON CONFLICT (capture, second, protocol) DO UPDATE SET packets = r.packets + excluded.packets, bytes = r.bytes + excluded.bytes;"...)
}
