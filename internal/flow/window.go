package flow

import "github.com/tarrafa/tarrafa/internal/packet"

// greet takes in what a SYN brings.
func (r *record) greet(side uint8, s *packet.Summary, header []byte) Analysis {
	fwd, rev := &r.half[side], &r.half[1-side]
	var a Analysis
	if fwd.bits&halfBase != 0 {
		switch {
		case s.Seq != fwd.base:
			a |= ReusedPorts
			fwd.base = s.Seq
			fwd.bits &^= halfLow
		case s.TCPFlags&flagACK == 0:
			fwd.next = fwd.maxAck
		}
	}
	o := readSynOptions(header)
	if !o.read {
		if o.scale != ScaleUnknown {
			fwd.scale = o.scale
		}
		return a
	}
	r.mss[side] = o.mss
	if o.sack {
		fwd.bits |= halfSACK
	}
	if o.stamps {
		fwd.bits |= halfStamps
	}
	switch {
	case o.scale == ScaleUnknown && fwd.scale == ScaleUnknown:
		fwd.scale, rev.scale = ScaleUnused, ScaleUnused
	case s.TCPFlags&flagACK != 0 && rev.scale == ScaleUnused:
		fwd.scale = ScaleUnused
	case o.scale != ScaleUnknown:
		fwd.scale = o.scale
	}
	return a
}

// acknowledged takes in what a segment of the other side says about what side sent. ack
// says that it has the ACK flag: a bare RST does not tell that a loss was made good.
func (r *record) acknowledged(side uint8, ack bool, header []byte) {
	h := &r.half[side]
	if ack {
		h.bits &^= halfHole
	}
	n, paths := sackedBytes(header)
	if paths&pathJoin != 0 {
		paths |= pathCapable | pathData // the connection that is joined has spoken before
	}
	if paths &^= h.paths; paths != 0 {
		r.bits |= bitPaths
		for i := range r.half {
			r.half[i].paths |= paths
			r.half[i].bits |= halfPaths
		}
	}
	if n != 0 {
		h.bits |= halfSacked
		r.sacked[side] = n
	} else if h.bits&halfSacked != 0 {
		h.bits &^= halfSacked
		r.sacked[side] = 0
	}
}

// inFlight returns the bytes between the lowest unacknowledged one and the highest one
// sent, less those covered by SACK; 0 when nothing or more than tshark believes is on its
// way. control says that the segment in hand has a SYN or a FIN, which takes a sequence
// number and is no byte. known is false when nothing is unacknowledged.
func (t *Table) inFlight(r *record, side uint8, control bool) (bytes uint32, known bool) {
	const believable = 2_000_000_000
	h := &r.half[side]
	if h.unHead == 0 {
		return 0, false
	}
	low, high := t.segments.reach(h)
	n := high - low
	if n == 0 {
		return 0, false
	}
	if n >= believable {
		return 0, true
	}
	if h.bits&halfSacked != 0 {
		n -= r.sacked[side]
	}
	if control {
		n--
	}
	if n >= believable {
		n = 0
	}
	return n, true
}
