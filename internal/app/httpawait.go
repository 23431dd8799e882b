package app

// touchEvery is how many segments of a body make its message the youngest of the pool.
const touchEvery = 32

// awaitBody turns the buffer of q, which holds a head and a part of its body, into one that
// waits for the rest of it. The fields of the last call may point into it: only now.
func (q *partial) awaitBody() {
	q.discard(q.prog.off)
	q.kind, q.head, q.body = kindHTTPBody, q.prog.head, q.prog.body
	q.prog = progress{}
	if q.body.mode == bodyLength {
		end := int64(q.n) + q.body.left
		keep := 0
		for _, s := range q.spans[:q.nspans] {
			if int64(s.from) < end {
				q.spans[keep] = span{s.from, int32(min(int64(s.to), end))}
				keep++
			}
		}
		q.nspans = keep
	}
	q.pass()
}

// body takes a segment for a message whose head is in the buffer of q and whose body goes
// on. The buffer's sequence number is that of the next byte of the body, less the head.
func (r *Recognizer) body(st *FlowState, s *Segment, d int, q *partial) verdict {
	if q.fed++; q.fed%touchEvery == 0 {
		r.pool.touch(st.partial[d])
	}
	b := s.Payload
	off := int64(int32(s.Seq-q.base)) - int64(q.head) // from the next byte of the body
	if off < 0 {
		if -off > int64(len(b)) {
			return verdictNone // old
		}
		b, off = b[-off:], 0
	}
	var rest []byte
	var ended, lost bool
	switch q.body.mode {
	case bodyChunked:
		rest, ended, lost = r.chunkedPart(q, off, b)
	case bodyLength:
		if off >= q.body.left {
			return r.ahead(st, s, d, q, off)
		}
		inside := min(int64(len(b)), q.body.left-off)
		rest = b[inside:]
		lost = q.filled(off, inside)
		ended = q.body.left == 0
	default:
		lost = q.filled(off, int64(len(b)))
	}
	if s.End && !ended && off == 0 && q.nspans == 0 && !s.Truncated {
		ended = q.body.mode == bodyUntilEnd
		lost = lost || !ended
	}
	switch {
	case q.body.bad():
		return r.finish(st, s, d, q, nil)
	case lost:
		r.counters.PartialsGivenUp++
		r.drop(st, d)
		return r.behind(st, s, d, rest, s.Seq+uint32(len(s.Payload)-len(rest)))
	case ended:
		return r.finish(st, s, d, q, rest)
	case len(rest) > 0:
		return r.behind(st, s, d, rest, s.Seq+uint32(len(s.Payload)-len(rest)))
	default:
		return verdictNeed
	}
}

// chunkedPart goes on in a body of chunks. What comes before its turn waits in the buffer.
func (r *Recognizer) chunkedPart(q *partial, off int64, b []byte) (rest []byte, ended, lost bool) {
	if off == 0 && q.nspans == 0 {
		used, ended := q.body.walk(b)
		q.base += uint32(used)
		return b[used:], ended, false
	}
	if off > 0 && len(b) > 0 && startsHTTP(b) {
		// The next message: nobody will fill the hole.
		return b, false, true
	}
	if q.insert(int64(q.head)+off, b) || off+int64(len(b)) > int64(len(q.buf)-q.head) {
		return nil, false, true
	}
	if q.n == q.head {
		return nil, false, false
	}
	// The buffer is given back before what follows the body may want one.
	r.hold = append(r.hold[:0], q.buf[:q.n]...)
	used, ended := q.body.walk(q.buf[q.head:q.n])
	rest = r.hold[q.head+used:]
	q.n = q.head + used
	q.pass()
	return rest, ended, false
}

// finish reports a message whose body has ended, and reads what follows it.
func (r *Recognizer) finish(st *FlowState, s *Segment, d int, q *partial, rest []byte) verdict {
	r.hold = append(r.hold[:0], q.buf[:q.head]...) // of what may lie behind nothing is overwritten
	seq := q.base + uint32(q.head)
	r.counters.PartialsFinished++
	r.drop(st, d)
	r.httpHead(st, r.hold)
	if len(rest) == 0 {
		return verdictOK
	}
	return r.behind(st, s, d, rest, seq)
}

// farAhead is how many bytes behind a message's end show that its holes will not be filled.
const farAhead = 1 << 20

// ahead looks at a segment that lies behind a message of which pieces are missing.
func (r *Recognizer) ahead(st *FlowState, s *Segment, d int, q *partial, off int64) verdict {
	if off-q.body.left > farAhead {
		r.counters.PartialsGivenUp++
		r.drop(st, d)
	}
	return r.behind(st, s, d, s.Payload, s.Seq)
}

// behind reads what stands behind a body: the last bytes of a segment, less those that an
// earlier one has brought.
func (r *Recognizer) behind(st *FlowState, s *Segment, d int, rest []byte, seq uint32) verdict {
	if old := int64(int32(s.Seq + s.Repeated - seq)); s.Repeated > 0 && old > 0 {
		if old >= int64(len(rest)) {
			return verdictNone
		}
		rest, seq = rest[old:], seq+uint32(old)
	}
	if len(rest) == 0 {
		return verdictNone
	}
	next := *s
	next.Payload, next.Seq, next.Missing, next.Repeated = rest, seq, 0, 0
	if k := r.classify(st, &next, d, rest); k != kindNone {
		return r.begin(st, &next, d, k)
	}
	return verdictNone
}

// filled notes that n bytes at off from the next byte of the body have come. It says whether
// that could not be noted, because there are too many holes or it lies too far ahead.
func (q *partial) filled(off, n int64) (lost bool) {
	switch {
	case off == 0:
		q.n = q.head + int(n)
		q.join()
		q.body.left -= int64(q.n - q.head)
		q.pass()
	case n == 0:
	case q.nspans == maxSpans || off+n > 1<<30:
		return true
	default:
		q.merge(int32(q.head)+int32(off), int32(q.head)+int32(off+n))
	}
	return false
}

// pass forgets the bytes of the body behind the head, up to q.n: their turn has come.
func (q *partial) pass() {
	by := q.n - q.head
	if by == 0 {
		return
	}
	if q.body.mode == bodyChunked { // only then are there bytes behind it
		end := q.n
		for _, s := range q.spans[:q.nspans] {
			end = max(end, int(s.to))
		}
		copy(q.buf[q.head:], q.buf[q.n:end])
	}
	q.n = q.head
	q.base += uint32(by)
	for i := range q.spans[:q.nspans] {
		q.spans[i].from -= int32(by)
		q.spans[i].to -= int32(by)
	}
}
