package postgres

import (
	"math"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// field is one item of a packet that a column can hold.
type field uint8

const (
	fieldID field = iota
	fieldSource
	fieldDestination
	fieldProtocol
	fieldSize
	fieldTime
	fieldCapture
	fieldNumber
	fieldNanoseconds
	fieldCapturedSize
	fieldInterface
	fieldDirection
	fieldOutcome
	fieldVLAN
	fieldEtherType
	fieldSourcePort
	fieldDestinationPort
	fieldPayloadSize
	fieldTCPFlags
	fieldTCPSeq
	fieldTCPAck
	fieldTCPWindow
	fieldInnerSource
	fieldInnerDestination
	fieldInnerProtocol
	fieldInnerSourcePort
	fieldInnerDestinationPort
	fieldInnerPayloadSize
	fieldHeaderFlags
	fieldFlow
	fieldStream
	fieldCount
)

// column says how a field's column is called and what it is in a table that we make.
type column struct {
	name    string
	sqlType string
}

// columns are the table's columns in their order. The first six are the old recorder's;
// the others are ours and are added after them.
var columns = [fieldCount]column{
	fieldID:          {"id", "bigserial"},
	fieldSource:      {"src_ip", "inet"},
	fieldDestination: {"dst_ip", "inet"},
	fieldProtocol:    {"protocol", "text"},
	fieldSize:        {"packet_size", "integer"},
	fieldTime:        {"capture_time", "timestamptz"},

	fieldCapture:              {"capture", "integer"},       // tarrafa_cursors.id
	fieldNumber:               {"number", "bigint"},         // of the packet in its capture, from 1
	fieldNanoseconds:          {"time_ns", "bigint"},        // since 1970-01-01 UTC
	fieldCapturedSize:         {"captured_size", "integer"}, // bytes
	fieldInterface:            {"interface", "smallint"},    // tarrafa_interfaces.interface
	fieldDirection:            {"direction", "smallint"},    // 1 received, 2 sent, NULL unknown
	fieldOutcome:              {"outcome", "smallint"},      // packet.Outcome
	fieldVLAN:                 {"vlan", "smallint"},         // NULL: none
	fieldEtherType:            {"eth_type", "integer"},      // of packets without IP header only
	fieldSourcePort:           {"src_port", "integer"},      // outermost; NULL: unknown
	fieldDestinationPort:      {"dst_port", "integer"},      // outermost; NULL: unknown
	fieldPayloadSize:          {"payload_size", "bigint"},   // of the outermost transport, by the IP header
	fieldTCPFlags:             {"tcp_flags", "smallint"},    // innermost TCP header, 12 bits
	fieldTCPSeq:               {"tcp_seq", "bigint"},
	fieldTCPAck:               {"tcp_ack", "bigint"},
	fieldTCPWindow:            {"tcp_window", "integer"}, // as in the header, not scaled
	fieldInnerSource:          {"inner_src_ip", "inet"},  // innermost IP header of a tunnel; else NULL
	fieldInnerDestination:     {"inner_dst_ip", "inet"},
	fieldInnerProtocol:        {"inner_protocol", "smallint"},
	fieldInnerSourcePort:      {"inner_src_port", "integer"},
	fieldInnerDestinationPort: {"inner_dst_port", "integer"},
	fieldInnerPayloadSize:     {"inner_payload_size", "bigint"},
	fieldHeaderFlags:          {"header_flags", "smallint"}, // see headerFlags
	fieldFlow:                 {"flow", "bigint"},           // flows.flow; 0: none; NULL: not looked for
	fieldStream:               {"stream", "bigint"},         // tcp.stream or udp.stream of the innermost header; else NULL
}

// oldColumns is how many of the columns the old recorder made.
const oldColumns = fieldCapture

// codec is how a value is written into the COPY stream.
type codec uint8

const (
	codecNone codec = iota // no such column, or the server fills it in
	codecID                // place for an id of 2, 4 or 8 bytes: width
	codecInet
	codecCIDR
	codecText
	codecInt2
	codecInt4
	codecInt8
	codecFloat4
	codecFloat8
	codecTimestamp   // without zone
	codecTimestamptz // with zone
	// What follows has no binary form here: a table with such a column is written with
	// COPY's text format, where the server's own input function reads the value.
	codecWord   // as text, in whatever type
	codecNumber // as a number, in whatever type
)

// target is one column of the COPY statement.
type target struct {
	name    string
	field   field
	codec   codec
	notNull bool
	limit   int    // most characters; 0: no limit
	labels  string // of an enum, between commas: ",TCP,UDP,"; empty: anything goes
	width   int    // of an id, bytes
}

// isIP tells whether a packet has the addresses that a row of the old recorder holds.
func isIP(s *packet.Summary) bool { return s.Outer.Version != 0 }

// tunnelled tells whether the innermost header differs from the outermost.
func tunnelled(s *packet.Summary) bool { return s.Depth > 1 && s.Inner != s.Outer }

// address returns an address field's value; ok is false for NULL.
func (f field) address(s *packet.Summary) (a packet.Addr, version uint8, ok bool) {
	switch f {
	case fieldSource:
		return s.Outer.Src, s.Outer.Version, s.Outer.Version != 0
	case fieldDestination:
		return s.Outer.Dst, s.Outer.Version, s.Outer.Version != 0
	case fieldInnerSource:
		return s.Inner.Src, s.Inner.Version, tunnelled(s)
	case fieldInnerDestination:
		return s.Inner.Dst, s.Inner.Version, tunnelled(s)
	default:
		return a, 0, false
	}
}

// isAddress tells whether the field holds an address.
func (f field) isAddress() bool {
	return f == fieldSource || f == fieldDestination || f == fieldInnerSource || f == fieldInnerDestination
}

// fits tells whether v can stand in a column of this codec.
func (c codec) fits(v int64) bool {
	switch c {
	case codecInt2:
		return v == int64(int16(v))
	case codecInt4:
		return v == int64(int32(v))
	default:
		return true
	}
}

// appendText appends the field's value as text; ok is false for NULL. Text is plain ASCII
// without tab, newline and backslash, whatever the packet holds.
func (t *target) appendText(dst []byte, s *packet.Summary, e *encoder) (_ []byte, ok bool) {
	start := len(dst)
	switch {
	case t.field.isAddress():
		a, version, ok := t.field.address(s)
		if !ok {
			return dst, false
		}
		dst = a.AppendTo(dst, version)
	case t.field == fieldProtocol && !t.codec.numeric():
		if !isIP(s) {
			return dst, false
		}
		dst = appendProtocol(dst, s.Outer.Proto)
	case t.field == fieldTime && !t.codec.integer():
		switch {
		case t.codec.numeric():
			dst = appendSeconds(dst, s.Time)
		case t.codec == codecTimestamptz:
			dst = append(utc.appendTime(dst, s.Time), "+00"...)
		default:
			dst = e.zone.appendTime(dst, s.Time)
		}
	case t.field == fieldDirection && !t.codec.numeric():
		if s.Direction == packet.DirectionUnknown {
			return dst, false
		}
		dst = append(dst, s.Direction.String()...)
	default:
		v, ok := e.values.get(t.field)
		if !ok {
			return dst, false
		}
		if !e.fits(t.codec, v) {
			return dst, false
		}
		dst = strconv.AppendInt(dst, v, 10)
	}
	if t.limit > 0 && len(dst)-start > t.limit || t.labels != "" && !t.allows(dst[start:]) {
		e.nulled++
		return dst[:start], false
	}
	return dst, true
}

// integer tells whether the column holds whole numbers.
func (c codec) integer() bool { return c == codecInt2 || c == codecInt4 || c == codecInt8 }

// numeric tells whether the column holds numbers.
func (c codec) numeric() bool {
	return c.integer() || c == codecFloat4 || c == codecFloat8 || c == codecNumber
}

// appendProtocol appends what [packet.ProtoName] returns.
func appendProtocol(dst []byte, proto uint8) []byte {
	switch proto {
	case packet.ProtoTCP:
		return append(dst, "TCP"...)
	case packet.ProtoUDP:
		return append(dst, "UDP"...)
	default:
		return strconv.AppendUint(dst, uint64(proto), 10)
	}
}

// appendSeconds appends a time as seconds since 1970 with six decimals.
func appendSeconds(dst []byte, t int64) []byte {
	micros := floorDiv(t, 1000)
	if micros < 0 {
		dst = append(dst, '-')
		micros = -micros
	}
	dst = strconv.AppendInt(dst, micros/1e6, 10)
	dst = append(dst, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+micros/unit%10))
	}
	return dst
}

// allows tells whether an enum has the label.
func (t *target) allows(label []byte) bool {
	for i := 0; i+len(label)+2 <= len(t.labels); i++ {
		if t.labels[i] == ',' && t.labels[i+1:i+1+len(label)] == string(label) && t.labels[i+1+len(label)] == ',' {
			return true
		}
	}
	return false
}

// floorDiv divides and rounds towards minus infinity.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// seconds returns a time as PostgreSQL's double precision columns of old programs hold it.
func seconds(t int64) float64 {
	return math.Round(float64(floorDiv(t, 1000))) / 1e6
}
