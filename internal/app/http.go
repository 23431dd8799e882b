package app

import "bytes"

const (
	maxHTTPHeads = 64 // requests or responses read from one segment
	maxMethod    = 24 // longest method taken for one; BASELINE-CONTROL has 16
)

// startsHTTP says that b begins with an HTTP/1 request or status line (RFC 9112 sections
// 3 and 4), as far as it goes.
func startsHTTP(b []byte) bool {
	return b[0] >= 'A' && b[0] <= 'Z' && textProtocol(b) == HTTP
}

// textProtocol tells protocols apart whose first line looks like HTTP's: by the version
// at one of its ends. Unknown when it is none of them.
func textProtocol(b []byte) Protocol {
	switch {
	case hasPrefix(b, "HTTP/1."):
		return HTTP
	case hasPrefix(b, "SIP/2.0 "):
		return SIP
	case hasPrefix(b, "RTSP/1.0 "):
		return RTSP
	}
	method := 0
	for method < len(b) && method <= maxMethod && (b[method] >= 'A' && b[method] <= 'Z' || b[method] == '-' || b[method] == '_') {
		method++
	}
	if method < 3 || method > maxMethod || method+1 >= len(b) || b[method] != ' ' {
		return Unknown
	}
	end := bytes.IndexByte(b[method:], '\n')
	if end < 0 {
		// A long URI that goes on in the next segment.
		uri := b[method+1:]
		if knownMethod(b[:method]) && (uri[0] == '/' || hasPrefix(uri, "http://")) && bytes.IndexByte(uri, 0) < 0 {
			return HTTP
		}
		return Unknown
	}
	line := bytes.TrimRight(b[:method+end], "\r ")
	switch {
	case bytes.HasSuffix(line, []byte(" HTTP/1.1")), bytes.HasSuffix(line, []byte(" HTTP/1.0")):
		return HTTP
	case bytes.HasSuffix(line, []byte(" SIP/2.0")):
		return SIP
	case bytes.HasSuffix(line, []byte(" RTSP/1.0")):
		return RTSP
	default:
		return Unknown
	}
}

var knownMethods = [...]string{"GET", "POST", "HEAD", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "REPORT"}

func knownMethod(m []byte) bool {
	for _, known := range knownMethods {
		if string(m) == known {
			return true
		}
	}
	return false
}

// hasLine says that b holds the end of a line. A CR at the end of b may be half of one.
func hasLine(b []byte) bool {
	i := bytes.IndexAny(b, "\r\n")
	return i >= 0 && (b[i] == '\n' || i+1 < len(b))
}

// http reads the requests and responses at the start of b. A message is reported when its
// body has come to its end, as in tshark: when it has not, the fields of its head are taken
// back, and prog says where the head is and what the body lacks. cut says that no more
// bytes will come, end that b reaches to the sender's FIN.
func (r *Recognizer) http(st *FlowState, b []byte, prog *progress, cut, end bool) verdict {
	for range maxHTTPHeads {
		rest := b[prog.off:]
		for len(rest) > 0 && (rest[0] == '\r' || rest[0] == '\n') { // RFC 9112 section 2.2
			rest = rest[1:]
			prog.off++
		}
		if len(rest) == 0 {
			return verdictOK
		}
		if !startsHTTP(rest) {
			if printable := rest[0] >= ' ' && rest[0] <= '~'; printable && !cut && !hasLine(rest) {
				return verdictNeed // as tshark, which looks at nothing less than a line of text
			}
			return verdictOK
		}
		n, whole := headLength(rest)
		if !whole && !cut {
			return verdictNeed
		}
		first := r.nfields
		body, status := r.httpHead(st, rest[:n])
		if status == 101 {
			// Another protocol from here on: WebSocket or HTTP/2 in clear.
			st.flags |= flagDone
			return verdictOK
		}
		if !whole {
			if breaksOff(rest[:n]) {
				r.withoutKind(first)
			}
			return verdictOK
		}
		used, ended := body.walk(rest[n:])
		switch {
		case body.bad():
			return verdictOK
		case ended:
			prog.off += n + used
		case cut || end || n > r.pool.size:
			return verdictOK
		default:
			r.takeBack(first)
			prog.head, prog.body = n, body
			return verdictNeed
		}
	}
	r.counters.CutShort++
	return verdictOK
}

// headLength gives the length of the head that b starts with, the empty line included,
// and whether the whole of it is there.
func headLength(b []byte) (n int, whole bool) {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return len(b), false
		}
		at += i + 1
		switch {
		case at < len(b) && b[at] == '\n':
			return at + 1, true
		case at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n':
			return at + 2, true
		}
	}
}

// breaksOff says that a head ends in the name of a header, so that tshark does not come to say
// whether it is a request or a response.
func breaksOff(head []byte) bool {
	i := bytes.LastIndexByte(head, '\n')
	last := bytes.TrimSuffix(head[i+1:], []byte{'\r'})
	return i >= 0 && len(last) > 0 && bytes.IndexByte(last, ':') < 0
}

// withoutKind leaves off which kind of message a head is, when the first field from that one
// on says it.
func (r *Recognizer) withoutKind(first int) {
	if first < r.nfields && (r.fields[first].ID == FieldHTTPRequest || r.fields[first].ID == FieldHTTPResponse) {
		copy(r.fields[first:], r.fields[first+1:r.nfields])
		r.nfields--
	}
}
