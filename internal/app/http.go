package app

import "bytes"

const (
	maxHTTPHeads  = 8   // requests or responses read from one segment
	maxMethod     = 24  // longest method taken for one; BASELINE-CONTROL has 16
	maxHTTPHeader = 128 // header lines looked at per head
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
		if knownMethod(b[:method]) && (b[method+1] == '/' || hasPrefix(b[method+1:], "http://")) {
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

func knownMethod(m []byte) bool {
	switch string(m) {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "REPORT":
		return true
	default:
		return false
	}
}

// http reads the requests or responses at the start of b: their heads, and past bodies
// whose length is known, as far as they lie in b.
func (r *Recognizer) http(st *FlowState, b []byte, prog *progress, cut bool) verdict {
	for range maxHTTPHeads {
		rest := b[prog.off:]
		if len(rest) == 0 || !startsHTTP(rest) {
			return verdictOK
		}
		n, whole := headLength(rest)
		if !whole && !cut {
			return verdictNeed
		}
		body, status := r.httpHead(rest[:n])
		if status == 101 {
			// Another protocol from here on: WebSocket or HTTP/2 in clear.
			st.flags |= flagDone
			return verdictOK
		}
		if !whole || body < 0 || body >= len(rest)-n {
			return verdictOK
		}
		prog.off += n + body
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

// httpHead reports a request or response head. It gives the length of the body, -1 when
// only the connection tells, and the status of a response.
func (r *Recognizer) httpHead(head []byte) (body, status int) {
	line, rest := cutLine(head)
	if hasPrefix(line, "HTTP/1.") {
		body = -1
		r.addNumber(FieldHTTPResponse, 1)
		if i := bytes.IndexByte(line, ' '); i > 0 {
			if status = decimal(line[i+1:], 3); status >= 0 {
				r.addNumber(FieldHTTPStatus, uint32(status))
			}
		}
		if status/100 == 1 || status == 204 || status == 304 {
			body = 0
		}
	} else if i := bytes.IndexByte(line, ' '); i > 0 {
		r.addNumber(FieldHTTPRequest, 1)
		r.add(FieldHTTPMethod, line[:i])
		uri := line[i+1:]
		if j := bytes.LastIndexByte(uri, ' '); j >= 0 {
			uri = uri[:j]
		}
		r.add(FieldHTTPURI, uri)
	}
	chunked := false
	for lines := 0; len(rest) > 0; lines++ {
		if lines == maxHTTPHeader {
			r.counters.CutShort++
			break
		}
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			continue
		}
		value := bytes.Trim(line[colon+1:], " \t")
		switch headerID(line[:colon]) {
		case headerHost:
			r.add(FieldHTTPHost, value)
		case headerUserAgent:
			r.add(FieldHTTPUserAgent, value)
		case headerContentType:
			r.add(FieldHTTPContentType, value)
		case headerServer:
			r.add(FieldHTTPServer, value)
		case headerContentLength:
			if n := decimal(value, 9); n >= 0 && body <= 0 && status/100 != 1 {
				body = n
			}
		case headerTransferEncoding:
			chunked = true
		default:
		}
	}
	if chunked { // RFC 9112 section 6.3: it overrides Content-Length; not walked
		body = -1
	}
	return body, status
}

type header uint8

const (
	headerOther header = iota
	headerHost
	headerUserAgent
	headerContentType
	headerServer
	headerContentLength
	headerTransferEncoding
)

// headerID finds the headers that matter, whatever their case; the length decides first.
func headerID(name []byte) header {
	switch len(name) {
	case 4:
		if equalFold(name, []byte("host")) {
			return headerHost
		}
	case 6:
		if equalFold(name, []byte("server")) {
			return headerServer
		}
	case 10:
		if equalFold(name, []byte("user-agent")) {
			return headerUserAgent
		}
	case 12:
		if equalFold(name, []byte("content-type")) {
			return headerContentType
		}
	case 14:
		if equalFold(name, []byte("content-length")) {
			return headerContentLength
		}
	case 17:
		if equalFold(name, []byte("transfer-encoding")) {
			return headerTransferEncoding
		}
	}
	return headerOther
}

// cutLine splits the first line off b, its end (CRLF or LF) left out.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest
}

// decimal reads up to limit digits at the start of b; -1 without one or with more.
func decimal(b []byte, limit int) int {
	n, i := 0, 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if i == limit {
			return -1
		}
		n = n*10 + int(b[i]-'0')
	}
	if i == 0 {
		return -1
	}
	return n
}
