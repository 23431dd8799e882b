package app

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

const (
	chunked = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
	until   = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n"
	answer  = "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 10\r\n\r\n0123456789"
	post    = "POST /p HTTP/1.1\r\nHost: h.example\r\nContent-Length: 10\r\n\r\n"
	request = "GET /1 HTTP/1.1\r\nHost: h.example\r\n\r\n"
	large   = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"
)

var kilo = strings.Repeat("b", 1000)

// httpTalks are connections whose every message tshark must show on the same frames, unless
// differs says why not. A step is a segment: from the client when it begins with >, from the
// server with <. A ! behind that sends FIN with it, a ~ loses it, a 1 sends it after the step
// that follows.
var httpTalks = []struct {
	name    string
	steps   []string
	differs string
}{
	{name: "persistent", steps: []string{">" + request, "<" + large, "<" + kilo, "<" + kilo + kilo, ">" + request, "<" + answer[:50], "<" + answer[50:], ">" + request, "<" + answer}},
	{name: "pipelined", steps: []string{">" + request + request + request, "<" + answer + answer + answer}},
	{name: "forty pipelined", steps: []string{">" + strings.Repeat(request, 40), "<" + strings.Repeat(answer, 40)}},
	{name: "cut anywhere", steps: []string{
		">" + request[:10], ">" + request[10:30], ">" + request[30:] + request, "<" + answer[:4], "<" + answer[4:20], "<" + answer[20:] + answer[:20],
		"<" + answer[20:] + answer + answer[:55], "<" + answer[55:],
	}},
	{name: "HEAD", steps: []string{">HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "<" + large, ">" + request, "<" + answer, ">" + request, "<" + answer}},
	{name: "204 and 304", steps: []string{">" + request, "<HTTP/1.1 204 No Content\r\n\r\n", ">" + request, "<HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n", ">" + request, "<" + answer}},
	{name: "100", steps: []string{">" + post, "<HTTP/1.1 100 Continue\r\n\r\n", ">0123456789", "<" + answer}},
	{name: "100 in the middle", steps: []string{">" + post + "01234", ">56789", "<HTTP/1.1 100 Continue\r\n\r\n" + answer}},
	{name: "101", steps: []string{">GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "<HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", ">\x81\x05hello", "<" + answer}},
	{name: "CONNECT", steps: []string{">CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", ">\x00\x01", "<\x00\x01"}},
	{name: "chunks in one segment", steps: []string{">" + request, "<" + chunked + "5\r\nhello\r\n0\r\n\r\n", ">" + request, "<" + answer}},
	{name: "chunks", steps: []string{
		">" + request, "<" + chunked, "<3e8\r\n" + kilo + "\r\n", "<3", "<E8;ext=1\r", "<\n" + kilo, "<\r\n0\r\n", "<\r\n", ">" + request, "<" + answer,
	}},
	{name: "trailer", steps: []string{">" + request, "<" + chunked + "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n" + answer, ">" + request, "<" + answer}},
	{name: "chunks, then a body", steps: []string{">" + request + request, "<" + chunked + "5\r\nhel", "<lo\r\n0\r\n\r\n" + answer[:60], "<" + answer[60:] + answer}},
	{name: "chunks that are none", steps: []string{">" + request, "<" + chunked, "<xx\r\nyy\r\n", ">" + request, "<" + answer}},
	{name: "chunked overrides the length", steps: []string{">" + request, "<HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "<0\r\n\r\n", ">" + request, "<" + answer}},
	{name: "identity", steps: []string{">" + request, "<HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 7\r\n\r\n012", "<3456", ">" + request, "<" + answer}},
	{name: "until the end", steps: []string{">" + request, "<" + until + kilo, "<" + kilo, "<!", ">!"}},
	{name: "until the end, with bytes", steps: []string{">" + request, "<" + until + kilo, "<!" + kilo, ">!"}},
	{name: "end in the head's segment", steps: []string{">" + request, "<!" + until + "abc"}},
	{name: "the client ends first", steps: []string{">" + request, ">!", "<" + until + kilo, "<" + kilo, "<!"}},
	{name: "no end", steps: []string{">" + request, "<" + until + kilo, "<" + kilo}},
	{name: "the end of less than promised", steps: []string{">" + request, "<" + large + kilo, "<!"}},
	{name: "lost in a body", steps: []string{">" + request, "<" + large, "<~" + kilo, "<" + kilo + kilo, ">" + request, "<" + answer, ">" + request, "<" + answer}},
	{name: "lost, with the next message behind", steps: []string{">" + request, "<" + large, "<~" + kilo, "<" + kilo + kilo + answer, ">" + request, "<" + answer}},
	{name: "the last of a body lost", steps: []string{">" + request, "<" + large, "<" + kilo, "<~" + kilo + kilo, ">" + request, "<" + answer}},
	{name: "lost in chunks", steps: []string{">" + request, "<" + chunked, "<7d0\r\n" + kilo[:500], "<~" + kilo, "<" + kilo[:500] + "\r\n0\r\n\r\n", ">" + request, "<" + answer}},
	{name: "a body like a head", steps: []string{">" + request, "<HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + kilo[:100], "<" + answer + kilo[:900-len(answer)], ">" + request, "<" + answer}},
	{name: "lengths", steps: []string{">" + request, "<HTTP/1.1 200 OK\r\nContent-Length:  5 \r\n\r\nhel", "<lo", "<HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhel", "<lo", "<" + answer}},
	{name: "empty lines between", steps: []string{">" + post + "0123456789\r\n", "<" + answer, ">\r\n" + request, "<" + answer}},
	{name: "a second of a late segment", steps: []string{">" + request, "<" + large, "<1" + kilo, "<" + kilo + kilo, ">" + request, "<" + answer},
		differs: "tshark needs tcp.reassemble_out_of_order"},
	{name: "chunks out of order", steps: []string{">" + request, "<" + chunked, "<17d0\r\n" + kilo, "<" + kilo + "\r\n0\r\n\r\n", ">" + request, "<" + answer}},
}

// playTalks writes the connections into a capture and gives the number of the first frame
// of each.
func playTalks(t *testing.T, path string) (first []int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriterNanos(file)
	if err := w.WriteFileHeader(1<<18, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, talk := range httpTalks {
		first = append(first, n+1)
		seq := [2]uint32{1000, 5000}
		put := func(s Segment, end bool) {
			t.Helper()
			ci, data := frame(t, i, s)
			if end {
				data[14+20+13] |= 1
			}
			n++
			if err := w.WritePacket(ci, data); err != nil {
				t.Fatal(err)
			}
		}
		var late []Segment
		var due int
		for _, step := range talk.steps {
			text := step
			s := Segment{Transport: 6, FromClient: text[0] == '>', SrcPort: 40000, DstPort: 80, Time: sampleTime*1e9 + int64(n)*1e6}
			d := 0
			if !s.FromClient {
				s.SrcPort, s.DstPort, d = 80, 40000, 1
			}
			text = text[1:]
			end, lost := false, false
			switch {
			case text[0] == '!':
				end, text = true, text[1:]
			case text[0] == '~':
				lost, text = true, text[1:]
			case text[0] == '1':
				due, text = 2, text[1:]
			}
			s.Seq, s.Payload = seq[d], []byte(text)
			seq[d] += uint32(len(text))
			switch {
			case lost:
			case due == 2:
				late = append(late, s)
			default:
				put(s, end)
			}
			if due--; due == 0 {
				for _, s := range late {
					put(s, false)
				}
				late = nil
			}
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return first
}

// TestHTTPTalksAgainstTshark: every message of every connection stands on the frame where
// tshark shows it.
func TestHTTPTalksAgainstTshark(t *testing.T) {
	needTshark(t)
	path := filepath.Join(t.TempDir(), "talks.pcap")
	first := playTalks(t, path)
	theirs, ours := tsharkFields(t, path), replayFields(t, path)
	messages := 0
	for i, talk := range httpTalks {
		last := 1 << 30
		if i+1 < len(first) {
			last = first[i+1]
		}
		same := true
		for _, id := range []FieldID{FieldHTTPMethod, FieldHTTPURI, FieldHTTPHost, FieldHTTPStatus, FieldHTTPServer, FieldHTTPContentType} {
			for n := first[i]; n < min(last, first[i]+20); n++ {
				k := frameField{n, id}
				messages += len(theirs[k])
				if slices.Equal(theirs[k], ours[k]) {
					continue
				}
				same = false
				if talk.differs == "" || len(theirs[k]) > 0 {
					t.Errorf("%s: frame %d %s: tshark %q, here %q", talk.name, n-first[i]+1, id, theirs[k], ours[k])
				}
			}
		}
		if same && talk.differs != "" {
			t.Errorf("%s: does not differ from tshark", talk.name)
		}
	}
	if messages < 300 {
		t.Errorf("only %d values", messages)
	}
}

// TestHTTPBodyDoesNotAllocate: nor does a message whose body goes on over many segments.
func TestHTTPBodyDoesNotAllocate(t *testing.T) {
	r := NewRecognizer(Options{})
	var st FlowState
	seq := uint32(1)
	body := bytes.Repeat([]byte{'b'}, 1000)
	heads := [][]byte{[]byte(large), []byte(chunked + "bb8\r\n"), []byte(answer)}
	tails := [][]byte{nil, []byte("\r\n0\r\n\r\n"), nil}
	say := func(b []byte) Outcome {
		o := r.Segment(&st, &Segment{Transport: 6, Seq: seq, Payload: b})
		seq += uint32(len(b))
		return o
	}
	run := func() {
		for i, head := range heads {
			o := say(head)
			if i < 2 {
				for range 3 {
					o = say(body)
				}
			}
			if tails[i] != nil {
				o = say(tails[i])
			}
			if o != OutcomeFields {
				t.Fatalf("message %d: %v", i, o)
			}
		}
	}
	run() // buffers of the pool are made at their first use
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if r.Partials() != 0 {
		t.Errorf("%d buffers are still held", r.Partials())
	}
}
