package app

// TLS record types, RFC 8446 section 5.1.
const (
	recordCCS       = 20
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

// TLS handshake message types, RFC 8446 section 4, RFC 5246 section 7.4.
const (
	msgClientHello = 1
	msgServerHello = 2
	msgCertificate = 11
)

// maxRecord is the longest TLS record: 2^14 octets and what encryption may add.
const maxRecord = 1<<14 + 2048

// startsHandshake says that b may begin with a TLS handshake record that opens a
// handshake, or with the dummy ChangeCipherSpec before one. The fewer bytes, the less it
// can tell: one byte is enough for a "may be".
func startsHandshake(b []byte) bool {
	if b[0] != recordHandshake && b[0] != recordCCS {
		return false
	}
	if len(b) >= 3 && (b[1] != 3 || b[2] > 4) || len(b) == 2 && b[1] != 3 {
		return false
	}
	if len(b) < 6 {
		return true
	}
	n := be16(b[3:])
	if b[0] == recordCCS {
		return n == 1 && b[5] == 1
	}
	return n >= 1 && n <= maxRecord && opensHandshake(b[5])
}

// opensHandshake says that a message of that type may be the first of a segment.
func opensHandshake(msg byte) bool {
	switch msg {
	case 0, msgClientHello, msgServerHello, 4, msgCertificate, 12, 13, 14, 15, 16, 20, 22:
		return true
	default:
		return false
	}
}

// tls reads the records at the start of b, which direction d has sent, up to where it
// begins to encrypt: the types of the handshake's messages, ClientHello, ServerHello and,
// in TLS 1.2 and older, the names of the server's certificate. Handshake messages may span
// records, and records may hold several messages. RFC 8446, RFC 5246.
func (r *Recognizer) tls(st *FlowState, d int, b []byte, prog *progress, cut bool) verdict {
	// carry is the begin of a message that continues in the next record.
	carry := r.carry[:0]
	pos, msgs := prog.off, 0 // msgs: since prog.off
	sawCCS := false
	for pos < len(b) {
		rec := b[pos:]
		if len(rec) < 5 {
			return verdictNeed
		}
		n := be16(rec[3:])
		if rec[1] != 3 || rec[2] > 4 || n > maxRecord {
			return r.tlsBad(st)
		}
		body := rec[5:min(5+n, len(rec))]
		whole := len(body) == n
		switch rec[0] {
		case recordCCS:
			sawCCS = true
			if !whole {
				return verdictNeed
			}
			if st.flags&flagRetry == 0 { // else it is the dummy before what was asked for
				st.finish(d)
			}
		case recordAlert:
			if !whole {
				return verdictNeed
			}
		case recordData:
			r.tlsKnown(st)
			st.finish(d)
			return verdictOK
		case recordHandshake:
			if sawCCS && len(body) < 4 && !whole {
				return verdictNeed
			}
			if sawCCS && (len(body) < 4 || body[0] != msgClientHello || be24(body[1:])+4 != n) {
				// Encrypted from here on. (A ClientHello may follow: the answer to a
				// HelloRetryRequest comes behind a dummy ChangeCipherSpec.)
				return verdictOK
			}
			if !whole && !cut {
				prog.next = pos + 5 + n
				return verdictNeed
			}
			data := body
			if len(carry) > 0 {
				if len(carry)+len(body) > cap(carry) {
					r.counters.PartialsGivenUp++
					return verdictMalformed
				}
				carry = append(carry, body...)
				data = carry
			}
			used, v := r.handshakes(st, data, prog, &msgs, cut)
			if v != verdictNeed {
				return v
			}
			switch {
			case !whole:
				return verdictNeed
			case len(carry) > 0:
				// Never moved: fields may point to what was used.
				carry = carry[used:]
			case used < len(data):
				if len(data)-used > cap(carry) {
					r.counters.PartialsGivenUp++
					return verdictMalformed
				}
				carry = append(carry, data[used:]...)
			}
		default:
			return r.tlsBad(st)
		}
		pos += 5 + n
		if len(carry) == 0 {
			prog.off, prog.msgs, prog.next, msgs = pos, 0, 0, 0
		}
	}
	if len(carry) > 0 {
		return verdictNeed
	}
	return verdictOK
}

// tlsKnown notes that a handshake was seen.
func (r *Recognizer) tlsKnown(st *FlowState) {
	st.flags |= flagTLS
	if st.proto == Unknown {
		st.proto = TLS
	}
}

// tlsBad is the verdict on bytes that are no TLS record.
func (r *Recognizer) tlsBad(st *FlowState) verdict {
	if st.flags&flagTLS == 0 {
		return verdictNone
	}
	return verdictMalformed
}

// handshakes reads the messages in data, which begins with one. Those of which msgs says
// that they were reported already are passed over. It gives how many bytes were used up
// and verdictNeed when it may go on with more.
func (r *Recognizer) handshakes(st *FlowState, data []byte, prog *progress, msgs *int, cut bool) (used int, v verdict) {
	for len(data)-used >= 4 {
		m := data[used:]
		n := be24(m[1:])
		whole := len(m)-4 >= n
		body := m[4:min(4+n, len(m))]
		if !opensHandshake(m[0]) {
			return used, r.tlsBad(st)
		}
		r.tlsKnown(st)
		if !whole && !cut {
			break
		}
		if *msgs >= prog.msgs {
			if ok := r.handshake(st, m[0], body, whole); !ok {
				return used, verdictMalformed
			}
			prog.msgs++
		}
		if st.flags&flagDone != 0 || !whole {
			return used, verdictOK
		}
		used += 4 + n
		*msgs++
	}
	return used, verdictNeed
}

// handshake reports a message and says whether it could be read. Of one that is not whole no
// more will come.
func (r *Recognizer) handshake(st *FlowState, typ byte, body []byte, whole bool) bool {
	if whole {
		r.addNumber(FieldTLSHandshakeType, uint32(typ))
	}
	switch typ {
	case msgClientHello:
		return r.onClientHello(st, body, whole)
	case msgServerHello:
		return !whole || r.onServerHello(st, body)
	case msgCertificate:
		r.onCertificate(body)
	}
	return true
}

// onClientHello reports a ClientHello and says whether it could be read.
func (r *Recognizer) onClientHello(st *FlowState, body []byte, whole bool) bool {
	st.flags |= flagHello
	ok := r.hello.parse(body, false)
	if !ok && whole {
		return false
	}
	r.reportHello('t', ok)
	return true
}

// onServerHello reports a ServerHello and says whether it could be read.
func (r *Recognizer) onServerHello(st *FlowState, body []byte) bool {
	h, ok := parseServerHello(body)
	if !ok {
		return false
	}
	r.addNumber(FieldTLSVersion, uint32(h.version))
	if h.selected != 0 {
		r.addNumber(FieldTLSSupportedVersion, uint32(h.selected))
	}
	r.addNumber(FieldTLSCipherSuite, uint32(h.cipher))
	if h.alpn != nil {
		r.add(FieldTLSALPN, h.alpn)
	}
	// From TLS 1.3 on the rest is encrypted, unless a second ClientHello was asked for.
	switch {
	case h.retry:
		st.flags |= flagRetry
	case h.selected >= 0x0304:
		st.flags |= flagDone
	}
	return true
}
