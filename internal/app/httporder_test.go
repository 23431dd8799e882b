package app

import (
	"strings"
	"testing"
)

// What a segment's order makes of the message in it, as tshark 4.0.17 shows it without
// tcp.reassemble_out_of_order.
func TestHTTPOrder(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 30\r\n\r\n"
	const body = "0123456789"
	type seg struct {
		at    int
		text  string
		order Order
		shown bool
		named bool // the message's fields are there
	}
	whole := head + body + body + body
	for _, c := range []struct {
		name string
		segs []seg
	}{
		{"in order", []seg{{0, head + body, 0, false, false}, {len(head) + 10, body + body, 0, true, true}}},
		{"the rest is sent again", []seg{{0, head + body, 0, false, false}, {len(head) + 20, body, 0, false, false}, {len(head) + 10, body, Resent, false, false}}},
		{"the rest is sent again fast", []seg{{0, head + body, 0, false, false}, {len(head) + 20, body, 0, false, false}, {len(head) + 10, body, FastResent, true, true}}},
		{"the last segment of a body first", []seg{{0, head + body, 0, false, false}, {len(head) + 20, body, 0, false, false}, {len(head) + 10, body, OutOfOrder, false, false}}},
		{"in the middle of a body", []seg{{0, head, 0, false, false}, {len(head) + 10, body, 0, false, false}, {len(head), body, OutOfOrder, false, false}, {len(head) + 20, body, 0, true, true}}},
		{"sent again as a whole", []seg{{0, whole, 0, true, true}, {0, whole, Resent, false, false}, {0, whole, FastResent, true, true}, {0, whole, OutOfOrder, false, false}}},
		{"a head of which a piece is lost", []seg{{0, head[:20], 0, false, false}, {30, head[30:] + body, 0, true, false}, {20, head[20:30], FastResent, false, false}}},
		{"behind a loss, in a body", []seg{{0, head, 0, false, false}, {len(head) + 10, body + body + whole, 0, true, true}, {len(head), body, Resent, false, false}}},
		{"a body like bytes without a line", []seg{{0, whole, 0, true, true}, {len(whole), "abc", 0, false, false}, {len(whole) + 3, whole, 0, true, false}}},
		{"a body of bytes that are no text", []seg{{0, whole, 0, true, true}, {len(whole), "\x80bc", 0, true, false}, {len(whole) + 3, whole, 0, true, true}}},
	} {
		r := NewRecognizer(Options{})
		var st FlowState
		r.Segment(&st, &Segment{Transport: 6, FromClient: true, Seq: 1, Payload: []byte("GET / HTTP/1.1\r\n\r\n")})
		high := 0
		for i, g := range c.segs {
			s := &Segment{Transport: 6, Seq: 1000 + uint32(g.at), Payload: []byte(g.text), Order: g.order}
			if g.order != OutOfOrder && g.order != FastResent && g.at < high {
				s.Repeated = uint32(min(high-g.at, len(g.text)))
			}
			high = max(high, g.at+len(g.text))
			o := r.Segment(&st, s)
			_, named := r.Find(FieldHTTPStatus)
			if shown := o != OutcomePartial && o != OutcomeSkipped; shown != g.shown || named != g.named {
				t.Errorf("%s: segment %d: shown %t, named %t (%v)", c.name, i+1, shown, named, o)
			}
		}
		r.Release(&st)
		if r.Partials() != 0 {
			t.Errorf("%s: %d buffers are held", c.name, r.Partials())
		}
	}
}

// Of segments that the snapshot length cut off nothing is put together: each is read by itself,
// retransmissions too.
func TestHTTPOrderOfCutSegments(t *testing.T) {
	r := NewRecognizer(Options{})
	var st FlowState
	head := "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
	for i, c := range []struct {
		text  string
		order Order
		named bool
	}{{head, InOrder, true}, {"more of the body", InOrder, false}, {head, Resent, false}, {head, FastResent, true}, {head, OutOfOrder, false}} {
		s := &Segment{Transport: 6, Seq: 1 + 1448*uint32(i), Payload: []byte(c.text), Truncated: true, Order: c.order}
		if c.order == Resent || c.order == FastResent {
			s.Seq, s.Repeated = 1, uint32(len(c.text))
		}
		r.Segment(&st, s)
		if f, ok := r.Find(FieldHTTPStatus); (ok && !f.Early) != c.named || r.Partials() != 0 {
			t.Errorf("segment %d: %t, %d buffers", i+1, ok, r.Partials())
		}
	}
}

// A name of which only the second copy was captured is one of the flow's all the same.
func TestHTTPNameInWhatIsSentAgain(t *testing.T) {
	for _, order := range []Order{Resent, OutOfOrder} {
		r := NewRecognizer(Options{})
		var st FlowState
		r.Segment(&st, &Segment{Transport: 6, Seq: 1, Payload: []byte("HTTP/1.1 200 OK\r\n\r\n")})
		request := "GET /1 HTTP/1.1\r\nHost: h.example\r\n\r\n" + strings.Repeat("x", 5)
		r.Segment(&st, &Segment{Transport: 6, FromClient: true, Seq: 1, Payload: []byte(request), Order: order})
		f, ok := r.Find(FieldHTTPHost)
		if _, told := r.Find(FieldHTTPURI); !ok || !f.Early || string(f.Value) != "h.example" || told {
			t.Errorf("order %d: %t %+v", order, ok, f)
		}
	}
}

// What tshark 4.0.17 shows of heads that the snapshot length cut off.
func TestHTTPHeadsCutOff(t *testing.T) {
	for _, c := range []struct {
		head  string
		kind  bool // http.request or http.response
		agent string
	}{
		{"GET /1 HTTP/1.1\r\nUser-Agent: one two", true, "one two"},
		{"GET /1 HTTP/1.1\r\nUser-Agent: one ", true, "one "},
		{"GET /1 HTTP/1.1\r\nUser-Agent:  one\r", true, "one"},
		{"GET /1 HTTP/1.1\r\nUser-Agent: one \r\n", true, "one"},
		{"GET /1 HTTP/1.1\r\nUser-Agent: one\r\nAccept", false, "one"},
		{"GET /1 HTTP/1.1\r\nUser-Agent: one\r\n\r", true, "one"},
		{"HTTP/1.1 200 OK\r\nConte", false, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1", true, ""},
		{"HTTP/1.1 200 OK", true, ""},
	} {
		r := NewRecognizer(Options{})
		var st FlowState
		r.Segment(&st, &Segment{Transport: 6, Payload: []byte(c.head), Truncated: true})
		_, request := r.Find(FieldHTTPRequest)
		_, response := r.Find(FieldHTTPResponse)
		agent, _ := r.Find(FieldHTTPUserAgent)
		if (request || response) != c.kind || string(agent.Value) != c.agent {
			t.Errorf("%q: request %t, response %t, agent %q", c.head, request, response, agent.Value)
		}
		if _, ok := r.Find(FieldHTTPMethod); ok != strings.HasPrefix(c.head, "GET") {
			t.Errorf("%q: method %t", c.head, ok)
		}
	}
}
