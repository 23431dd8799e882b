package postgres

import (
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// values are the fields of a packet that are numbers. The time is in whole seconds.
type values struct {
	v     [fieldCount]int64
	known uint32 // a bit for each field that is not NULL
}

// Fields that have a value together.
const (
	alwaysKnown = 1<<fieldSize | 1<<fieldTime | 1<<fieldCapture | 1<<fieldNumber | 1<<fieldNanoseconds |
		1<<fieldCapturedSize | 1<<fieldInterface | 1<<fieldOutcome | 1<<fieldHeaderFlags
	portsKnown      = 1<<fieldSourcePort | 1<<fieldDestinationPort | 1<<fieldPayloadSize
	tcpKnown        = 1<<fieldTCPFlags | 1<<fieldTCPSeq | 1<<fieldTCPAck | 1<<fieldTCPWindow
	innerPortsKnown = 1<<fieldInnerSourcePort | 1<<fieldInnerDestinationPort | 1<<fieldInnerPayloadSize
)

// of fills in what a packet has. note is nil when flows were not looked for.
func (n *values) of(s *packet.Summary, note *flow.Note, capture int32) {
	n.known = alwaysKnown
	n.v[fieldSize] = int64(s.WireLen)
	n.v[fieldTime] = floorDiv(s.Time, 1e9)
	n.v[fieldCapture] = int64(capture)
	n.v[fieldNumber] = int64(s.Number)
	n.v[fieldNanoseconds] = s.Time
	n.v[fieldCapturedSize] = int64(s.CapLen)
	n.v[fieldInterface] = int64(s.Interface)
	n.v[fieldOutcome] = int64(s.Outcome)
	n.v[fieldHeaderFlags] = headerFlags(s)
	if note != nil {
		n.v[fieldFlow] = int64(note.Flow)
		n.known |= 1 << fieldFlow
		if note.Flow != 0 && note.Stream != flow.NoStream {
			n.v[fieldStream] = int64(note.Stream)
			n.known |= 1 << fieldStream
		}
	}
	if s.Direction != packet.DirectionUnknown {
		n.v[fieldDirection] = int64(s.Direction)
		n.known |= 1 << fieldDirection
	}
	if s.VLAN != packet.NoVLAN {
		n.v[fieldVLAN] = int64(s.VLAN)
		n.known |= 1 << fieldVLAN
	}
	if !isIP(s) {
		if s.EtherType != 0 {
			n.v[fieldEtherType] = int64(s.EtherType)
			n.known |= 1 << fieldEtherType
		}
		return
	}
	n.v[fieldProtocol] = int64(s.Outer.Proto)
	n.known |= 1 << fieldProtocol
	if s.Outer.Flags&packet.TupleHasPorts != 0 {
		n.v[fieldSourcePort] = int64(s.Outer.SrcPort)
		n.v[fieldDestinationPort] = int64(s.Outer.DstPort)
		n.v[fieldPayloadSize] = int64(s.OuterPayloadLen)
		n.known |= portsKnown
	}
	if hasTCP(s) {
		n.v[fieldTCPFlags] = int64(s.TCPFlags)
		n.v[fieldTCPSeq] = int64(s.Seq)
		n.v[fieldTCPAck] = int64(s.Ack)
		n.v[fieldTCPWindow] = int64(s.Window)
		n.known |= tcpKnown
	}
	if !tunnelled(s) {
		return
	}
	n.v[fieldInnerProtocol] = int64(s.Inner.Proto)
	n.known |= 1 << fieldInnerProtocol
	if s.Inner.Flags&packet.TupleHasPorts != 0 {
		n.v[fieldInnerSourcePort] = int64(s.Inner.SrcPort)
		n.v[fieldInnerDestinationPort] = int64(s.Inner.DstPort)
		n.v[fieldInnerPayloadSize] = int64(s.PayloadLen)
		n.known |= innerPortsKnown
	}
}

// get returns a field's value; ok is false for NULL.
func (n *values) get(f field) (v int64, ok bool) { return n.v[f], n.known>>f&1 != 0 }

// hasTCP tells whether the TCP fields were read. A header cut off by the snapshot length
// has ports at best.
func hasTCP(s *packet.Summary) bool {
	return s.Inner.Proto == packet.ProtoTCP && s.Inner.Flags&packet.TupleHasPorts != 0 &&
		(s.Outcome != packet.OutcomeTruncated || s.TCPFlags != 0 || s.Window != 0 || s.Seq != 0)
}

// The bits of the column header_flags: packet.SummaryFlags (five bits), packet.TupleFlags
// of the outermost and of the innermost header (three bits each), how many IP headers
// there are (two bits; 3: three or more), and whether the transport header of the
// outermost and of the innermost was cut off (a bit each).
const (
	headerOuter  = 5  // how far the outermost header's flags are shifted
	headerInner  = 8  // the innermost one's
	headerDepth  = 11 // the depth
	headerCut    = 13 // packet.TupleCut of the outermost header; of the innermost: one more
	headerFlag   = 0x1f
	headerTuple  = 0x07
	deepestKnown = 3
)

// headerFlags returns what tells whether the columns hold all headers of a packet: without
// it a filter over them could not be sure of its answer.
func headerFlags(s *packet.Summary) int64 {
	return int64(s.Flags&headerFlag) | int64(s.Outer.Flags&headerTuple)<<headerOuter |
		int64(s.Inner.Flags&headerTuple)<<headerInner | int64(min(s.Depth, deepestKnown))<<headerDepth |
		cutFlag(&s.Outer)<<headerCut | cutFlag(&s.Inner)<<(headerCut+1)
}

func cutFlag(t *packet.Tuple) int64 {
	if t.Flags&packet.TupleCut != 0 {
		return 1
	}
	return 0
}

// tupleFlags reads the flags of the outermost header, or with inner of the innermost.
func tupleFlags(h int64, inner bool) packet.TupleFlags {
	shift, cut := headerOuter, headerCut
	if inner {
		shift, cut = headerInner, headerCut+1
	}
	flags := packet.TupleFlags(h >> shift & headerTuple)
	if h>>cut&1 != 0 {
		flags |= packet.TupleCut
	}
	return flags
}
