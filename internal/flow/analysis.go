package flow

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Times that the analysis compares with, ns.
const (
	fastRetransmissionWithin = 20 * int64(time.Millisecond)
	outOfOrderWithin         = 3 * int64(time.Millisecond) // when the initial RTT is not known
)

// dupUnknown in half.dup stands for acknowledgements of data that was not captured. It
// counts as many duplicates.
const dupUnknown = ^uint32(0)

// after returns a − b on the circle of sequence numbers (RFC 9293 3.4).
func after(a, b uint32) int32 { return int32(a - b) }

// within reports that a time is shorter than limit. A negative one, from a clock that was
// set back, counts as very long, time and limit alike.
func within(ns, limit int64) bool { return uint64(ns) < uint64(limit) }

// reuses reports that a SYN with this sequence number opens another connection than the
// one that is known.
func reuses(h *half, seq uint32) bool {
	return h.bits&halfBase != 0 && seq != h.base
}

// analyse judges one segment and moves both directions' state.
func (t *Table) analyse(r *record, side uint8, s *packet.Summary, chunk []byte, n *Note) Analysis {
	fwd, rev := &r.half[side], &r.half[1-side]
	flags := s.TCPFlags
	length := s.PayloadLen
	seq, ack := s.Seq, s.Ack
	syn, fin, rst := flags&flagSYN != 0, flags&flagFIN != 0, flags&flagRST != 0
	control := syn || fin || rst
	a := n.Flags

	var header []byte
	// Nothing else in it matters: SACK covers what is on its way, or says what came twice. Of
	// Multipath TCP all operations do.
	if syn || rev.unHead != 0 || length == 0 || r.bits&bitPaths != 0 {
		if data := captured(s, chunk); data != nil {
			header = tcpHeader(s, data)
		}
	}
	annotated := false
	if syn {
		// A SYN that was expected: an answer to it, or itself, came before.
		annotated = fwd.bits&halfBase != 0 && flags&flagACK == 0
		a |= r.greet(side, s, header)
	}
	if fwd.bits&halfBase == 0 {
		fwd.bits |= halfBase
		fwd.base = seq
		if !syn {
			fwd.base = seq - 1
		}
	}
	if rev.bits&halfBase == 0 && flags&flagACK != 0 {
		rev.bits |= halfBase
		rev.base = ack - 1
	}
	n.RelSeq = seq - fwd.base
	n.RelAck = ack
	if flags&flagACK != 0 {
		n.RelAck -= rev.base
	}

	probe := length == 1 && seq == fwd.next && rev.window == 0 && rev.bits&halfWindow != 0
	if probe {
		a |= ZeroWindowProbe
	} else {
		a |= fwd.verdict(rev, s, control, rst)
	}

	if a&DuplicateAck != 0 {
		n.DupAckNum, n.DupAckFrame = fwd.dup, fwd.ackFrame
	} else if ack != fwd.lastAck {
		fwd.dup = 0
		fwd.ackFrame = s.Number
	}

	if flags&flagACK != 0 && rev.maxAck != 0 && after(ack, rev.maxAck) > 0 {
		annotated = true
		if after(rev.next, rev.maxAck) > 0 {
			a |= AckLostSegment
			rev.maxAck = rev.next
		} else {
			if rev.dup == 0 {
				a |= AckLostSegment
			}
			rev.dup = dupUnknown
		}
	}

	end := seq + length
	if syn || fin {
		end++
	}
	if (length > 0 || syn || fin) && a&KeepAlive == 0 {
		a |= r.repeated(fwd, rev, s, end)
	}

	if !probe {
		if fwd.next == 0 || after(end, fwd.next) > 0 {
			fwd.next = end
			fwd.nextTime = s.Time
		}
		if seq == fwd.maxAck || fwd.maxAck == 0 {
			fwd.maxAck = fwd.next
		}
	}
	if end != seq {
		t.segments.add(fwd, end, end-seq, s.Time, s.Number)
	}

	fwd.window = s.Window
	fwd.bits = fwd.bits&^halfSynWindow | halfWindow
	if syn {
		fwd.bits |= halfSynWindow
	}
	fwd.lastAck = ack
	fwd.ackTime = s.Time
	if frame, at := t.segments.ack(rev, ack); frame != 0 {
		n.AcksFrame, n.AckRTT = frame, s.Time-at
		r.rtt[1-side].add(n.AckRTT)
	}
	fwd.bits &^= halfPaths
	r.acknowledged(1-side, flags&flagACK != 0, header)
	if a&LostSegment != 0 {
		fwd.bits |= halfHole
	}
	if length > 0 && fwd.bits&halfHole == 0 {
		var known bool
		n.InFlight, known = t.inFlight(r, side, syn || fin)
		annotated = annotated || known
	}
	fwd.bits &^= halfKeepAlive | halfProbe
	if a&KeepAlive != 0 {
		fwd.bits |= halfKeepAlive
	}
	if probe {
		fwd.bits |= halfProbe
	}

	if flags&(flagSYN|flagACK) == flagSYN {
		r.synTime = s.Time
	} else if r.firstRTT == 0 && r.synTime != 0 && flags&(flagSYN|flagACK) == flagACK {
		r.firstRTT = s.Time - r.synTime
	}
	n.Annotated = annotated || a != 0 || n.AcksFrame != 0
	if n.Annotated {
		n.InitialRTT = r.firstRTT
	}
	n.WindowScale = fwd.scale
	n.Window = uint32(s.Window)
	if !syn && fwd.scale > 0 {
		n.Window <<= uint(fwd.scale)
	}
	n.Flags = a
	if a != 0 || rst {
		r.sum[side].judge(a, length, rst)
	}
	return a
}

// hide takes out of a note what tshark does not print for a segment whose header was cut
// off by the snapshot length or is malformed. The flow has counted it.
func (n *Note) hide() {
	n.Flags, n.InitialRTT, n.Annotated = 0, 0, false
	n.AcksFrame, n.AckRTT = 0, 0
	n.DupAckNum, n.DupAckFrame, n.InFlight = 0, 0, 0
}

// verdict applies the rules that look at one direction's own past: gaps, windows,
// keep-alives, duplicate acknowledgements.
func (h *half) verdict(rev *half, s *packet.Summary, control, rst bool) Analysis {
	var a Analysis
	length, seq, ack := s.PayloadLen, s.Seq, s.Ack
	if s.Window == 0 && !control {
		a |= ZeroWindow
	}
	if h.next != 0 && after(seq, h.next) > 0 && !rst {
		a |= LostSegment
	}
	if length <= 1 && seq == h.next-1 && !control {
		a |= KeepAlive
	}
	if length > 0 && rev.scale != ScaleUnknown && rev.bits&halfWindow != 0 && !control && seq+length == rev.lastAck+rev.size() {
		a |= WindowFull
	}
	if length != 0 || control || seq != h.next || ack != h.lastAck {
		return a
	}
	switch {
	case s.Window != 0 && s.Window != h.window:
		a |= WindowUpdate
	case s.Window != h.window:
	case s.Window != 0 && rev.bits&halfKeepAlive != 0:
		a |= KeepAliveAck
	case s.Window == 0 && rev.bits&halfProbe != 0:
		a |= ZeroWindowProbeAck
	case s.Window != 0 && h.bits&halfPaths == 0: // what is new in Multipath TCP is told in duplicates, RFC 8684 4
		a |= DuplicateAck
		if h.dup == dupUnknown {
			h.dup = 0
		}
		h.dup++
	}
	return a
}

// size returns the receive window that a side last offered, bytes.
func (h *half) size() uint32 {
	if h.bits&halfSynWindow != 0 || h.scale <= 0 {
		return uint32(h.window)
	}
	return uint32(h.window) << uint(h.scale)
}

// repeated applies the rules for segments that should not be there again.
func (r *record) repeated(fwd, rev *half, s *packet.Summary, end uint32) Analysis {
	length, seq := s.PayloadLen, s.Seq
	if length > 0 && rev.lastAck != 0 && after(seq+length, rev.lastAck) <= 0 {
		return Retransmission | SpuriousRetransmission
	}
	if fwd.next == 0 || after(seq, fwd.next) >= 0 || length > 1 && seq == fwd.next-1 {
		return 0
	}
	if rev.dup >= 2 && seq == rev.lastAck && within(s.Time-rev.ackTime, fastRetransmissionWithin) {
		return Retransmission | FastRetransmission
	}
	limit := outOfOrderWithin
	if r.firstRTT != 0 {
		limit = r.firstRTT
	}
	if end != fwd.next && within(s.Time-fwd.nextTime, limit) {
		return OutOfOrder
	}
	return Retransmission
}

// judge counts a segment's verdicts.
func (c *tally) judge(a Analysis, length uint32, rst bool) {
	n := &c.count
	if a&Retransmission != 0 {
		n[countRetransmission]++
		c.retransmitted += uint64(length)
	}
	if a&SpuriousRetransmission != 0 {
		n[countSpurious]++
	}
	if a&OutOfOrder != 0 {
		n[countOutOfOrder]++
	}
	if a&LostSegment != 0 {
		n[countLost]++
	}
	if a&DuplicateAck != 0 {
		n[countDuplicateAck]++
	}
	if a&ZeroWindow != 0 {
		n[countZeroWindow]++
	}
	if a&WindowFull != 0 {
		n[countWindowFull]++
	}
	if rst {
		n[countReset]++
	}
}
