package app

import (
	"fmt"
	"strings"
	"testing"
)

func TestHTTP(t *testing.T) {
	type values map[FieldID][]string
	for _, c := range []struct {
		name, in string
		want     values
		done     bool
	}{
		{
			name: "request", in: "GET /a?b=c HTTP/1.1\r\nHost: www.example.com\r\nuser-AGENT:  curl/8 \r\nAccept: */*\r\n\r\n",
			want: values{FieldHTTPMethod: {"GET"}, FieldHTTPURI: {"/a?b=c"}, FieldHTTPHost: {"www.example.com"}, FieldHTTPUserAgent: {"curl/8"}},
		},
		{
			name: "response", in: "HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 3\r\n\r\nabc",
			want: values{FieldHTTPStatus: {"404"}, FieldHTTPServer: {"x"}, FieldHTTPContentType: {"text/html; charset=utf-8"}},
		},
		{name: "a method of one's own", in: "BREW /coffee HTTP/1.0\r\n\r\n", want: values{FieldHTTPMethod: {"BREW"}, FieldHTTPURI: {"/coffee"}}},
		{name: "line feeds alone", in: "GET / HTTP/1.0\nHost: h\n\n", want: values{FieldHTTPHost: {"h"}}},
		{name: "no host", in: "GET / HTTP/1.0\r\n\r\n", want: values{FieldHTTPHost: nil, FieldHTTPURI: {"/"}}},
		{name: "foreign bytes stay", in: "GET /\x1b[2J<b> HTTP/1.1\r\nHost: \xff\x00evil\r\n\r\n", want: values{FieldHTTPURI: {"/\x1b[2J<b>"}, FieldHTTPHost: {"\xff\x00evil"}}},
		{
			name: "pipelined", in: "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 4\r\n\r\nGET GET /3 HTTP/1.1\r\nHost: c\r\n\r\n",
			want: values{FieldHTTPURI: {"/1", "/2", "/3"}, FieldHTTPHost: {"a", "b", "c"}},
		},
		{
			name: "continue, then the answer", in: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			want: values{FieldHTTPStatus: {"100", "200"}},
		},
		{
			name: "a body without chunks is not taken for a message", in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 500 no\r\n\r\n",
			want: values{FieldHTTPStatus: {"200"}},
		},
		{name: "upgrade", in: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello", want: values{FieldHTTPStatus: {"101"}}, done: true},
		{name: "a status that is none", in: "HTTP/1.1 2xx OK\r\n\r\n", want: values{FieldHTTPStatus: {"2"}}},
		{name: "no status", in: "HTTP/1.1 \r\nServer: s\r\n\r\n", want: values{FieldHTTPStatus: nil, FieldHTTPServer: {"s"}}},
		{name: "absurd length", in: "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nGET / HTTP/1.1\r\n\r\n", want: values{FieldHTTPMethod: {"POST", "GET"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, st, o := one(Segment{Transport: 6, FromClient: !strings.HasPrefix(c.in, "HTTP"), Payload: []byte(c.in), End: true})
			if o != OutcomeFields || st.Protocol() != HTTP || st.Done() != c.done {
				t.Fatalf("outcome %v, protocol %v, done %v", o, st.Protocol(), st.Done())
			}
			for id, want := range c.want {
				expect(t, r, id, want...)
			}
			// The same in two segments, cut anywhere behind the first line.
			for cut := strings.IndexByte(c.in, '\n') + 1; cut < len(c.in); cut++ {
				r := NewRecognizer(Options{})
				var st FlowState
				got := values{}
				for _, part := range [][2]int{{0, cut}, {cut, len(c.in)}} {
					r.Segment(&st, &Segment{Transport: 6, Seq: uint32(part[0]), Payload: []byte(c.in[part[0]:part[1]]), End: part[1] == len(c.in)})
					for _, f := range r.Fields() {
						if !f.Early {
							got[f.ID] = append(got[f.ID], f.text())
						}
					}
				}
				for id, want := range c.want {
					// What follows a body of unknown end may be lost with the cut, and a
					// body that looks like a head may be taken for one at the start of
					// a segment.
					if len(want) == 1 && (len(got[id]) == 0 || got[id][0] != want[0]) {
						t.Fatalf("cut at %d: %s: got %q, want %q", cut, id, got[id], want)
					}
				}
				if r.Partials() != 0 {
					t.Fatalf("cut at %d: a partial message is left", cut)
				}
			}
		})
	}
}

func TestNotHTTP(t *testing.T) {
	for _, in := range []string{
		"GET", "GET ", "GET /", "get / HTTP/1.1\r\n\r\n", "HTTPS is nice", "POSTMAN sings\r\n", "A / HTTP/1.1\r\n\r\n",
		"GET / HTTP/2\r\n\r\n", "HTTP/2 200\r\n\r\n", strings.Repeat("X", 40) + " / HTTP/1.1\r\n\r\n",
	} {
		if _, st, _ := one(Segment{Transport: 6, FromClient: true, Payload: []byte(in)}); st.Protocol() == HTTP && in != "GET /" {
			t.Errorf("%q was taken for HTTP", in)
		}
	}
}

// TestHTTPHeadTooLong: a head that outgrows the buffer gives what came first.
func TestHTTPHeadTooLong(t *testing.T) {
	r := NewRecognizer(Options{PartialBytes: 1024})
	var st FlowState
	head := "GET /long HTTP/1.1\r\nHost: long.example\r\nCookie: " + strings.Repeat("c", 4000)
	found := false
	for at := 0; at < len(head); at += 500 {
		o := r.Segment(&st, &Segment{Transport: 6, FromClient: true, Seq: uint32(at), Payload: []byte(head[at:min(at+500, len(head))])})
		if o == OutcomeFields {
			found = true
			expect(t, r, FieldHTTPHost, "long.example")
		}
	}
	// What follows is a line that goes on, for as long as two more buffers.
	if !found || r.Partials() != 0 || r.Counters().PartialsGivenUp != 3 {
		t.Errorf("found %v, %d partial messages left, %+v", found, r.Partials(), r.Counters())
	}
	// In one segment that is longer than the buffer.
	var other FlowState
	if o := r.Segment(&other, &Segment{Transport: 6, FromClient: true, Payload: []byte(head)}); o != OutcomeFields {
		t.Errorf("one long segment: %v", o)
	}
}

// TestHTTPPersistent: every request of a connection is found, and bodies cost nothing.
func TestHTTPPersistent(t *testing.T) {
	r := NewRecognizer(Options{})
	var st FlowState
	seq := uint32(1)
	for i := range 300 {
		req := fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i)
		if o := r.Segment(&st, &Segment{Transport: 6, FromClient: true, Seq: seq, Payload: []byte(req)}); o != OutcomeFields {
			t.Fatalf("request %d: %v", i, o)
		}
		expect(t, r, FieldHTTPURI, fmt.Sprintf("/%d", i))
		if o := r.Segment(&st, &Segment{Transport: 6, Seq: seq, Payload: make([]byte, 1000)}); o != OutcomeNone {
			t.Fatalf("body %d: %v", i, o)
		}
		seq += uint32(len(req))
	}
	// A retransmission is not a second request.
	again := []byte("GET /again HTTP/1.1\r\nHost: h\r\n\r\n")
	if o := r.Segment(&st, &Segment{Transport: 6, FromClient: true, Seq: seq, Payload: again, Repeated: uint32(len(again))}); o != OutcomeSkipped {
		t.Errorf("retransmission: %v", o)
	}
}
