package flow

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// plain counts a row as packet does when it is what nearly all rows are: the next segment
// of a TCP connection that is open on both sides, with data or with an acknowledgement of
// more data, and with nothing that the analysis has a word for. It returns false, and has
// changed nothing, when the row is something else or when it takes more to tell.
func (t *Table) plain(s *packet.Summary, chunk []byte, n *Note, l *lookup) bool {
	if l.near == 0 || s.TCPFlags&(flagFIN|flagSYN|flagRST|flagACK) != flagACK || s.Window == 0 ||
		s.Outcome != packet.OutcomeTransport || s.Depth > 1 || s.Flags&(packet.Quoted|packet.Reassembled) != 0 ||
		s.Inner.Proto != protoTCP || s.Inner.Flags&(packet.TupleHasPorts|packet.TupleCut) != packet.TupleHasPorts {
		return false
	}
	r := t.at(l.near - 1)
	delta := s.Time - r.last
	if r.bits&(bitUsed|bitLive|bitStallA|bitStallB|bitLate|bitPaths) != bitUsed|bitLive || delta < 0 || s.Time < t.clock.floor || t.clock.now-r.last > t.shortest || !r.key.same(&l.key) {
		return false
	}
	side := l.side & 1
	if me := r.state(side); me != statePartial && me != stateEstablished && (me != stateClosed || s.PayloadLen > 0) {
		return false
	}
	what := didAck
	if s.PayloadLen > 0 {
		what = didData
	}
	fwd, rev := &r.half[side], &r.half[side^1]
	length, seq, ack := s.PayloadLen, s.Seq, s.Ack
	if !r.used(side) || fwd.bits&rev.bits&(halfBase|halfWindow) != halfBase|halfWindow ||
		seq != fwd.next || seq == 0 || length == 1 || rev.maxAck != 0 && after(ack, rev.maxAck) > 0 {
		return false
	}
	end := seq + length
	if length == 0 {
		if ack == fwd.lastAck {
			return false
		}
	} else if rev.lastAck != 0 && after(end, rev.lastAck) <= 0 || rev.scale != ScaleUnknown && end == rev.lastAck+rev.size() || after(end, seq) < 0 {
		return false
	}
	if (length == 0 || rev.unHead != 0) && !withoutSACK(s, chunk) {
		return false
	}

	r.last = s.Time
	*n = Note{}
	n.Flow, n.Stream, n.OuterStream, n.place = r.id, r.stream, NoStream, l.near
	n.TimeDelta, n.TimeRelative = delta, s.Time-r.born
	n.FromClient = (side == 1) == (r.bits&bitClientB != 0)
	n.RelSeq, n.RelAck = seq-fwd.base, ack-rev.base
	r.bits |= bitRef
	if r.seen>>(8*side&15)&(1<<what) == 0 {
		r.remember(side, what)
		t.wake(r, l.near-1)
	}
	sum := &r.sum[side]
	sum.packets++
	sum.bytes += uint64(s.WireLen)

	if ack != fwd.lastAck {
		fwd.lastAck, fwd.dup, fwd.ackFrame = ack, 0, s.Number
	}
	fwd.ackTime = s.Time
	fwd.window = s.Window
	fwd.bits &^= halfSynWindow | halfKeepAlive | halfProbe
	if seq == fwd.maxAck || fwd.maxAck == 0 {
		fwd.maxAck = end
	}
	known := false
	if length > 0 {
		r.bits |= bitData
		sum.payload += uint64(length)
		fwd.next, fwd.nextTime = end, s.Time
		low := seq // of what is on its way
		if fwd.unHead != 0 {
			low = t.segments.at(fwd.unHead).seq
		}
		kept := t.segments.add(fwd, end, length, s.Time, s.Number)
		switch {
		case fwd.bits&halfHole != 0:
		case kept && fwd.bits&(halfMixed|halfSacked) == 0 && low-fwd.base <= end-fwd.base && end-low < 1<<30:
			n.InFlight, known = end-low, true // the segment is the last one now: what inFlight finds
		default:
			n.InFlight, known = t.inFlight(r, side, false)
		}
	}
	if frame, at := t.segments.ack(rev, ack); frame != 0 {
		n.AcksFrame, n.AckRTT = frame, s.Time-at
		r.rtt[side^1].add(n.AckRTT)
	}
	if rev.bits&halfSacked != 0 {
		r.sacked[side^1] = 0
	}
	rev.bits &^= halfHole | halfSacked
	if r.firstRTT == 0 && r.synTime != 0 {
		r.firstRTT = s.Time - r.synTime
	}
	if known || n.AcksFrame != 0 {
		n.InitialRTT, n.Annotated = r.firstRTT, true
	}
	n.WindowScale = fwd.scale
	n.Window = uint32(s.Window)
	if fwd.scale > 0 {
		n.Window <<= uint(fwd.scale) & 15
	}
	if t.watch != nil {
		t.passing(r, side, s, chunk, n)
	}
	return true
}

// withoutSACK reports that the TCP header of a row has no options, or those of nearly every
// segment: two fillers and time stamps. What tcpHeader makes of such a row has no SACK
// blocks.
func withoutSACK(s *packet.Summary, chunk []byte) bool {
	const longest = 32
	if uint64(s.DataOff)+uint64(s.CapLen) > uint64(len(chunk)) {
		return false
	}
	data := chunk[s.DataOff : s.DataOff+s.CapLen]
	if s.PayloadOff < longest || s.PayloadOff > uint32(len(data)) {
		return false
	}
	h := data[s.PayloadOff-longest : s.PayloadOff]
	want := uint64(s.Inner.SrcPort)<<48 | uint64(s.Inner.DstPort)<<32 | uint64(s.Seq)
	if binary.BigEndian.Uint64(h[12:]) == want && h[24]>>4 == 5 && binary.BigEndian.Uint32(h[20:]) == s.Ack {
		return true
	}
	return binary.BigEndian.Uint64(h) == want && h[12]>>4 == 8 && binary.BigEndian.Uint32(h[8:]) == s.Ack &&
		binary.BigEndian.Uint32(h[20:]) == onlyStamps
}
