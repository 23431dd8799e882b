package app

// kind says which parser reads the bytes of a stream.
type kind uint8

const (
	kindNone    kind = iota
	kindPending      // the beginning has not come yet: nobody knows
	kindTLS
	kindHTTP
	kindDNS
	kindSSH
	kindMQTT
	kindQUIC
)

// verdict is what a parser says of the bytes that it was given.
type verdict uint8

const (
	verdictNone      verdict = iota // not what it was taken for, or nothing to say
	verdictNeed                     // the last message is not complete
	verdictOK                       // read, what follows is not of interest
	verdictMalformed                // a message that cannot be read
)

// progress lets a parser go on where it stopped when more bytes have come.
type progress struct {
	off  int // bytes that need not be seen again
	msgs int // TLS: messages from off on that were reported
	next int // TLS: behind the record that is not complete; 0 while that is not known

	head int      // HTTP: length of the head at off whose body goes on behind the bytes that came; 0 without
	body httpBody // HTTP: what is still to come of it
}

// maxPending bounds the segments during which the beginning of a stream is awaited.
const maxPending = 8

// stream looks at one TCP segment.
func (r *Recognizer) stream(st *FlowState, s *Segment) verdict {
	d := s.way()
	var q *partial
	if h := st.partial[d]; h != 0 {
		if q = r.pool.get(h); q == nil {
			st.partial[d] = 0
			r.counters.PartialsLost++
		}
	}
	if st.proto == HTTP && (q == nil || q.kind == kindHTTP) {
		return r.httpSegment(st, s, d, q)
	}
	switch {
	case len(s.Payload) <= int(s.Repeated):
		return verdictNone
	case s.Repeated > 0:
		return r.withoutRepeated(st, s)
	case q != nil:
		return r.resume(st, s, d, q)
	}
	k := r.classify(st, s, d, s.Payload)
	if k == kindHTTP {
		return r.httpSegment(st, s, d, nil)
	}
	if k != kindNone {
		return r.begin(st, s, d, k)
	}
	if s.Missing != 0 && (st.proto == Unknown || st.proto == TLS) {
		return r.awaitBeginning(st, s, d)
	}
	return verdictNone
}

// way gives the direction's place in FlowState.
func (s *Segment) way() int {
	if s.FromClient {
		return 0
	}
	return 1
}

// withoutRepeated looks at the part of a segment that is new.
func (r *Recognizer) withoutRepeated(st *FlowState, s *Segment) verdict {
	fresh := *s
	fresh.Payload = s.Payload[s.Repeated:]
	fresh.Seq += s.Repeated
	fresh.Repeated = 0
	return r.stream(st, &fresh)
}

// begin parses a payload that starts with a message, and keeps the part of it that is
// not complete.
func (r *Recognizer) begin(st *FlowState, s *Segment, d int, k kind) verdict {
	var prog progress
	v := r.parse(st, s, k, s.Payload, &prog, s.Truncated)
	if v != verdictNeed || st.flags&flagDone != 0 || s.Truncated {
		return v
	}
	rest := s.Payload[prog.off:]
	if len(rest) >= r.pool.size {
		r.counters.PartialsGivenUp++
		return r.parse(st, s, k, rest, &progress{msgs: prog.msgs}, true)
	}
	q, h := r.take(k, s.Seq+uint32(prog.off))
	q.prog.msgs, q.prog.next = prog.msgs, max(0, prog.next-prog.off)
	q.fed = 1
	q.insert(0, rest)
	r.wait(st, d, h)
	return verdictNeed
}

// wait notes the unfinished message of a direction. One with holes, which the new one is
// behind, is given up for it.
func (r *Recognizer) wait(st *FlowState, d int, handle uint32) {
	if old := st.partial[d]; r.pool.get(old) != nil {
		r.counters.PartialsGivenUp++
		r.pool.release(old)
	}
	st.partial[d] = handle
}

// resume adds a segment to the unfinished message of its direction.
func (r *Recognizer) resume(st *FlowState, s *Segment, d int, q *partial) verdict {
	q.fed++
	// Only now: the fields of the last call pointed to what is forgotten here.
	q.discard(q.prog.off)
	q.prog.next = max(0, q.prog.next-q.prog.off)
	q.prog.off = 0
	off, mine := int64(int32(s.Seq-q.base)), s.Payload
	if next := int64(q.prog.next); next > 0 && off > int64(q.n) && off+int64(len(mine)) > next {
		// What follows the record is read although a piece of the record is missing.
		mine = mine[:max(0, next-off)]
	}
	if q.insert(off, mine) {
		r.counters.PiecesDropped++
	}
	if rest := s.Payload[len(mine):]; len(rest) > 0 {
		return r.behind(st, s, d, rest, s.Seq+uint32(len(mine)))
	}
	if q.kind == kindPending {
		if q.n == 0 {
			return r.stillPending(st, s, d, q)
		}
		switch q.kind = r.classify(st, s, d, q.buf[:q.n]); q.kind {
		case kindNone:
			r.drop(st, d)
			return verdictNone
		case kindHTTP:
			r.hold = append(r.hold[:0], q.buf[:q.n]...)
			r.drop(st, d)
			r.httpNames(st, r.hold)
			return r.httpSegment(st, s, d, nil)
		}
	}
	v := r.parse(st, s, q.kind, q.buf[:q.n], &q.prog, s.Truncated)
	if v != verdictNeed || st.flags&flagDone != 0 {
		r.counters.PartialsFinished++
		r.drop(st, d)
		return v
	}
	full := q.n == len(q.buf) && q.prog.off == 0
	if !s.Truncated && !full && q.fed < maxFeeds {
		return verdictNeed
	}
	r.counters.PartialsGivenUp++
	if !s.Truncated {
		v = r.parse(st, s, q.kind, q.buf[q.prog.off:q.n], &progress{msgs: q.prog.msgs}, true)
	}
	r.drop(st, d)
	if v == verdictNeed {
		v = verdictNone
	}
	return v
}

// awaitBeginning keeps a segment of which the capture has not seen the predecessor yet,
// at the start of a flow: the two halves of a ClientHello may come in the wrong order.
func (r *Recognizer) awaitBeginning(st *FlowState, s *Segment, d int) verdict {
	if st.looks[d] > 2 || st.flags&flagDone != 0 ||
		int64(s.Missing)+int64(len(s.Payload)) >= int64(r.pool.size) {
		return verdictNone
	}
	q, h := r.take(kindPending, s.Seq-s.Missing)
	q.fed = 1
	q.insert(int64(s.Missing), s.Payload)
	st.partial[d] = h
	return verdictNeed
}

// stillPending is the case of a segment that is not the awaited beginning either. When
// it starts with a message by itself, the beginning was lost and is waited for no more.
func (r *Recognizer) stillPending(st *FlowState, s *Segment, d int, q *partial) verdict {
	if k := r.classify(st, s, d, s.Payload); k != kindNone {
		r.counters.PartialsGivenUp++
		r.drop(st, d)
		return r.begin(st, s, d, k)
	}
	if q.fed < maxPending && st.flags&flagDone == 0 {
		return verdictNeed
	}
	r.counters.PartialsGivenUp++
	r.drop(st, d)
	return verdictNone
}

// behind reads what stands behind a record of which a piece is missing: the last bytes of a
// segment, less those that an earlier one has brought.
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

func (r *Recognizer) take(k kind, base uint32) (*partial, uint32) {
	q, h, evicted := r.pool.take(k, base)
	r.counters.PartialsStarted++
	if evicted {
		r.counters.PartialsEvicted++
	}
	return q, h
}

func (r *Recognizer) drop(st *FlowState, d int) {
	r.pool.release(st.partial[d])
	st.partial[d] = 0
}

// parse reads the messages at the start of b. cut says that no more bytes will come:
// what is there is read as far as possible and verdictNeed means nothing.
func (r *Recognizer) parse(st *FlowState, s *Segment, k kind, b []byte, prog *progress, cut bool) verdict {
	switch k {
	case kindTLS:
		return r.tls(st, s.way(), b, prog, cut)
	case kindDNS:
		return r.dnsStream(st, s, b, prog, cut)
	case kindSSH:
		return r.ssh(st, s.way(), b, cut)
	case kindMQTT:
		return r.mqtt(st, b, cut)
	default:
		return verdictNone
	}
}

// classify says which parser is to read a stream from b on, and notes the protocol when
// it was not known.
func (r *Recognizer) classify(st *FlowState, s *Segment, d int, b []byte) kind {
	switch st.proto {
	case Unknown:
		if st.looks[d] >= maxLooksUnknown {
			return kindNone
		}
		st.look(d)
		p, k := detectTCP(st, s, b)
		if p != Unknown {
			st.proto = p
			if k == kindNone && !mayStartTLS(p) {
				st.flags |= flagDone
			}
		}
		return k
	case HTTP:
		if b[0] == recordHandshake && len(b) > 5 && startsHandshake(b) {
			return kindTLS
		}
		return kindNone
	case DNS:
		return kindDNS
	case SSH:
		if len(b) >= 4 && string(b[:4]) == "SSH-" {
			return kindSSH
		}
		if st.look(d); st.totalLooks() > maxLooksBanner {
			st.flags |= flagDone
		}
		return kindNone
	default:
		st.look(d)
		if st.over(d) { // the other direction may still have something to say
			if st.looks[d] >= maxLooksOver {
				st.flags |= flagDone
			}
			return kindNone
		}
		if st.totalLooks() > maxLooksTLS && st.looks[d] > maxLooksTLS/2 {
			st.flags |= flagDone
		}
		if startsHandshake(b) {
			return kindTLS
		}
		return kindNone
	}
}

// mayStartTLS says that a connection of that protocol may turn to TLS in the middle, so
// that a ClientHello is still to be looked for.
func mayStartTLS(p Protocol) bool {
	switch p {
	case TLS, SMTP, IMAP, POP3, FTP, XMPP, LDAP, PostgreSQL, MySQL, RDP, NATS:
		return true
	default:
		return false
	}
}
