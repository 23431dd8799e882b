package app

import "bytes"

// The functions of this file say whether a segment is the first message of a protocol.
// Each needs a constant of several bytes or a length that agrees with the segment's, so
// that other bytes pass by accident less than once in some ten million.

// isMongo: a message header whose length was checked already; OP_MSG (2013) with its
// flags and first section kind, or the OP_QUERY (2004) of a handshake. MongoDB wire
// protocol.
func isMongo(b []byte) bool {
	if len(b) < 26 {
		return false
	}
	switch le32(b[12:]) {
	case 2013:
		return le32(b[16:])&^0x10003 == 0 && b[20] <= 1
	case 2004:
		return hasPrefix(b[20:], "admin.$cmd\x00")
	default:
		return false
	}
}

// isMySQLGreeting: protocol version 10 and a version text that starts with a digit, in a
// packet that fills the segment. MySQL internals, "Protocol::HandshakeV10".
func isMySQLGreeting(b []byte) bool {
	n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	if n != len(b)-4 || n < 30 || b[5] < '0' || b[5] > '9' {
		return false
	}
	for _, c := range b[5:min(len(b), 69)] {
		if c == 0 {
			return true
		}
		if c < ' ' || c > '~' {
			return false
		}
	}
	return false
}

// isRDP: a TPKT that fills the segment with an X.224 connection request or confirm that
// holds an RDP cookie or RDP negotiation. MS-RDPBCGR 2.2.1.1 and 2.2.1.2.
func isRDP(b []byte) bool {
	n := len(b)
	if n < 19 || b[1] != 0 || be16(b[2:]) != n || int(b[4]) != n-5 {
		return false
	}
	tail := b[n-8:]
	negotiation := tail[2] == 8 && tail[3] == 0
	switch b[5] {
	case 0xe0:
		return negotiation && tail[0] == 1 || hasPrefix(b[11:], "Cookie: mstshash=")
	case 0xd0:
		return negotiation && (tail[0] == 2 || tail[0] == 3)
	default:
		return false
	}
}

// isLDAPBind: a BindRequest of version 2 or 3 that fills the segment. RFC 4511 section
// 4.2.
func isLDAPBind(b []byte) bool {
	tag, content, rest, ok := derNext(b)
	if !ok || tag != derSequence || len(rest) != 0 {
		return false
	}
	tag, id, content, ok := derNext(content)
	if !ok || tag != derInteger || len(id) > 4 {
		return false
	}
	tag, content, _, ok = derNext(content)
	if !ok || tag != 0x60 {
		return false
	}
	tag, version, _, ok := derNext(content)
	return ok && tag == derInteger && len(version) == 1 && (version[0] == 2 || version[0] == 3)
}

// isBGP: the marker, a length and a type. RFC 4271 section 4.1.
func isBGP(b []byte) bool {
	if len(b) < 19 {
		return false
	}
	for _, c := range b[:16] {
		if c != 0xff {
			return false
		}
	}
	n := be16(b[16:])
	return n >= 19 && n <= 4096 && b[18] >= 1 && b[18] <= 5
}

// isTelnet: option negotiation at the start, RFC 854: IAC, WILL to DONT, an option; and
// either nothing more or another IAC.
func isTelnet(b []byte) bool {
	if len(b) < 3 || b[1] < 0xfb || b[1] == 0xff || b[2] > 50 {
		return false
	}
	return len(b) == 3 || len(b) >= 6 && b[3] == 0xff && b[4] >= 0xfa
}

// isPostgresStartup: a message whose length was checked already; SSLRequest,
// GSSENCRequest, CancelRequest or a StartupMessage of version 3 with a user. PostgreSQL
// documentation, "Message Formats".
func isPostgresStartup(b []byte) bool {
	switch be32(b[4:]) {
	case 80877103, 80877104:
		return len(b) == 8
	case 80877102:
		return len(b) == 16
	case 3 << 16, 3<<16 + 2:
		return len(b) > 14 && hasPrefix(b[8:], "user\x00") && b[len(b)-1] == 0
	default:
		return false
	}
}

// isKafkaVersions: an ApiVersions request (key 18) whose length was checked already: what
// every client says first. Kafka protocol guide.
func isKafkaVersions(b []byte) bool {
	if len(b) < 15 || be16(b[4:]) != 18 || be16(b[6:]) > 4 {
		return false
	}
	n := be16(b[12:])
	if n == 0 || n > len(b)-14 {
		return false
	}
	for _, c := range b[14 : 14+n] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// isRPCCall: the header of a Sun RPC call (RFC 5531 section 9) of a program number that
// was assigned to somebody.
func isRPCCall(b []byte) bool {
	return len(b) >= 40 && be32(b[4:]) == 0 && be32(b[8:]) == 2 &&
		be32(b[12:]) >= 100000 && be32(b[12:]) < 0x20000000 && be32(b[16:]) < 16
}

// isMQTTConnect: a CONNECT packet with the protocol's name. MQTT 3.1.1 and 5.0 section
// 3.1.
func isMQTTConnect(b []byte) bool {
	_, rest, ok := mqttLength(b[1:])
	return ok && (hasPrefix(rest, "\x00\x04MQTT") || hasPrefix(rest, "\x00\x06MQIsdp"))
}

// mqttLength reads a variable byte integer, MQTT 5.0 section 1.5.5.
func mqttLength(b []byte) (n int, rest []byte, ok bool) {
	for i := range min(len(b), 4) {
		n |= int(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// isTDS: a PRELOGIN packet that fills the segment and begins with the option for versions. MS-TDS
// 2.2.3.1 and 2.2.6.5.
func isTDS(b []byte) bool {
	if len(b) < 8+6 || b[1] != 1 || be16(b[2:]) != len(b) || be16(b[4:]) != 0 || b[7] != 0 || b[8] != 0 {
		return false
	}
	at := be16(b[9:])
	return at >= 6 && 8+at+6 <= len(b) && be16(b[11:]) == 6
}

// isTNS: a connect packet of Oracle's Transparent Network Substrate that fills the segment, of
// versions 300 to 330 which speak down to 300 or less.
func isTNS(b []byte) bool {
	return len(b) >= 34 && be16(b) == len(b) && be16(b[2:]) == 0 && b[4] == 1 && be16(b[6:]) == 0 &&
		be16(b[8:]) >= 300 && be16(b[8:]) <= 330 && be16(b[10:]) >= 100 && be16(b[10:]) <= be16(b[8:])
}

// isCQL: a STARTUP message of versions 3 to 5 that fills the segment. Apache Cassandra, "CQL binary
// protocol v5" section 4.1.1.
func isCQL(b []byte) bool {
	return len(b) > 9 && b[1] == 0 && b[4] == 1 && int64(be32(b[5:])) == int64(len(b)-9) && bytes.Contains(b[9:], []byte("\x00\x0bCQL_VERSION\x00"))
}

// isGit: a request line of git's own protocol, whose length stands before it in four hexadecimal
// digits. Git documentation, "gitprotocol-pack".
func isGit(b []byte) bool {
	n := 0
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | int(c-'a'+10)
		default:
			return false
		}
	}
	return n == len(b) && (hasPrefix(b[4:], "git-upload-pack ") || hasPrefix(b[4:], "git-receive-pack ") || hasPrefix(b[4:], "git-upload-archive "))
}

// mqtt reports the client identifier of a CONNECT packet.
func (r *Recognizer) mqtt(st *FlowState, b []byte, cut bool) verdict {
	n, rest, ok := mqttLength(b[1:])
	if !ok {
		return verdictNone
	}
	if len(rest) < n && !cut {
		return verdictNeed
	}
	st.flags |= flagDone
	c := cursor{b: rest[:min(n, len(rest))]}
	c.vec16()
	level := c.u8()
	c.u8()
	c.u16()
	if level >= 5 {
		length, after, ok := mqttLength(c.b)
		if !ok {
			return verdictMalformed
		}
		c.b = after
		c.take(length)
	}
	id := c.vec16()
	if c.bad {
		return verdictMalformed
	}
	r.add(FieldMQTTClientID, id)
	return verdictOK
}
