package app

import "bytes"

const maxHTTPHeader = 128 // header lines looked at per head

// httpHead reports a request or response head. It gives the body that is to follow, RFC
// 9112 section 6.3, and the status of a response.
func (r *Recognizer) httpHead(st *FlowState, head []byte) (body httpBody, status int) {
	line, rest := cutLine(head)
	bodiless := false
	if hasPrefix(line, "HTTP/1.") {
		body.mode = bodyUntilEnd
		r.addNumber(FieldHTTPResponse, 1)
		if i := bytes.IndexByte(line, ' '); i > 0 {
			if status = int(decimal(line[i+1:], 3)); status >= 0 {
				r.addNumber(FieldHTTPStatus, uint32(status))
			}
		}
		// Whether the answer to HEAD or CONNECT is due is judged by the last request, as in tshark.
		bodiless = status/100 == 1 || status == 204 || status == 304 ||
			st.hint == hintHEAD || st.hint == hintCONNECT && status/100 == 2
	} else if i := bytes.IndexByte(line, ' '); i > 0 {
		r.addNumber(FieldHTTPRequest, 1)
		r.add(FieldHTTPMethod, line[:i])
		uri := line[i+1:]
		if j := bytes.LastIndexByte(uri, ' '); j >= 0 {
			uri = uri[:j]
		}
		r.add(FieldHTTPURI, uri)
		st.hint = methodHint(line[:i])
	}
	length, chunked := int64(-1), false
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
		value := trimBlanks(line[colon+1:])
		if rest == nil { // the line goes on, or only its end is missing
			value = bytes.TrimSuffix(trimFront(line[colon+1:]), []byte{'\r'})
		}
		switch headerID(line[:colon]) {
		case headerHost:
			r.add(FieldHTTPHost, value)
		case headerUserAgent:
			r.add(FieldHTTPUserAgent, value)
		case headerContentType:
			r.add(FieldHTTPContentType, value)
		case headerServer:
			r.add(FieldHTTPServer, value)
		case headerReferer:
			r.add(FieldHTTPReferer, value)
		case headerLocation:
			r.add(FieldHTTPLocation, value)
		case headerContentLength:
			length = contentLength(value)
		case headerTransferEncoding:
			chunked = endsChunked(value)
		default:
		}
	}
	switch {
	case bodiless:
		// Of what is said to follow, as much as there is counts as the body, as in tshark.
		body = httpBody{bare: true, left: max(length, 0)}
		if length < 0 && status/100 != 1 && status != 204 && status != 304 {
			body.left = farthest
		}
		return body, status
	case chunked: // it overrides Content-Length
		body = httpBody{mode: bodyChunked}
	case length >= 0:
		body = httpBody{mode: bodyLength, left: length}
	}
	return body, status
}

// trimBlanks leaves blanks off at both ends of b; what is left is not nil even when it is empty,
// as bytes.Trim's is.
func trimBlanks(b []byte) []byte {
	b = trimFront(b)
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func trimFront(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

// methodHint says what of a request decides whether its answer has a body.
func methodHint(method []byte) uint32 {
	switch string(method) {
	case "HEAD":
		return hintHEAD
	case "CONNECT":
		return hintCONNECT
	default:
		return 0
	}
}

// contentLength reads a length that is nothing but digits; -1 for any other, which is as
// good as none.
func contentLength(value []byte) int64 {
	for _, c := range value {
		if c < '0' || c > '9' {
			return -1
		}
	}
	return decimal(value, 18)
}

// endsChunked says that chunked is the last of a list of transfer codings.
func endsChunked(value []byte) bool {
	if i := bytes.LastIndexByte(value, ','); i >= 0 {
		value = bytes.TrimLeft(value[i+1:], " \t")
	}
	return len(value) == len("chunked") && equalFold(value, []byte("chunked"))
}

type header uint8

const (
	headerOther header = iota
	headerHost
	headerUserAgent
	headerContentType
	headerServer
	headerReferer
	headerLocation
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
	case 7:
		if equalFold(name, []byte("referer")) {
			return headerReferer
		}
	case 8:
		if equalFold(name, []byte("location")) {
			return headerLocation
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
func decimal(b []byte, limit int) int64 {
	n, i := int64(0), 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if i == limit {
			return -1
		}
		n = n*10 + int64(b[i]-'0')
	}
	if i == 0 {
		return -1
	}
	return n
}
