package postgres

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// copyHeader starts a binary COPY stream: signature, flags, no extension (PostgreSQL
// documentation, COPY, «Binary Format»).
var copyHeader = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// copyTrailer ends a binary COPY stream: a field count of -1.
var copyTrailer = []byte{0xff, 0xff}

// epoch2000 is PostgreSQL's day zero in microseconds since 1970.
const epoch2000 = 946684800000000

// encoder writes packets as rows of the COPY stream. It allocates nothing but the buffer
// that it appends to.
type encoder struct {
	targets []target
	text    bool // COPY's text format
	capture int32
	zone    zone
	nulled  uint64 // values that did not fit their column and became NULL
	values  values // of the packet in hand
}

// longestRow is more than any row takes, bytes.
const longestRow = 2 + int(fieldCount)*(4+longestAddress)

// appendRow appends a packet's row. ok is false, and dst as it was, when a column that
// must not be NULL has no value in this packet.
// note is what the flow table says about it; nil when nobody asked it.
func (e *encoder) appendRow(dst []byte, s *packet.Summary, note *flow.Note) (_ []byte, ok bool) {
	e.values.of(s, note, e.capture)
	if e.text {
		return e.appendTextRow(dst, s)
	}
	dst = slices.Grow(dst, longestRow)
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(e.targets)))
	for i := range e.targets {
		t := &e.targets[i]
		mark := len(dst)
		switch t.codec {
		case codecID:
			dst = binary.BigEndian.AppendUint32(dst, uint32(t.width))
			for range t.width {
				dst = append(dst, 0)
			}
		case codecInet, codecCIDR:
			a, version, ok := t.field.address(s)
			if ok {
				dst = appendInet(dst, a, version, t.codec == codecCIDR)
			}
		case codecInt2:
			if v, ok := e.values.get(t.field); ok && e.fits(codecInt2, v) {
				dst = append(dst, 0, 0, 0, 2, byte(v>>8), byte(v))
			}
		case codecInt4:
			if v, ok := e.values.get(t.field); ok && e.fits(codecInt4, v) {
				dst = append(dst, 0, 0, 0, 4, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
			}
		case codecInt8:
			if v, ok := e.values.get(t.field); ok {
				dst = appendInt8(dst, v)
			}
		case codecTimestamptz:
			dst = appendInt8(dst, floorDiv(s.Time, 1000)-epoch2000)
		case codecTimestamp:
			dst = appendInt8(dst, e.zone.local(s.Time)-epoch2000)
		case codecFloat8:
			if v, ok := e.float(t.field, s); ok {
				dst = appendInt8(dst, int64(math.Float64bits(v)))
			}
		case codecFloat4:
			if v, ok := e.float(t.field, s); ok {
				dst = binary.BigEndian.AppendUint32(dst, 4)
				dst = binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(v)))
			}
		default:
			dst = append(dst, 0, 0, 0, 0)
			if dst, ok = t.appendText(dst, s, e); ok {
				binary.BigEndian.PutUint32(dst[mark:], uint32(len(dst)-mark-4))
			} else {
				dst = dst[:mark]
			}
		}
		if len(dst) == mark {
			if t.notNull {
				return dst[:start], false
			}
			dst = append(dst, 0xff, 0xff, 0xff, 0xff) // NULL
		}
	}
	return dst, true
}

func (e *encoder) fits(c codec, v int64) bool {
	if c.fits(v) {
		return true
	}
	e.nulled++
	return false
}

// float returns the value of a number's field for a floating-point column.
func (e *encoder) float(f field, s *packet.Summary) (float64, bool) {
	if f == fieldTime {
		return seconds(s.Time), true
	}
	v, ok := e.values.get(f)
	return float64(v), ok
}

func appendInt8(dst []byte, v int64) []byte {
	return append(dst, 0, 0, 0, 8,
		byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// appendInet appends an address as inet_send writes it: family (2 for IPv4, 3 for IPv6),
// prefix length, whether it is a cidr, bytes, and the bytes.
func appendInet(dst []byte, a packet.Addr, version uint8, cidr bool) []byte {
	flag := byte(0)
	if cidr {
		flag = 1
	}
	if version == 4 {
		return append(dst, 0, 0, 0, 8, 2, 32, flag, 4, a[12], a[13], a[14], a[15])
	}
	dst = append(dst, 0, 0, 0, 20, 3, 128, flag, 16)
	return append(dst, a[:]...)
}

// appendTextRow is appendRow for COPY's text format. No value needs an escape.
func (e *encoder) appendTextRow(dst []byte, s *packet.Summary) (_ []byte, ok bool) {
	start := len(dst)
	for i := range e.targets {
		t := &e.targets[i]
		if i > 0 {
			dst = append(dst, '\t')
		}
		if dst, ok = t.appendText(dst, s, e); ok {
			continue
		}
		if t.notNull {
			return dst[:start], false
		}
		dst = append(dst, '\\', 'N')
	}
	return append(dst, '\n'), true
}

// setID writes id into a row that starts at row[0]. The id is the first column.
func (t *target) setID(row []byte, id int64) {
	value := row[6 : 6+t.width]
	switch t.width {
	case 2:
		binary.BigEndian.PutUint16(value, uint16(id))
	case 4:
		binary.BigEndian.PutUint32(value, uint32(id))
	default:
		binary.BigEndian.PutUint64(value, uint64(id))
	}
}
