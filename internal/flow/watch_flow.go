package flow

// trouble looks at a segment that the analysis flagged: repetitions, losses and closed
// windows.
func (w *Watch) trouble(s *sighting) {
	r, side := s.r, s.side
	sum := &r.sum[side]
	if s.flags&Retransmission != 0 && s.was(side) != stateReset { // after an RST of somebody else all is old
		subject := w.subject(FindRetransmissions, r.id, uint64(side), 0)
		c, _ := w.clues.put(subject)
		c.seen(s.row.Time, s.row.Number)
		n := sum.count[countRetransmission]
		share := float64(n) / float64(max(sum.packets, 1))
		if n >= w.limits.Retransmissions && share >= w.limits.RetransmissionShare {
			f, fresh := w.raise(FindRetransmissions, subject, c)
			w.about(f, s)
			f.Count = uint64(n)
			f.Numbers = [4]float64{share, float64(sum.packets), float64(sum.retransmitted)}
			f.Severity = grade(true, share >= w.limits.RetransmissionSerious)
			w.tell(f, fresh)
		}
	}
	if s.flags&LostSegment != 0 {
		subject := w.subject(FindLoss, r.id, uint64(side), 0)
		c, _ := w.clues.put(subject)
		c.seen(s.row.Time, s.row.Number)
		if c.count >= uint64(w.limits.LostSegments) {
			f, fresh := w.raise(FindLoss, subject, c)
			w.about(f, s)
			w.filled(f, sum)
			w.tell(f, fresh)
		}
	} else if s.flags&(Retransmission|OutOfOrder) != 0 {
		if f := w.kinds[FindLoss].get(w.subject(FindLoss, r.id, uint64(side), 0)); f != nil {
			w.filled(f, sum)
			w.tell(f, false)
		}
	}
	stalled := bitStallA << side
	switch {
	case s.flags&ZeroWindow != 0 && r.bits&stalled == 0:
		r.bits |= stalled
		c, _ := w.stalls.put(w.subject(FindStall, r.id, uint64(side), 1))
		c.seen(s.row.Time, s.row.Number)
	case r.bits&stalled != 0 && s.row.Window != 0:
		r.bits &^= stalled
		w.stalled(r, side, s.row.Time, s.row.Number)
	}
}

// stalled measures how long the window of a side was closed: until the packet that opened
// it again, or until the flow's last one.
func (w *Watch) stalled(r *record, side uint8, until int64, frame uint64) {
	start := w.stalls.get(w.subject(FindStall, r.id, uint64(side), 1))
	if start == nil || start.count == 0 {
		return
	}
	long := until - start.last
	if long < int64(w.limits.Stall) {
		*start = clue{}
		return
	}
	subject := w.subject(FindStall, r.id, uint64(side), 0)
	c, _ := w.clues.put(subject)
	c.seen(start.last, start.evidence[0])
	c.show(frame)
	c.last = until
	c.extra[0] = max(c.extra[0], uint64(long))
	c.extra[1] += uint64(long)
	f, fresh := w.raise(FindStall, subject, c)
	f.Flow, f.Stream, f.Tuple = r.id, r.stream, r.key.tuple(side)
	f.Numbers = [4]float64{float64(c.extra[0]) / 1e9, float64(c.extra[1]) / 1e9}
	f.Severity = grade(true, c.extra[0] >= uint64(w.limits.StallSerious))
	w.tell(f, fresh)
	*start = clue{}
}

// filled tells losses on the way from those of the capture: what was lost or delayed on the
// way comes later.
func (w *Watch) filled(f *Finding, sum *tally) {
	late := min(uint64(sum.count[countRetransmission])+uint64(sum.count[countOutOfOrder]), f.Count)
	f.Numbers = [4]float64{float64(sum.packets), float64(late)}
	many := float64(f.Count) >= w.limits.RetransmissionShare*float64(sum.packets)
	f.Severity = max(f.Severity, grade(many && 2*late >= f.Count, false))
}

// about says which flow a finding is about, as the sender of the packet sends it.
func (w *Watch) about(f *Finding, s *sighting) {
	f.Flow, f.Stream, f.Tuple = s.r.id, s.r.stream, s.r.key.tuple(s.side)
}

// roundTrip looks for a sudden rise of the round trip time. The sample is already part of
// the statistics.
func (w *Watch) roundTrip(s *sighting) {
	rtt := &s.r.rtt[1-s.side]
	if s.note.AckRTT < int64(w.limits.RTTRise) || rtt.Count <= w.limits.RTTSamples {
		return
	}
	mean := float64(rtt.Mean())
	sample := float64(s.note.AckRTT)
	if sample < mean*w.limits.RTTFactor || sample < mean+float64(w.limits.RTTRise) {
		return
	}
	subject := w.subject(FindRTTJump, s.r.id, uint64(s.side), 0)
	c, _ := w.clues.put(subject)
	if c.extra[1]>>32+1 != uint64(rtt.Count) {
		if w.kinds[FindRTTJump].get(subject) == nil {
			*c = clue{} // what was longer for once before is no part of this
		}
		c.extra[0] = 0
		c.extra[1] = (rtt.Sum - uint64(s.note.AckRTT/1000)) / uint64(rtt.Count-1) & (1<<32 - 1)
	}
	c.extra[0]++
	c.extra[1] = uint64(rtt.Count)<<32 | c.extra[1]&(1<<32-1)
	c.seen(s.row.Time, s.row.Number)
	if c.extra[0] < uint64(w.limits.RTTRun) {
		return
	}
	f, fresh := w.raise(FindRTTJump, subject, c)
	w.about(f, s)
	if fresh {
		f.Numbers[0] = float64(c.extra[1]&(1<<32-1)) / 1e6
	}
	f.Numbers[1] = max(sample/1e9, f.Numbers[1])
	f.Severity = Warning
	w.tell(f, fresh)
}

// resetSeen is an RST whose aftermath is watched.
type resetSeen struct {
	time  int64
	frame uint64
}

// afterReset is how long what follows an RST counts as its contradiction.
const afterReset = 10e9 // ns

// What Numbers of FindOutOfState count.
const (
	misfitFlags  = iota // impossible or unusual combinations of flags
	misfitClosed        // new data behind the sender's own FIN
)

// misfit looks at payload that should not come any more.
func (w *Watch) misfit(s *sighting) {
	switch s.was(s.side) {
	case stateReset:
		if s.row.TCPFlags&flagRST == 0 {
			w.contradicted(s)
		}
	case stateClosed:
		if s.flags&(Retransmission|OutOfOrder|KeepAlive) == 0 && s.row.TCPFlags&flagRST == 0 {
			w.outOfState(s, misfitClosed)
		}
	}
}

// contradicted reports an RST after which its sender goes on as if nothing had happened:
// somebody else has sent it (RFC 5961).
func (w *Watch) contradicted(s *sighting) {
	rst := w.resets.get(w.subject(FindInjection, s.r.id, uint64(s.side), 1))
	if rst == nil || s.row.Time < rst.time || s.row.Time-rst.time > afterReset {
		return
	}
	subject := w.subject(FindInjection, s.r.id, uint64(s.side), 0)
	c, fresh := w.clues.put(subject)
	if !fresh && c.extra[0] == rst.frame {
		return
	}
	c.extra[0] = rst.frame
	c.seen(rst.time, rst.frame)
	c.show(s.row.Number)
	c.last = s.row.Time
	f, first := w.raise(FindInjection, subject, c)
	w.about(f, s)
	f.Numbers = [4]float64{float64(s.row.Time-rst.time) / 1e9}
	f.Severity = Serious
	w.tell(f, first)
}

// outOfState counts misfits by the host that sends them.
func (w *Watch) outOfState(s *sighting, what int) {
	tuple := s.r.key.tuple(s.side)
	subject := w.subject(FindOutOfState, w.host(&tuple.Src), 0, 0)
	c, _ := w.clues.put(subject)
	c.seen(s.row.Time, s.row.Number)
	c.extra[what]++
	if c.count < w.limits.OutOfState {
		return
	}
	f, fresh := w.raise(FindOutOfState, subject, c)
	f.Tuple = sender(tuple)
	f.Numbers = [4]float64{float64(c.extra[misfitFlags]), float64(c.extra[misfitClosed])}
	f.Severity = Warning
	w.tell(f, fresh)
}
