package app

// datagram looks at one UDP datagram.
func (r *Recognizer) datagram(st *FlowState, s *Segment) verdict {
	if st.proto == Unknown {
		st.look(0)
		p := detectUDP(st, s, s.Payload)
		if p == Unknown {
			return verdictNone
		}
		st.proto = p
	}
	b := s.Payload
	switch st.proto {
	case DNS, MDNS, LLMNR:
		if !r.dns(st.proto, b, s.Time, s.Truncated) {
			return verdictMalformed
		}
	case DHCP:
		return r.dhcp(b)
	case DHCPv6:
		return r.dhcpv6(b)
	case NetBIOSName:
		return r.nbns(b)
	case SSDP:
		if textProtocol(b) == HTTP {
			return r.http(st, b, &progress{}, true, true)
		}
	case QUIC:
		return r.quicDatagram(st, s)
	case DTLS:
		return r.dtls(st, b)
	default:
		st.flags |= flagDone
	}
	return verdictOK
}

// detectUDP recognises the protocol of a datagram.
func detectUDP(st *FlowState, s *Segment, b []byte) Protocol {
	n := len(b)
	switch {
	case s.SrcPort == portDNS || s.DstPort == portDNS:
		if startsDNS(b, s.Truncated) {
			return DNS
		}
	case s.SrcPort == portMDNS || s.DstPort == portMDNS:
		if startsDNS(b, s.Truncated) {
			return MDNS
		}
	case s.SrcPort == portLLMNR || s.DstPort == portLLMNR:
		if startsDNS(b, s.Truncated) {
			return LLMNR
		}
	case s.SrcPort == portNTP || s.DstPort == portNTP:
		if isNTPOnPort(b) {
			return NTP
		}
	case s.SrcPort == portDHCPServer || s.DstPort == portDHCPServer:
		if isBOOTP(b) {
			return DHCP
		}
	case s.SrcPort|1 == portDHCPv6Server && s.DstPort|1 == portDHCPv6Server: // 546 or 547
		if whole, _ := dhcpv6Whole(b); whole && n > 4 {
			return DHCPv6
		}
	}
	if n < 8 {
		return Unknown
	}
	// Constants at an offset, before the first byte is asked.
	switch {
	case be32(b[4:]) == 0x2112a442:
		if isSTUN(b) {
			return STUN
		}
	case be32(b[4:]) == 0:
		if isRPCCall(b) {
			return RPC
		}
	}
	if b[0] >= 0xc0 && n >= 20 && (quicVersionOf(b) != nil || isGQUIC(b)) {
		if quicVersionOf(b) != nil {
			return QUIC
		}
		return GQUIC
	}
	if p := detectByFirst(st, s, b); p != Unknown {
		return p
	}
	// What has no constant at its start.
	switch {
	case n >= 28 && isISAKMP(b):
		return ISAKMP
	case n >= 50 && b[dnsHeader] == 0x20 && isNBNS(b):
		return NetBIOSName
	case n >= 48 && b[0]&7 == 4 && isNTPServer(b, s.Time):
		return NTP
	case n > dnsHeader+5 && b[4] == 0 && b[5] == 1 && dnsStrict(b):
		return DNS
	}
	return Unknown
}

// detectByFirst recognises the protocols whose first byte has few values.
func detectByFirst(st *FlowState, s *Segment, b []byte) Protocol {
	n := len(b)
	switch c := b[0]; {
	case c == 0:
		if isTFTP(b) {
			return TFTP
		}
		if isCFlow(b, s.Time) {
			return CFlow
		}
		if n >= 28 && be32(b) == 5 && isSFlow(b) {
			return SFlow
		}
		if n >= 32 && be32(b) == 0 && isISAKMP(b[4:]) { // behind the marker of RFC 3948
			return ISAKMP
		}
	case c <= 13:
		switch {
		case c <= 2 && n >= 240 && be32(b[236:]) == dhcpCookie:
			return DHCP
		case c <= 4 && b[1] == 0 && be16(b[2:]) == 0 && isWireGuard(b):
			return WireGuard
		case c <= 2 && b[1] <= 2 && be16(b[2:]) == 0 && isRIP(b):
			return RIP
		case be16(b[2:]) == n && isRADIUS(b):
			return RADIUS
		case isDHCPv6(b):
			return DHCPv6
		case isRakNet(b):
			return RakNet
		case b[0]&0x09 == 0x09 && isGQUIC(b):
			return GQUIC
		}
	case c <= 0x12:
		if c >= 0x10 && n > 48 && be16(b[10:]) == n-14 && isNetBIOSName(b[14:]) {
			return NetBIOSDatagram
		}
	case c == recordHandshake:
		if isDTLSHello(b) {
			return DTLS
		}
	case c == 0x1c:
		if isRakNet(b) {
			return RakNet
		}
	case c == 0x30:
		if isSNMP(b) {
			return SNMP
		}
	case c == openVPNClient || c == openVPNServer || c == openVPNClient3:
		if isOpenVPN(b, s.SrcPort == portOpenVPN || s.DstPort == portOpenVPN) {
			return OpenVPN
		}
	case c == '<':
		if isSyslog(b) {
			return Syslog
		}
	case c == 'd':
		if hasPrefix(b, "d1:ad2:id20:") || hasPrefix(b, "d1:rd2:id20:") {
			return BitTorrentDHT
		}
	case c == '{':
		if hasPrefix(b, `{"host_int": `) {
			return DropboxLAN
		}
	case c >= 'A' && c <= 'Z':
		switch {
		case hasPrefix(b, "Art-Net\x00"):
			return ArtNet
		case hasPrefix(b, "TS3INIT1"):
			return TeamSpeak
		}
		switch textProtocol(b) {
		case HTTP:
			if b[0] != 'B' { // BT-SEARCH, of BitTorrent's BEP 14
				return SSDP
			}
		case SIP:
			return SIP
		default:
		}
	case c>>6 == 2:
		if isRTCP(b) {
			return RTCP
		}
		if s.FromClient && isRTP(st, b) {
			return RTP
		}
	case c == 0xff:
		if hasPrefix(b, connectionless) {
			return detectConnectionless(b)
		}
	}
	return Unknown
}
