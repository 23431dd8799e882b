package app

// pdu is a stretch of sequence numbers [from, to) that is taken for one message, which waits
// for it to be whole. What is captured of the stretch is not looked at by itself.
type pdu struct{ from, to uint32 }

// maxPDUs is how many stretches of one direction are remembered that were not filled when a
// newer one began.
const maxPDUs = 6

// covers says that the byte with number seq lies in the stretch.
func (p pdu) covers(seq uint32) bool { return int32(seq-p.from) >= 0 && int32(seq-p.to) < 0 }

// httpSegment takes a segment of an HTTP connection, in the way that tshark does without
// tcp.reassemble_out_of_order: a message that goes on in later segments claims the numbers up
// to its end, when that is known, or else all of the next segment. Any other segment is read
// by itself. Retransmissions are not, but for the names in them.
func (r *Recognizer) httpSegment(st *FlowState, s *Segment, d int, q *partial) verdict {
	untilEnd := s.End && q != nil && q.awaitsEnd()
	if s.Order == Resent && (!untilEnd || s.Truncated) {
		return r.httpNames(st, s.Payload)
	}
	b, seq := s.Payload, s.Seq
	shown := false
	switch {
	case !s.Truncated || len(b) == 0:
	case s.Order == OutOfOrder:
		return r.httpNames(st, b)
	default: // nothing is put together from it
		r.http(st, b, &progress{}, true, s.End)
		return verdictOK
	}
	if len(b) == 0 && !untilEnd {
		return verdictNeed
	}
	if s.Order == OutOfOrder && (q == nil || !q.claims(seq)) {
		return r.httpNames(st, b)
	}
	if s.Repeated > 0 && (q == nil || !q.claims(seq)) {
		switch old := int(s.Repeated) >= len(b); {
		case s.Order != FastResent && old, !startsHTTP(b) && old:
			return verdictNeed
		case s.Order != FastResent, !startsHTTP(b):
			b, seq = b[s.Repeated:], seq+s.Repeated
		case old && q != nil:
			return r.httpAgain(st, b, s.End) // what was a message by itself is one again
		}
	}
	for len(b) > 0 {
		var p *pdu
		if q != nil {
			p = q.pduAt(seq)
		}
		switch {
		case p == nil && s.Order == OutOfOrder:
			b = nil
		case p == nil:
			if c := b[0]; c == recordHandshake && len(b) > 5 && startsHandshake(b) {
				if q != nil {
					r.drop(st, d)
				}
				next := *s
				next.Payload, next.Seq, next.Missing, next.Repeated = b, seq, 0, 0
				return r.begin(st, &next, d, kindTLS) // behind CONNECT
			}
			q, shown = r.httpRead(st, s, d, q, b, seq, shown)
			b = nil
		case p.from == seq && int32(seq+uint32(len(b))-p.to) <= 0:
			b = nil // its beginning has come again
		case p != &q.pdu:
			n := min(uint32(len(b)), p.to-seq)
			b, seq = b[n:], seq+n
		default:
			n := uint32(len(b))
			if !q.entire {
				n = min(n, p.to-seq)
			}
			var rest []byte
			if q, rest = r.httpMore(st, s, d, q, b[:n], seq); rest != nil && s.Order != OutOfOrder {
				shown = true
				q, _ = r.httpRead(st, s, d, q, rest, seq+n-uint32(len(rest)), true)
			}
			b, seq = b[n:], seq+n
		}
	}
	if untilEnd && q != nil && q.awaitsEnd() {
		if q.fin = true; q.nspans == 0 && q.at == s.Seq+uint32(len(s.Payload)) {
			r.httpEnded(st, d, q)
			shown = true
		}
	}
	if shown {
		return verdictOK
	}
	return verdictNeed
}

// awaitsEnd says that the sender's FIN ends the message, and has not come yet.
func (q *partial) awaitsEnd() bool {
	return q.kind == kindHTTP && q.pdu.from != q.pdu.to && q.head > 0 && q.body.mode == bodyUntilEnd && !q.fin
}

// pduAt gives the stretch that a segment with number seq belongs to, nil when it is none's: of
// those that begin before it the last one decides.
func (q *partial) pduAt(seq uint32) *pdu {
	best := &q.pdu
	for i := range q.past[:q.npast] {
		p := &q.past[i]
		if int32(seq-p.from) >= 0 && (int32(seq-best.from) < 0 || int32(p.from-best.from) > 0) {
			best = p
		}
	}
	if !best.covers(seq) {
		return nil
	}
	return best
}

// claims says that a stretch covers seq.
func (q *partial) claims(seq uint32) bool { return q.pduAt(seq) != nil }

// httpRead reads a segment, or the rest of one, by itself. When its last message goes on, the
// stretch that it claims takes the place of q's, which is remembered.
func (r *Recognizer) httpRead(st *FlowState, s *Segment, d int, q *partial, b []byte, seq uint32, shown bool) (*partial, bool) {
	if len(b) == 0 {
		return q, shown
	}
	var prog progress
	if v := r.http(st, b, &prog, s.Truncated, s.End); v != verdictNeed {
		return q, true
	}
	shown = shown || prog.off > 0
	b, seq = b[prog.off:], seq+uint32(prog.off)
	keep := b
	if prog.head != 0 {
		keep = b[:prog.head]
	}
	if len(keep) > r.pool.size {
		r.counters.PartialsGivenUp++
		r.http(st, keep, &progress{}, true, false) // what there is of the head
		return q, true
	}
	if q == nil {
		var h uint32
		q, h = r.take(kindHTTP, seq)
		st.partial[d] = h
	} else {
		r.counters.PartialsStarted++
		if q.pdu.from != q.pdu.to {
			r.counters.PartialsGivenUp++
			q.shelve()
		}
		r.pool.touch(st.partial[d])
	}
	q.n = copy(q.buf, keep)
	q.nspans, q.fed, q.fin = 0, 0, false
	q.head, q.body = prog.head, prog.body
	q.pdu.from, q.at = seq, seq+uint32(len(b))
	q.claim()
	return q, shown
}

// shelve remembers the stretch in hand as one that stays unfinished.
func (q *partial) shelve() {
	if q.npast == maxPDUs {
		copy(q.past[:], q.past[1:])
		q.npast--
	}
	q.past[q.npast] = q.pdu
	q.npast++
}

// claim says how far the message reaches of which all before q.at is there.
func (q *partial) claim() {
	q.entire = false
	switch {
	case q.head > 0 && q.body.mode == bodyLength:
		q.pdu.to = q.at + uint32(min(q.body.left, farthest))
	case q.head > 0 && q.body.mode == bodyUntilEnd:
		q.pdu.to = q.at + farthest
	default:
		q.pdu.to, q.entire = q.at+1, true
	}
}

// farthest bounds a stretch: half of the distance that can be told from a step back.
const farthest = 1 << 30

// touchEvery is how many segments of a body make its message the youngest of the pool.
const touchEvery = 32

// httpMore adds bytes to the stretch in hand. When the message is whole it reports it and
// gives what is left of the bytes, not nil; q is nil when its buffer was given back.
func (r *Recognizer) httpMore(st *FlowState, s *Segment, d int, q *partial, b []byte, seq uint32) (left *partial, rest []byte) {
	if q.fed++; q.fed%touchEvery == 0 {
		r.pool.touch(st.partial[d])
	}
	ahead := int32(seq - q.at)
	switch {
	case ahead > 0:
		if q.nspans == maxSpans {
			r.counters.PiecesDropped++
			return q, nil
		}
		q.merge(ahead, ahead+int32(len(b)))
		return q, nil
	case int(-ahead) >= len(b):
		return q, nil // old
	}
	b = b[-ahead:]
	if q.head == 0 {
		return r.httpHeadMore(st, s, d, q, b)
	}
	used, ended := q.body.walk(b)
	q.at += uint32(used)
	q.passed(used)
	for i := 0; i < q.nspans && !ended && !q.body.bad(); i++ {
		if p := q.spans[i]; p.from <= 0 && p.to > 0 {
			ended = q.body.skip(int64(p.to))
			q.at += uint32(p.to)
			q.passed(int(p.to))
			i = -1
		}
	}
	switch {
	case ended, q.body.bad(), s.End && q.entire:
		first := r.nfields
		if r.httpEnded(st, d, q); s.Order == OutOfOrder {
			r.takeBack(first)
		}
		if rest = b[used:]; rest == nil {
			rest = []byte{}
		}
		return r.httpPartial(st, d), rest
	case int32(q.at-q.pdu.to) < 0:
	case s.Order == OutOfOrder:
		r.counters.PartialsGivenUp++
		return r.httpDrop(st, d, q), []byte{}
	default:
		q.claim()
	}
	return q, nil
}

// passed moves the spans, which count from q.at.
func (q *partial) passed(n int) {
	keep := 0
	for _, p := range q.spans[:q.nspans] {
		if p.from, p.to = p.from-int32(n), p.to-int32(n); p.to > 0 {
			q.spans[keep] = p
			keep++
		}
	}
	q.nspans = keep
}

// httpHeadMore adds the next segment to a head that is not whole.
func (r *Recognizer) httpHeadMore(st *FlowState, s *Segment, d int, q *partial, b []byte) (left *partial, rest []byte) {
	n := copy(q.buf[q.n:], b)
	q.n += n
	q.at += uint32(len(b))
	full := n < len(b)
	if full {
		r.counters.PartialsGivenUp++
	}
	r.hold = append(r.hold[:0], q.buf[:q.n]...)
	var prog progress
	first := r.nfields
	v := r.http(st, r.hold, &prog, s.Truncated || full, s.End)
	if s.Order == OutOfOrder {
		r.takeBack(first)
		return r.httpDrop(st, d, q), []byte{}
	}
	if v == verdictNeed && prog.off == 0 {
		if prog.head > 0 {
			q.n, q.head, q.body = prog.head, prog.head, prog.body
		}
		q.claim()
		return q, nil
	}
	if !full {
		r.counters.PartialsFinished++
	}
	q = r.httpDrop(st, d, q)
	if v != verdictNeed {
		return q, []byte{}
	}
	// Messages were whole, and another one begins.
	return q, r.hold[prog.off:]
}

// httpEnded reports the message in hand.
func (r *Recognizer) httpEnded(st *FlowState, d int, q *partial) {
	r.hold = append(r.hold[:0], q.buf[:q.head]...) // the buffer may be another message's before the caller has read it
	r.counters.PartialsFinished++
	r.httpDrop(st, d, q)
	r.httpHead(st, r.hold)
}

// httpDrop gives the buffer back, unless stretches are remembered in it.
func (r *Recognizer) httpDrop(st *FlowState, d int, q *partial) *partial {
	if q.npast == 0 {
		r.drop(st, d)
		return nil
	}
	q.pdu.to = q.pdu.from
	return q
}

// httpPartial gives the buffer of a direction, nil when it has none.
func (r *Recognizer) httpPartial(st *FlowState, d int) *partial { return r.pool.get(st.partial[d]) }

// httpNames looks into a retransmitted segment for what names the flow.
func (r *Recognizer) httpNames(st *FlowState, b []byte) verdict {
	if len(b) > 0 && startsHTTP(b) {
		hint, first := st.hint, r.nfields
		n, _ := headLength(b)
		r.httpHead(st, b[:n])
		st.hint = hint
		r.takeBack(first)
	}
	return verdictNeed
}

// httpAgain reads the messages that are whole in a segment whose bytes an earlier one has
// brought.
func (r *Recognizer) httpAgain(st *FlowState, b []byte, end bool) verdict {
	var prog progress
	if v := r.http(st, b, &prog, false, end); v == verdictNeed && prog.off == 0 {
		return verdictNeed
	}
	return verdictOK
}
