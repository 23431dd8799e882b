package track

import (
	"unsafe"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Fields that notes are written under. All of them are known to query.
var (
	fieldFlow      = noted("flow")
	fieldApp       = noted("app")
	fieldTCPStream = noted("tcp.stream")
	fieldUDPStream = noted("udp.stream")

	fieldSeq         = noted("tcp.seq")
	fieldAck         = noted("tcp.ack")
	fieldWindow      = noted("tcp.window_size")
	fieldScale       = noted("tcp.window_size_scalefactor")
	fieldTCPRelative = noted("tcp.time_relative")
	fieldTCPDelta    = noted("tcp.time_delta")
	fieldUDPRelative = noted("udp.time_relative")
	fieldUDPDelta    = noted("udp.time_delta")

	fieldAnalysis    = noted("tcp.analysis")
	fieldFlags       = noted("tcp.analysis.flags")
	fieldInitialRTT  = noted("tcp.analysis.initial_rtt")
	fieldAckRTT      = noted("tcp.analysis.ack_rtt")
	fieldAcksFrame   = noted("tcp.analysis.acks_frame")
	fieldDupAck      = noted("tcp.analysis.duplicate_ack")
	fieldDupAckNum   = noted("tcp.analysis.duplicate_ack_num")
	fieldDupAckFrame = noted("tcp.analysis.duplicate_ack_frame")
	fieldInFlight    = noted("tcp.analysis.bytes_in_flight")

	verdictFields [flow.AnalysisCount]*query.Field
	nameFields    [256]*query.Field // by app.FieldID
	appFields     [256]*query.Field // by app.Protocol; nil: not a field
)

// noted returns a field that a program of ours asks for by name: that it is unknown is a
// mistake in the program.
func noted(name string) *query.Field {
	f := query.LookupField(name)
	if f == nil {
		panic("track: query has no field " + name)
	}
	return f
}

func init() {
	for i := range verdictFields {
		verdictFields[i] = noted("tcp.analysis." + flow.Analysis(1<<i).Name())
	}
	for _, id := range app.FieldIDs() {
		nameFields[id] = noted(id.String())
	}
	for _, p := range app.Protocols() {
		appFields[p] = query.LookupField(p.String())
	}
}

// AppendNotes appends what the Analysis found out about a row to dst, as the values of
// fields. Their text and bytes belong to the batch.
func (b *Batch) AppendNotes(dst []query.Note, row int) []query.Note {
	if row >= len(b.Notes) {
		return dst
	}
	n, s := &b.Notes[row], &b.Rows[row]
	headers := b.HeadersOf(row)
	for i := range headers {
		if !headers[i].Quoted {
			dst = headerNotes(dst, &headers[i])
		}
	}
	if n.Flow != 0 {
		dst = number(dst, fieldFlow, n.Flow)
		switch s.Inner.Proto {
		case packet.ProtoTCP:
			dst = tcpNotes(dst, n, s)
		case packet.ProtoUDP, packet.ProtoUDPLite:
			dst = number(dst, fieldUDPStream, uint64(n.Stream))
			if s.PayloadLen > 0 {
				dst = number(dst, fieldUDPRelative, uint64(n.TimeRelative))
				dst = number(dst, fieldUDPDelta, uint64(n.TimeDelta))
			}
		}
	}
	for i := range headers {
		if headers[i].Quoted {
			dst = headerNotes(dst, &headers[i])
		}
	}
	names := b.NamesOf(row)
	if p := b.Apps[row]; p != app.Unknown {
		dst = append(dst, query.Note{Field: fieldApp, Value: query.Value{Text: p.String()}})
		if f := appFields[p]; f != nil && b.Shown[row] {
			dst = number(dst, f, 1)
		}
	}
	for _, name := range names {
		dst = append(dst, query.Note{Field: nameFields[name.Field.ID], Value: valueOf(&name.Field)})
	}
	return dst
}

func number(dst []query.Note, f *query.Field, n uint64) []query.Note {
	return append(dst, query.Note{Field: f, Value: query.Value{Num: n}})
}

// headerNotes appends what tshark shows of a header that is not the innermost one.
func headerNotes(dst []query.Note, h *flow.Header) []query.Note {
	stream, relative, delta := fieldUDPStream, fieldUDPRelative, fieldUDPDelta
	if h.Proto == packet.ProtoTCP {
		stream, relative, delta = fieldTCPStream, fieldTCPRelative, fieldTCPDelta
		dst = number(dst, fieldSeq, uint64(h.Seq))
		if h.Stream == flow.NoStream {
			return dst
		}
		dst = number(dst, fieldAck, uint64(h.Ack))
		dst = number(dst, fieldWindow, uint64(h.Window))
		if !h.SYN {
			dst = number(dst, fieldScale, scaleFactor(h.WindowScale))
		}
	}
	dst = number(dst, stream, uint64(h.Stream))
	if h.Timed {
		dst = number(dst, relative, uint64(h.TimeRelative))
		dst = number(dst, delta, uint64(h.TimeDelta))
	}
	return dst
}

func tcpNotes(dst []query.Note, n *flow.Note, s *packet.Summary) []query.Note {
	dst = number(dst, fieldTCPStream, uint64(n.Stream))
	seq, ack := n.RelSeq, n.RelAck
	bad, cut := s.Inner.Flags&packet.TupleBad != 0, s.Inner.Flags&packet.TupleCut != 0
	if s.Outcome == packet.OutcomeMalformed && !bad { // the header is longer than the segment: nothing is relative
		seq, ack = s.Seq, s.Ack
	}
	dst = number(dst, fieldSeq, uint64(seq))
	if bad {
		return dst
	}
	dst = number(dst, fieldAck, uint64(ack))
	dst = number(dst, fieldWindow, uint64(n.Window))
	if s.TCPFlags&tcpSYN == 0 {
		dst = number(dst, fieldScale, scaleFactor(n.WindowScale))
	}
	if !cut {
		dst = number(dst, fieldTCPRelative, uint64(n.TimeRelative))
		dst = number(dst, fieldTCPDelta, uint64(n.TimeDelta))
	}
	if !n.Annotated {
		return dst
	}
	dst = number(dst, fieldAnalysis, 1)
	if n.InitialRTT != 0 {
		dst = number(dst, fieldInitialRTT, uint64(n.InitialRTT))
	}
	if n.AcksFrame != 0 {
		dst = number(dst, fieldAcksFrame, n.AcksFrame)
	}
	if n.AckRTT != 0 {
		dst = number(dst, fieldAckRTT, uint64(n.AckRTT))
	}
	if n.InFlight != 0 {
		dst = number(dst, fieldInFlight, uint64(n.InFlight))
	}
	if n.Flags == 0 {
		return dst
	}
	dst = number(dst, fieldFlags, 1)
	for i, f := range verdictFields {
		if n.Flags&(1<<i) != 0 {
			dst = number(dst, f, 1)
		}
	}
	if n.Flags&flow.DuplicateAck != 0 {
		dst = number(dst, fieldDupAck, 1) // tshark has it twice: a field and a remark
		dst = number(dst, fieldDupAckNum, uint64(n.DupAckNum))
		dst = number(dst, fieldDupAckFrame, n.DupAckFrame)
	}
	return dst
}

// scaleFactor is what tshark prints: the factor, or a negative number when there is none.
func scaleFactor(shift int8) uint64 {
	if shift < 0 {
		return uint64(int64(shift))
	}
	return 1 << shift
}

func valueOf(f *app.Field) query.Value {
	switch f.ID.Kind() {
	case app.KindNumber:
		return query.Value{Num: uint64(f.Number)}
	case app.KindAddress:
		return query.Value{Bytes: f.Value}
	default:
		// The arena is not written to again while the batch is valid.
		return query.Value{Text: unsafe.String(unsafe.SliceData(f.Value), len(f.Value))}
	}
}
