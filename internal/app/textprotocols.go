package app

import "bytes"

// maxBanner is the longest identification string of SSH, RFC 4253 section 4.2.
const maxBanner = 255

// ssh reports the identification string at the start of b, without its line end. When
// both sides have said theirs the flow is done.
func (r *Recognizer) ssh(st *FlowState, d int, b []byte, cut bool) verdict {
	line := b[:min(len(b), maxBanner)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = bytes.TrimRight(line[:i], "\r")
	} else if len(b) < maxBanner && !cut {
		return verdictNeed
	}
	r.add(FieldSSHProtocol, line)
	st.finish(d)
	return verdictOK
}

// detectText recognises the protocols of TCP that begin with a line of text.
func detectText(st *FlowState, s *Segment, b []byte) (Protocol, kind) {
	switch b[0] {
	case '2':
		return greeting220(st, s, b)
	case '+':
		// RFC 1939 section 4: the server speaks first. (A Redis server also says +OK,
		// but only when asked.)
		if !s.FromClient && st.looks[0] == 0 && hasPrefix(b, "+OK") && endsLine(b) {
			return POP3, kindNone
		}
	case '*':
		if !s.FromClient && st.looks[0] == 0 && (hasPrefix(b, "* OK ") || hasPrefix(b, "* PREAUTH ")) && endsLine(b) {
			return IMAP, kindNone
		}
		if isRedisCommand(b) {
			return Redis, kindNone
		}
	case '<':
		if hasPrefix(b, "<?xml") || hasPrefix(b, "<stream:stream") {
			if bytes.Contains(b, []byte("http://etherx.jabber.org/streams")) {
				return XMPP, kindNone
			}
		}
	case '@':
		if hasPrefix(b, "@RSYNCD: ") {
			return Rsync, kindNone
		}
	case 'A':
		if len(b) >= 8 && hasPrefix(b, "AMQP") && (b[4] <= 3) && b[5] <= 1 {
			return AMQP, kindNone
		}
	case ':', 'C', 'N', 'U':
		if isIRC(s, b) {
			return IRC, kindNone
		}
	case 'I':
		if !s.FromClient && hasPrefix(b, `INFO {"server_id"`) {
			return NATS, kindNone
		}
	case 'R':
		// RFC 6143 section 7.1.1: exactly 12 bytes.
		if len(b) == 12 && hasPrefix(b, "RFB 00") && b[11] == '\n' {
			return VNC, kindNone
		}
	case 'S':
		if hasPrefix(b, "SSH-2.0-") || hasPrefix(b, "SSH-1.") {
			return SSH, kindSSH
		}
	case 'P':
		if hasPrefix(b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
			return HTTP2, kindNone
		}
	}
	if st.hint == hintReply220 && s.FromClient {
		switch {
		case prefixFold(b, "ehlo ") || prefixFold(b, "helo "):
			return SMTP, kindNone
		case prefixFold(b, "user ") || prefixFold(b, "auth tls"):
			return FTP, kindNone
		}
	}
	if b[0] < 'A' || b[0] > 'Z' {
		return Unknown, kindNone
	}
	p := textProtocol(b)
	if p == HTTP {
		return p, kindHTTP
	}
	return p, kindNone
}

// greeting220 tells mail from file transfer by the server's greeting, RFC 5321 section
// 4.2 and RFC 959 section 5.4. When the words do not tell, the client's answer will.
func greeting220(st *FlowState, s *Segment, b []byte) (Protocol, kind) {
	if s.FromClient || len(b) < 4 || !hasPrefix(b, "220") || b[3] != ' ' && b[3] != '-' || !endsLine(b) {
		return Unknown, kindNone
	}
	switch {
	case containsFold(b, "smtp"):
		return SMTP, kindNone
	case containsFold(b, "ftp"):
		return FTP, kindNone
	}
	st.hint = hintReply220
	return Unknown, kindNone
}

// isIRC: a client that says its name or asks what the server can do, or a server's notice. RFC 2812
// section 3.1, IRCv3 "Capability Negotiation".
func isIRC(s *Segment, b []byte) bool {
	if !endsLine(b) {
		return false
	}
	if !s.FromClient {
		line, _ := cutLine(b[1:])
		return b[0] == ':' && bytes.Contains(line, []byte(" NOTICE ")) && bytes.Contains(line, []byte(" :"))
	}
	if hasPrefix(b, "NICK ") || hasPrefix(b, "USER ") {
		return bytes.Contains(b, []byte("\nUSER ")) || bytes.Contains(b, []byte("\nNICK "))
	}
	return hasPrefix(b, "CAP LS\r\n") || hasPrefix(b, "CAP LS 302\r\n")
}

func endsLine(b []byte) bool { return b[len(b)-1] == '\n' }

// isRedisCommand says that b begins with an array of bulk strings whose first is a
// command: "*1\r\n$4\r\nPING\r\n" (Redis serialization protocol).
func isRedisCommand(b []byte) bool {
	line, rest := cutLine(b[1:])
	n := int(decimal(line, 4))
	if n <= 0 || len(rest) < 4 || rest[0] != '$' {
		return false
	}
	line, rest = cutLine(rest[1:])
	n = int(decimal(line, 2))
	if n < 2 || len(rest) < n+2 || rest[n] != '\r' || rest[n+1] != '\n' {
		return false
	}
	for _, c := range rest[:n] {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// prefixFold says that b begins with s, given in lower case, whatever the case of b.
func prefixFold(b []byte, s string) bool {
	if len(b) < len(s) {
		return false
	}
	for i := range len(s) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// containsFold says that the first 512 bytes of b contain s, given in lower case.
func containsFold(b []byte, s string) bool {
	b = b[:min(len(b), 512)]
	for len(b) >= len(s) {
		if prefixFold(b, s) {
			return true
		}
		b = b[1:]
	}
	return false
}
