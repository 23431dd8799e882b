package query

import (
	"math/bits"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// numberColumn is a number that Summaries hold.
type numberColumn uint8

const (
	columnNumber numberColumn = iota
	columnTime
	columnWireLen
	columnCapLen
	columnFlags
	columnSeq
	columnAck
	columnWindow
	columnPayload
	columnSrcPort // and those below: one or two in each tuple
	columnDstPort
	columnPort
	columnProto // of IPv4
)

// column says which number a field is.
type column struct {
	column numberColumn
	proto  uint8 // of ports
	mask   int64 // of flags; 0: all
}

var numberColumns = map[string]column{
	"frame.number": {column: columnNumber}, "frame.time": {column: columnTime}, "frame.time_epoch": {column: columnTime},
	"frame.len": {column: columnWireLen}, "frame.cap_len": {column: columnCapLen},
	"tcp.seq_raw": {column: columnSeq}, "tcp.ack_raw": {column: columnAck}, "tcp.window_size_value": {column: columnWindow},
	"tcp.len": {column: columnPayload}, "tcp.flags": {column: columnFlags},
	"tcp.flags.fin": {column: columnFlags, mask: 0x01}, "tcp.flags.syn": {column: columnFlags, mask: 0x02},
	"tcp.flags.reset": {column: columnFlags, mask: 0x04}, "tcp.flags.push": {column: columnFlags, mask: 0x08},
	"tcp.flags.ack": {column: columnFlags, mask: 0x10}, "tcp.flags.urg": {column: columnFlags, mask: 0x20},
	"tcp.flags.ece": {column: columnFlags, mask: 0x40}, "tcp.flags.cwr": {column: columnFlags, mask: 0x80},
	"tcp.flags.ae": {column: columnFlags, mask: 0x100},
	"tcp.srcport":  {columnSrcPort, packet.ProtoTCP, 0}, "tcp.dstport": {columnDstPort, packet.ProtoTCP, 0}, "tcp.port": {columnPort, packet.ProtoTCP, 0},
	"udp.srcport": {columnSrcPort, packet.ProtoUDP, 0}, "udp.dstport": {columnDstPort, packet.ProtoUDP, 0}, "udp.port": {columnPort, packet.ProtoUDP, 0},
	"sctp.srcport": {columnSrcPort, packet.ProtoSCTP, 0}, "sctp.dstport": {columnDstPort, packet.ProtoSCTP, 0}, "sctp.port": {columnPort, packet.ProtoSCTP, 0},
	"ip.proto": {column: columnProto},
}

// protoUDPLite is UDP-Lite, whose ports are udp.port too.
const protoUDPLite = 136

// leaf compiles a condition on the column's values, of which only the bits of mask count.
func (c column) leaf(x Expr, mask int64) summaryNode {
	test, ok := testOf(x)
	if !ok {
		return openLeaf{}
	}
	if c.column >= columnSrcPort {
		return &tupleLeaf{column: c, mask: mask, all: quantOf(x) == All, test: test}
	}
	if c.mask != 0 {
		// A flag is 0 or 1.
		return &flagLeaf{mask: uint16(c.mask), shift: uint8(bits.TrailingZeros64(uint64(c.mask))), test: test}
	}
	if c.column <= columnCapLen {
		return &frameLeaf{c.column, mask, test}
	}
	return &tcpLeaf{c.column, mask, test}
}

// frameLeaf tests a number that every packet has.
type frameLeaf struct {
	column numberColumn
	mask   int64
	test   numberTest
}

func (l *frameLeaf) tri(s *packet.Summary) Tri {
	var v int64
	switch l.column {
	case columnNumber:
		v = int64(s.Number)
	case columnTime:
		v = s.Time
	case columnWireLen:
		v = int64(s.WireLen)
	default:
		v = int64(s.CapLen)
	}
	return answer(l.test.holds(v & l.mask))
}

// flagLeaf tests one of TCP's flags.
type flagLeaf struct {
	mask  uint16
	shift uint8
	test  numberTest
}

func (l *flagLeaf) tri(s *packet.Summary) Tri {
	if has := tcpHeader(s); has != Yes {
		return has
	}
	return answer(l.test.holds(int64(s.TCPFlags & l.mask >> l.shift)))
}

// tcpLeaf tests a number of the TCP header.
type tcpLeaf struct {
	column numberColumn
	mask   int64
	test   numberTest
}

func (l *tcpLeaf) tri(s *packet.Summary) Tri {
	if has := tcpHeader(s); has != Yes {
		return has
	}
	var v int64
	switch l.column {
	case columnFlags:
		v = int64(s.TCPFlags)
	case columnSeq:
		v = int64(s.Seq)
	case columnAck:
		v = int64(s.Ack)
	case columnWindow:
		v = int64(s.Window)
	default:
		if s.Outcome != packet.OutcomeTransport {
			return Unknown // a header that is cut may be longer than its segment
		}
		v = int64(s.PayloadLen)
	}
	return answer(l.test.holds(v & l.mask))
}

// tupleLeaf tests the ports or the protocols of the tuples.
type tupleLeaf struct {
	column
	mask int64
	all  bool
	test numberTest
}

func (l *tupleLeaf) tri(s *packet.Summary) Tri {
	if !whole(s) || l.column.column != columnProto && (firstFragment(&s.Outer) || firstFragment(&s.Inner)) {
		return Unknown
	}
	found, missed := l.tuple(&s.Outer)
	if s.Depth > 1 {
		f, m := l.tuple(&s.Inner)
		found, missed = found || f, missed || m
	}
	return answer(found && !(l.all && missed))
}

func (l *tupleLeaf) tuple(t *packet.Tuple) (found, missed bool) {
	if l.column.column == columnProto {
		if t.Version != 4 {
			return false, false
		}
		found = l.test.holds(int64(t.Proto) & l.mask)
		return found, !found
	}
	if t.Flags&packet.TupleHasPorts == 0 || t.Proto != l.proto && (t.Proto != protoUDPLite || l.proto != packet.ProtoUDP) {
		return false, false
	}
	if l.column.column != columnDstPort {
		found = l.test.holds(int64(t.SrcPort) & l.mask)
		missed = !found
	}
	if l.column.column != columnSrcPort {
		if l.test.holds(int64(t.DstPort) & l.mask) {
			found = true
		} else {
			missed = true
		}
	}
	return found, missed
}
