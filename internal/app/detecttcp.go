package app

// detectTCP recognises the protocol of a stream by a segment of it. The order is: what
// one look at a length or at the first byte settles, so that a payload of random bytes
// costs a few comparisons.
func detectTCP(st *FlowState, s *Segment, b []byte) (Protocol, kind) {
	n := len(b)
	if n < 2+dnsHeader && (s.SrcPort == portDNS || s.DstPort == portDNS) && st.looks[s.way()] == 1 && (n < 2 || be16(b) >= dnsHeader) {
		return Unknown, kindDNS // many programs send the length alone: known when a message could be read
	}
	if n >= 5 {
		// Messages that begin with their own length.
		if be16(b)+2 == n || s.SrcPort == portDNS || s.DstPort == portDNS {
			if p, k := detectDNSStream(s, b); p != Unknown {
				return p, k
			}
		}
		if le32(b) == uint32(n) && isMongo(b) {
			return MongoDB, kindNone
		}
		if b[3] == 0 && b[4] == 10 && !s.FromClient && isMySQLGreeting(b) {
			return MySQL, kindNone
		}
		if b[1] == 0 && s.FromClient && isMinecraft(b) {
			return Minecraft, kindNone
		}
	}
	switch b[0] {
	case 0x00:
		return detectZero(s, b)
	case 0x01:
		if isTNS(b) {
			return TNS, kindNone
		}
	case 0x03, 0x04, 0x05:
		if b[0] == 3 && isRDP(b) {
			return RDP, kindNone
		}
		if isCQL(b) {
			return CQL, kindNone
		}
	case 0x12:
		if isTDS(b) {
			return TDS, kindNone
		}
	case 0x10:
		if isMQTTConnect(b) {
			return MQTT, kindMQTT
		}
	case 0x13:
		if hasPrefix(b, "\x13BitTorrent protocol") {
			return BitTorrent, kindNone
		}
	case recordCCS, recordHandshake:
		if startsHandshake(b) {
			return Unknown, kindTLS // known to be TLS when a message could be read
		}
	case recordAlert, recordData:
		// A connection that was open before the capture began.
		if n >= 5 && b[1] == 3 && b[2] >= 1 && b[2] <= 3 {
			if m := be16(b[3:]); b[0] == recordData && m >= 17 && m <= maxRecord || b[0] == recordAlert && (m == 2 || m == 26) {
				st.flags |= flagDone
				return TLS, kindNone
			}
		}
	case 0x30:
		if isLDAPBind(b) {
			return LDAP, kindNone
		}
		if n > 20 && isGit(b) {
			return Git, kindNone
		}
	case 0x80:
		// Sun RPC with its record mark, RFC 5531 section 11.
		if n > 4 && int(be32(b)&0x7fffffff) == n-4 && isRPCCall(b[4:]) {
			return RPC, kindNone
		}
	case 0xff:
		if isBGP(b) {
			return BGP, kindNone
		}
		if isTelnet(b) {
			return Telnet, kindNone
		}
	default:
		if b[0] >= '*' && b[0] <= 'Z' || b[0] == '<' || st.hint != 0 {
			return detectText(st, s, b)
		}
	}
	return Unknown, kindNone
}

// detectDNSStream recognises DNS over TCP: on its port by its header, elsewhere only when
// the segment is exactly one message that is in order from end to end.
func detectDNSStream(s *Segment, b []byte) (Protocol, kind) {
	if s.SrcPort == portDNS || s.DstPort == portDNS {
		if m := be16(b); len(b) >= 2+dnsHeader && m >= dnsHeader && dnsHeaderOK(b[2:], m) {
			return DNS, kindDNS
		}
		return Unknown, kindNone
	}
	if len(b) > 2+dnsHeader && dnsStrict(b[2:]) {
		return DNS, kindDNS
	}
	return Unknown, kindNone
}

// detectZero recognises the protocols whose messages begin with a length that is small
// enough for a first byte of zero.
func detectZero(s *Segment, b []byte) (Protocol, kind) {
	if len(b) < 8 {
		return Unknown, kindNone
	}
	m := be32(b)
	if be16(b)+2 == len(b) && (b[2] == openVPNClient || b[2] == openVPNServer || b[2] == openVPNClient3) &&
		isOpenVPN(b[2:], s.SrcPort == portOpenVPN || s.DstPort == portOpenVPN) {
		return OpenVPN, kindNone
	}
	if isTNS(b) {
		return TNS, kindNone
	}
	switch {
	case b[4] == 0xff || b[4] == 0xfe || b[4] == 0xfd:
		// SMB 1, 2 and 3 (encrypted) in a NetBIOS session message, RFC 1001.
		if b[5] == 'S' && b[6] == 'M' && b[7] == 'B' && m >= 32 {
			return SMB, kindNone
		}
	case s.FromClient && int(m) == len(b) && isPostgresStartup(b):
		return PostgreSQL, kindNone
	case s.FromClient && int(m)+4 == len(b) && isKafkaVersions(b):
		return Kafka, kindNone
	}
	return Unknown, kindNone
}
