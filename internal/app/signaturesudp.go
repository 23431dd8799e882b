package app

// The functions of this file say whether a datagram is a message of a protocol, under
// the rule of signaturestcp.go.

const portNTP = 123

// ntpEpoch is 1970 in seconds of NTP's first era, RFC 5905 section 6.
const ntpEpoch = 2208988800

// isNTPOnPort: what is needed on NTP's own port: a version and a mode that exist. A
// client request may be empty but for its first byte. RFC 5905 section 7.3. A control message says how
// much data it has, with up to 24 bytes of authentication behind: RFC 9327 section 2.
func isNTPOnPort(b []byte) bool {
	version, mode := b[0]>>3&7, b[0]&7
	if version < 1 || version > 4 {
		return false
	}
	return mode >= 1 && mode <= 5 && len(b) >= 48 && len(b)%4 == 0 && b[1] <= 16 ||
		mode == 6 && len(b) >= 12 && len(b) >= 12+be16(b[10:]) && len(b) <= 12+be16(b[10:])+3+24
}

// isNTPServer: an answer on any port: a stratum, and a transmit timestamp within a day of
// the packet's own time.
func isNTPServer(b []byte, now int64) bool {
	version, stratum := b[0]>>3&7, b[1]
	if version < 3 || version > 4 || stratum < 1 || stratum > 15 {
		return false
	}
	diff := int32(be32(b[40:]) - uint32(now/1e9+ntpEpoch))
	return diff > -86400 && diff < 86400
}

// isSTUN: the magic cookie was seen; a message type with two zero bits and a length in
// words. RFC 8489 section 5.
func isSTUN(b []byte) bool {
	n := be16(b[2:])
	return len(b) >= 20 && b[0] < 0x40 && n%4 == 0 && 20+n <= len(b)
}

// isWireGuard: handshake initiation, response or cookie reply: three zero bytes were seen
// behind the type, and each has one length. WireGuard whitepaper section 5.4.
func isWireGuard(b []byte) bool {
	switch b[0] {
	case 1:
		return len(b) == 148
	case 2:
		return len(b) == 92
	case 3:
		return len(b) == 64
	default:
		return false
	}
}

// isISAKMP: IKE version 1 or 2 with a length that is the datagram's. RFC 7296 section 3.1.
func isISAKMP(b []byte) bool {
	if len(b) < 28 || int(be32(b[24:])) != len(b) || be32(b) == 0 {
		return false
	}
	switch b[17] {
	case 0x10:
		return b[18] >= 1 && b[18] <= 6 || b[18] == 32 || b[18] == 33
	case 0x20:
		return b[18] >= 34 && b[18] <= 44
	default:
		return false
	}
}

// isRIP: routing entries that fill the datagram, each with a metric of at most 16. RFC
// 2453 section 4.
func isRIP(b []byte) bool {
	if b[0] == 0 || b[1] == 0 || len(b) < 24 || len(b) > 504 || (len(b)-4)%20 != 0 {
		return false
	}
	for e := b[4:]; len(e) > 0; e = e[20:] {
		switch be16(e) {
		case 0, 2:
			if be32(e[16:]) > 16 {
				return false
			}
		case 0xffff:
		default:
			return false
		}
	}
	return true
}

// isRADIUS: a code and attributes that fill the datagram; the length was checked already.
// RFC 2865 section 3.
func isRADIUS(b []byte) bool {
	if len(b) < 23 || b[0] == 0 || b[0] > 5 && b[0] < 11 {
		return false
	}
	for a := b[20:]; len(a) > 0; a = a[a[1]:] {
		if len(a) < 2 || a[0] == 0 || a[1] < 2 || int(a[1]) > len(a) {
			return false
		}
	}
	return true
}

// isTFTP: a read or write request: a name, a mode, both ended by NUL. RFC 1350 section 5.
func isTFTP(b []byte) bool {
	if b[1] != 1 && b[1] != 2 {
		return false
	}
	for i, c := range b[2:] {
		if c == 0 {
			mode := b[2+i+1:]
			return i > 0 && (prefixFold(mode, "octet\x00") || prefixFold(mode, "netascii\x00"))
		}
		if c < ' ' {
			return false
		}
	}
	return false
}

// isSNMP: a message that fills the datagram: version 1 or 2c with a community and an
// operation, or version 3 with its header. RFC 3416, RFC 3412.
func isSNMP(b []byte) bool {
	tag, content, rest, ok := derNext(b)
	if !ok || tag != derSequence || len(rest) != 0 || len(content) < 5 || content[0] != derInteger || content[1] != 1 {
		return false
	}
	version := content[2]
	tag, _, rest, ok = derNext(content[3:])
	switch {
	case !ok:
		return false
	case version <= 1:
		return tag == derOctets && len(rest) > 2 && rest[0] >= 0xa0 && rest[0] <= 0xa8
	default:
		return version == 3 && tag == derSequence && len(rest) > 2 && rest[0] == derOctets
	}
}

// isSyslog: a priority and then a version or the name of a month. RFC 5424 section 6.2,
// RFC 3164 section 4.1.2.
func isSyslog(b []byte) bool {
	n := decimal(b[1:], 3)
	if n < 0 || n > 191 {
		return false
	}
	i := 1
	for b[i] >= '0' && b[i] <= '9' {
		if i++; i == len(b) {
			return false
		}
	}
	rest := b[i:]
	if len(rest) < 6 || rest[0] != '>' {
		return false
	}
	if rest[1] == '1' && rest[2] == ' ' && (rest[3] == '2' || rest[3] == '-') {
		return true
	}
	switch string(rest[1:5]) {
	case "Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ", "Dec ":
		return true
	default:
		return false
	}
}

// rakNetMagic marks the messages before a connection, RakNet's OFFLINE_MESSAGE_DATA_ID.
const rakNetMagic = "\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"

// isRakNet: a message from before the connection, with the magic in its place.
func isRakNet(b []byte) bool {
	at := 1
	switch b[0] {
	case 0x01, 0x02:
		at = 9
	case 0x1c:
		at = 17
	case 0x05, 0x06, 0x07, 0x08:
	default:
		return false
	}
	return len(b) >= at+16 && hasPrefix(b[at:], rakNetMagic)
}

// isGQUIC: Google's QUIC before the standard: a version tag "Q0nn" behind the connection
// identifier, or in the long header of its last versions.
func isGQUIC(b []byte) bool {
	tag := b[1:]
	if b[0] < 0xc0 {
		if len(b) < 13 {
			return false
		}
		tag = b[9:]
	}
	return tag[0] == 'Q' && tag[1] == '0' && tag[2] >= '2' && tag[2] <= '5' && tag[3] >= '0' && tag[3] <= '9'
}

// isRTCP: packets that begin with a report and fill the datagram. RFC 3550 section 6.1.
func isRTCP(b []byte) bool {
	if b[1] != 200 && b[1] != 201 {
		return false
	}
	for len(b) >= 4 {
		n := 4 + 4*be16(b[2:])
		if b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

// isRTP: one RTP header (RFC 3550 section 5.1) has little to be known by, so that it takes
// two in succession: the same source and type, the sequence number one higher. The
// candidate is kept in the flow's hint; only the client's direction is looked at.
func isRTP(st *FlowState, b []byte) bool {
	if len(b) < 13 {
		return false
	}
	typ := b[1] & 0x7f
	head := 12 + 4*int(b[0]&15)
	if typ > 34 && typ < 96 || head >= len(b) {
		return false
	}
	source := be32(b[8:])
	seq := uint16(be16(b[2:]))
	mark := (source>>16 ^ source ^ uint32(typ)<<8) & 0xffff
	last := st.hint
	st.hint = uint32(seq)<<16 | mark
	return last != 0 && last&0xffff == mark && uint16(last>>16)+1 == seq
}

// isCFlow: an export of flows: version 5 with as many records as its length says, version 9 with
// sets that fill the datagram, or IPFIX with its length; the latter two made within a day of the
// packet's time. RFC 3954 section 5, RFC 7011 section 3.1.
func isCFlow(b []byte, now int64) bool {
	n := len(b)
	if n < 20 {
		return false
	}
	switch b[1] {
	case 5:
		count := be16(b[2:])
		return count >= 1 && count <= 30 && n == 24+48*count
	case 9:
		return be16(b[2:]) > 0 && recently(be32(b[8:]), now) && setsFill(b[20:])
	case 10:
		return be16(b[2:]) == n && recently(be32(b[4:]), now) && setsFill(b[16:])
	default:
		return false
	}
}

// recently says that a number of seconds since 1970 is within a day of a time.
func recently(seconds uint32, now int64) bool {
	diff := int32(seconds - uint32(now/1e9))
	return diff > -86400 && diff < 86400
}

// setsFill says that b is a row of sets, each with an identifier and a length.
func setsFill(b []byte) bool {
	for len(b) >= 4 {
		n := be16(b[2:])
		if n < 4 || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

// isSFlow: version 5, which was seen, the agent's address and samples that fill the datagram.
// sFlow.org, "sFlow Version 5", section 5.
func isSFlow(b []byte) bool {
	head := 28
	switch be32(b[4:]) {
	case 1:
	case 2:
		head = 40
	default:
		return false
	}
	if len(b) < head {
		return false
	}
	samples, rest := be32(b[head-4:]), b[head:]
	if samples == 0 {
		return false
	}
	for ; samples > 0; samples-- {
		if len(rest) < 8 || uint64(be32(rest[4:])) > uint64(len(rest)-8) {
			return false
		}
		rest = rest[8+be32(rest[4:]):]
	}
	return len(rest) == 0
}
