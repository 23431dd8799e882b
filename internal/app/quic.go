package app

// The bounds of a QUIC Initial packet.
const (
	maxConnID      = 20   // RFC 9000 section 17.2
	minInitialSize = 1200 // RFC 9000 section 14.1: what a client must fill a datagram to
	maxInitialSize = 4096 // longer ones are not decrypted; real ones fit an Ethernet frame
)

// quicInitial is the place of the parts of an Initial packet, RFC 9000 section 17.2.2.
type quicInitial struct {
	version *quicVersion
	dcid    []byte
	number  int // offset of the packet number
	end     int // offset behind the packet
}

// quicVersionOf gives the version of a packet with a long header, nil for a short header,
// an unknown version or connection identifiers that do not fit. b has at least 7 bytes.
func quicVersionOf(b []byte) *quicVersion {
	if b[0]&0xc0 != 0xc0 {
		return nil
	}
	n := int(b[5])
	if n > maxConnID || len(b) < 7+n || int(b[6+n]) > maxConnID {
		return nil
	}
	switch be32(b[1:]) {
	case quicV1.number:
		return &quicV1
	case quicV2.number:
		return &quicV2
	default:
		return nil
	}
}

// varint reads a variable-length integer, RFC 9000 section 16. Beyond 2^30 it gives some
// number that is too large for every length and offset in a datagram.
func (c *cursor) varint() int {
	first := c.u8()
	v := first & 0x3f
	for range 1<<(first>>6) - 1 {
		v = min(v, 1<<22-1)<<8 | c.u8()
	}
	return v
}

// parseLong reads a long header. initial says that the packet is an Initial; end is the
// offset behind the packet, from which the datagram may go on.
func parseLong(b []byte) (p quicInitial, initial, ok bool) {
	if len(b) < 7 {
		return p, false, false
	}
	if p.version = quicVersionOf(b); p.version == nil {
		return p, false, false
	}
	c := cursor{b: b[5:]}
	p.dcid = c.vec8()
	c.vec8()
	typ := b[0] >> 4 & 3
	initial = typ == p.version.initial
	if initial {
		c.take(c.varint()) // token
	} else if typ == p.version.retry {
		return p, false, false
	}
	n := c.varint()
	if c.bad || n > len(c.b) {
		return p, false, false
	}
	p.number = len(b) - len(c.b)
	p.end = p.number + n
	return p, initial, true
}

// quicDatagram reads the client's Initial packets of a datagram until the ClientHello is
// complete. RFC 9001 section 5.2, RFC 9369.
func (r *Recognizer) quicDatagram(st *FlowState, s *Segment) verdict {
	st.flags |= flagTLS
	if !s.FromClient {
		if st.look(1); st.looks[1] >= maxLooksQUIC && st.partial[0] == 0 {
			st.flags |= flagDone
		}
		return verdictOK
	}
	v := verdictOK
	if len(s.Payload) >= minInitialSize || s.Truncated {
		v = r.quicInitials(st, s.Payload)
	}
	if st.look(0); st.looks[0] > maxLooksQUIC && st.flags&flagDone == 0 {
		st.flags |= flagDone
		if st.partial[0] != 0 {
			r.counters.PartialsGivenUp++
		}
	}
	if st.flags&flagDone != 0 {
		r.Release(st)
	}
	return v
}

func (r *Recognizer) quicInitials(st *FlowState, b []byte) verdict {
	v := verdictOK
	for len(b) >= 7 && b[0]&0x80 != 0 && st.flags&flagDone == 0 {
		p, initial, ok := parseLong(b)
		if !ok {
			return v
		}
		if initial && p.end <= maxInitialSize {
			r.counters.QUICInitials++
			frames, ok := r.openInitial(st, b[:p.end], &p)
			if !ok {
				r.counters.QUICFailed++
				return verdictMalformed
			}
			if v = r.quicFrames(st, &p, frames); v == verdictMalformed {
				return v
			}
		}
		if initial && p.end > maxInitialSize {
			r.counters.CutShort++
		}
		b = b[p.end:]
	}
	return v
}

// openInitial decrypts an Initial packet. Its keys come from its destination connection
// identifier, or, when the server has answered in between and chosen another one, still
// from that of the flow's first packet.
func (r *Recognizer) openInitial(st *FlowState, b []byte, p *quicInitial) (frames []byte, ok bool) {
	if frames, ok = r.quic.open(b, p); ok {
		return frames, true
	}
	q := r.pool.get(st.partial[0])
	if q == nil || string(q.connID[:q.connLen]) == string(p.dcid) {
		return nil, false
	}
	p.dcid = q.connID[:q.connLen]
	return r.quic.open(b, p)
}

// quicFrames collects the CRYPTO frames of an Initial packet, RFC 9000 section 12.4, and
// reports the ClientHello when it is complete.
func (r *Recognizer) quicFrames(st *FlowState, p *quicInitial, frames []byte) verdict {
	c := cursor{b: frames}
	for len(c.b) > 0 {
		switch typ := c.u8(); typ {
		case 0x00, 0x01: // PADDING, PING
		case 0x02, 0x03: // ACK
			c.varint()
			c.varint()
			ranges := c.varint()
			c.varint()
			for i := 0; i < 2*ranges && !c.bad; i++ {
				c.varint()
			}
			if typ == 0x03 {
				c.varint()
				c.varint()
				c.varint()
			}
		case 0x06:
			offset := c.varint()
			data := c.take(c.varint())
			if c.bad {
				return verdictMalformed
			}
			if r.quicCrypto(st, p, offset, data) {
				return r.quicHello(st)
			}
		case 0x1c, 0x1d: // CONNECTION_CLOSE: nothing more comes
			return verdictOK
		default:
			return verdictMalformed
		}
		if c.bad {
			return verdictMalformed
		}
	}
	if st.partial[0] != 0 {
		return verdictNeed
	}
	return verdictOK
}

// quicCrypto adds a piece of the stream of handshake messages and says whether the first
// message is complete.
func (r *Recognizer) quicCrypto(st *FlowState, p *quicInitial, offset int, data []byte) bool {
	q := r.pool.get(st.partial[0])
	if q == nil {
		if st.partial[0] != 0 {
			r.counters.PartialsLost++
		}
		q, st.partial[0] = r.take(kindQUIC, 0)
		q.connLen = uint8(copy(q.connID[:], p.dcid))
	}
	if q.insert(int64(offset), data) {
		r.counters.PiecesDropped++
	}
	return q.n >= 4 && (q.buf[0] != msgClientHello || q.n >= 4+be24(q.buf[1:]) || 4+be24(q.buf[1:]) > len(q.buf))
}

// quicHello reports the message that is complete.
func (r *Recognizer) quicHello(st *FlowState) verdict {
	q := r.pool.get(st.partial[0])
	st.flags |= flagDone
	n := 4 + be24(q.buf[1:])
	if q.buf[0] != msgClientHello || n > q.n || !r.hello.parse(q.buf[4:n], false) {
		return verdictMalformed
	}
	r.counters.PartialsFinished++
	st.flags |= flagHello
	r.addNumber(FieldTLSHandshakeType, msgClientHello)
	r.reportHello('q', true)
	return verdictOK
}

// isDTLSHello says that b begins with a DTLS record of a ClientHello, RFC 6347 sections
// 4.1 and 4.2.2.
func isDTLSHello(b []byte) bool {
	return len(b) >= 25 && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd) && be16(b[3:]) == 0 &&
		be16(b[11:]) >= 12 && b[13] == msgClientHello
}

// dtls reports the ClientHello of a datagram, when it is not in fragments.
func (r *Recognizer) dtls(st *FlowState, b []byte) verdict {
	st.flags |= flagTLS
	if st.look(1); st.totalLooks() > maxLooksUnknown {
		st.flags |= flagDone
	}
	if !isDTLSHello(b) {
		return verdictOK
	}
	n := be24(b[14:])
	if be24(b[19:]) != 0 || be24(b[22:]) != n {
		return verdictOK
	}
	if len(b) < 25+n || !r.hello.parse(b[25:25+n], true) {
		return verdictMalformed
	}
	st.flags |= flagHello
	r.reportHello('d', true)
	return verdictOK
}
