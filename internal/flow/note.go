package flow

import (
	"math/bits"
	"strings"
)

// Analysis is a set of verdicts on one TCP segment, with the meaning of tshark's
// tcp.analysis fields of the same names.
type Analysis uint32

// The verdicts. FastRetransmission and SpuriousRetransmission always come with
// Retransmission beside them, as in tshark.
const (
	Retransmission Analysis = 1 << iota
	FastRetransmission
	SpuriousRetransmission
	OutOfOrder
	LostSegment
	AckLostSegment
	DuplicateAck
	ZeroWindow
	ZeroWindowProbe
	ZeroWindowProbeAck
	WindowFull
	WindowUpdate
	KeepAlive
	KeepAliveAck
	ReusedPorts
	analysisEnd // not a verdict: one past the last
)

// AnalysisCount is how many verdicts there are.
const AnalysisCount = 15

var analysisNames = [AnalysisCount]string{
	"retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
	"lost_segment", "ack_lost_segment", "duplicate_ack", "zero_window",
	"zero_window_probe", "zero_window_probe_ack", "window_full", "window_update",
	"keep_alive", "keep_alive_ack", "reused_ports",
}

// Name returns tshark's name of a single verdict without the prefix "tcp.analysis.", or
// "" when a is not exactly one verdict.
func (a Analysis) Name() string {
	if bits.OnesCount32(uint32(a)) != 1 || a >= analysisEnd {
		return ""
	}
	return analysisNames[bits.TrailingZeros32(uint32(a))]
}

// String returns the names of all verdicts in a, separated by commas.
func (a Analysis) String() string {
	var names []string
	for i := range AnalysisCount {
		if a&(1<<i) != 0 {
			names = append(names, analysisNames[i])
		}
	}
	return strings.Join(names, ",")
}

// AnalysisByName returns the verdict that tshark calls tcp.analysis.name.
func AnalysisByName(name string) (Analysis, bool) {
	for i, n := range analysisNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// NoStream marks a Note whose packet belongs to no TCP or UDP conversation.
const NoStream uint32 = 0xffffffff

// Note is what the Table has to say about one packet. Fields that do not apply are zero.
type Note struct {
	Flow uint64 // identifier of the flow, from 1 in order of appearance; 0: none

	InitialRTT   int64  // tcp.analysis.initial_rtt, ns; 0: not known (yet)
	AckRTT       int64  // tcp.analysis.ack_rtt, ns; 0: not told, as by tshark
	AcksFrame    uint64 // tcp.analysis.acks_frame: number of the packet that this one acknowledges
	DupAckFrame  uint64 // tcp.analysis.duplicate_ack_frame
	TimeRelative int64  // since the first packet of the stream, ns (tcp.time_relative, udp.time_relative)
	TimeDelta    int64  // since the stream's previous packet, ns (tcp.time_delta, udp.time_delta)

	Stream      uint32 // tcp.stream or udp.stream of the innermost header; NoStream: none
	OuterStream uint32 // udp.stream of the tunnel that carries the packet; NoStream: none
	DupAckNum   uint32 // tcp.analysis.duplicate_ack_num
	InFlight    uint32 // tcp.analysis.bytes_in_flight; 0: none
	RelSeq      uint32 // tcp.seq, relative to the stream's first
	RelAck      uint32 // tcp.ack, relative
	Window      uint32 // tcp.window_size: scaled when the scale is known, bytes

	Flags       Analysis
	WindowScale int8 // shift applied to Window; ScaleUnknown, ScaleUnused
	FromClient  bool // the client sent the packet
	Annotated   bool // the analysis has something to say (tcp.analysis), if only that nothing is on its way

	place uint32 // of the record in the Table, +1
}

// Place returns where the Table keeps the packet's flow, see [Flow.Place]; -1 when it
// belongs to none.
func (n *Note) Place() int { return int(n.place) - 1 }

// What Note.WindowScale and the flows hold when there is no shift.
const (
	ScaleUnknown int8 = -1 // no SYN was seen
	ScaleUnused  int8 = -2 // one side did not offer window scaling
)
