package flow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// tell writes pieces down: > from the client, < from the server.
func tell(out *[]string) func(Piece) {
	return func(p Piece) {
		arrow := "<"
		if p.FromClient {
			arrow = ">"
		}
		late := ""
		if p.Late {
			late = " late"
		}
		if p.Gap > 0 {
			*out = append(*out, fmt.Sprintf("%sgap %d%s", arrow, p.Gap, late))
			return
		}
		*out = append(*out, arrow+string(p.Data)+late)
	}
}

func TestReassembler(t *testing.T) {
	c, s := "10.0.0.1:1", "10.0.0.2:2"
	say := func(seq uint32, text string, ack uint32) segment {
		return segment{src: c, dst: s, flags: "A", seq: seq, ack: ack, data: []byte(text)}
	}
	answer := func(seq uint32, text string, ack uint32) segment {
		return segment{src: s, dst: c, flags: "A", seq: seq, ack: ack, data: []byte(text)}
	}
	cutOff := func(g segment, n int) segment {
		g.cut = n
		return g
	}
	datagram := func(g segment) segment {
		g.proto, g.flags = protoUDP, ""
		return g
	}
	for _, x := range []struct {
		name string
		in   []segment
		want string
	}{
		{"in order", []segment{say(1, "ab", 1), answer(1, "xy", 3), say(3, "cd", 3)}, ">ab <xy >cd"},
		{"with handshake", []segment{
			{src: c, dst: s, flags: "S", seq: 0}, {src: s, dst: c, flags: "SA", seq: 0, ack: 1}, say(1, "ab", 1),
		}, ">ab"},
		{"repeated", []segment{say(1, "ab", 1), say(1, "ab", 1), say(3, "c", 1)}, ">ab >c"},
		{"repeated with more", []segment{say(1, "ab", 1), say(1, "XYcd", 1)}, ">ab >cd"},
		{"swapped", []segment{say(1, "ab", 1), say(5, "ef", 1), say(3, "cd", 1)}, ">ab >cd >ef"},
		{"overlap, the first wins", []segment{say(1, "a", 1), say(3, "cd", 1), say(2, "BCDE", 1)}, ">a >BCDE"},
		{"overlap behind a hole, what came first wins", []segment{
			say(1, "a", 1), say(3, "cd", 1), say(3, "CDE", 1), say(2, "b", 1),
		}, ">a >b >cd >E"},
		{"lost, acknowledged", []segment{say(1, "ab", 1), say(6, "fg", 1), answer(1, "", 8), say(8, "h", 1)}, ">ab >gap 3 >fg >h"},
		{"lost, acknowledged only before the hole", []segment{say(1, "ab", 1), say(6, "fg", 1), answer(1, "x", 3)}, ">ab <x >gap 3 late >fg late"},
		{"gap in front of the answer", []segment{say(1, "ab", 1), say(6, "fg", 1), answer(1, "x", 8)}, ">ab >gap 3 >fg <x"},
		{"wrap", []segment{say(0xfffffffe, "ab", 1), say(0, "cd", 1), say(0xffffffff, "Xcd", 1), say(2, "e", 1)}, ">ab >cd >e"},
		{"keep-alive", []segment{say(1, "ab", 1), say(2, "\x00", 1), say(3, "c", 1)}, ">ab >c"},
		{"cut off", []segment{say(1, "a", 1), cutOff(say(2, "bcde", 1), 2), say(6, "f", 1)}, ">a >bc >gap 2 >f"},
		{"cut off whole", []segment{say(1, "a", 1), cutOff(say(2, "bcde", 1), 4), cutOff(say(6, "fg", 1), 2)}, ">a"},
		{"cut off, repeated whole", []segment{cutOff(say(1, "abcd", 1), 2), say(1, "abcd", 1)}, ">ab >cd"},
		{"datagrams", []segment{datagram(say(0, "ab", 0)), datagram(answer(0, "xy", 0)), datagram(say(0, "ab", 0))}, ">ab <xy >ab"},
	} {
		t.Run(x.name, func(t *testing.T) {
			sc := &scene{}
			var got []string
			r := NewReassembler(packet.Tuple{}, StreamLimits{}, nil, tell(&got))
			for _, g := range x.in {
				sc.add(g)
			}
			for i := range sc.rows {
				row := &sc.rows[i]
				r.Add(row, captured(row, sc.chunk)[row.PayloadOff:])
			}
			r.Close()
			if s := strings.Join(got, " "); s != x.want {
				t.Errorf("got %s\nwant %s", s, x.want)
			}
			n := r.Counters()
			if n.Delivered+n.Repeated != n.Bytes || r.held != 0 {
				t.Errorf("%d bytes delivered and %d repeated of %d; %d held", n.Delivered, n.Repeated, n.Bytes, r.held)
			}
		})
	}
}

// The client is whom the caller names, whoever speaks first.
func TestReassemblerClient(t *testing.T) {
	sc := &scene{}
	sc.add(segment{src: "10.0.0.2:2", dst: "10.0.0.1:1", flags: "A", seq: 1, data: []byte("220 ready")})
	client := sc.rows[0].Inner
	client.Src, client.Dst = client.Dst, client.Src
	client.SrcPort, client.DstPort = client.DstPort, client.SrcPort
	var got []string
	r := NewReassembler(client, StreamLimits{}, nil, tell(&got))
	r.Add(&sc.rows[0], []byte("220 ready"))
	if len(got) != 1 || got[0] != "<220 ready" {
		t.Error(got)
	}
}

func TestReassemblerLimits(t *testing.T) {
	shared := &Held{Limit: 1000}
	for _, x := range []struct {
		name   string
		limits StreamLimits
		shared *Held
	}{
		{"segments", StreamLimits{Segments: 10}, nil},
		{"bytes", StreamLimits{Bytes: 500}, nil},
		{"bytes of all", StreamLimits{}, shared},
	} {
		t.Run(x.name, func(t *testing.T) {
			var got []string
			r := NewReassembler(packet.Tuple{}, x.limits, x.shared, tell(&got))
			row := packet.Summary{Inner: packet.Tuple{Version: 4, Proto: protoTCP, SrcPort: 1}, PayloadLen: 100, TCPFlags: flagACK}
			for i := range uint32(200) { // every second segment is missing
				row.Seq = 1 + i*200
				row.Number = uint64(i) + 1
				r.Add(&row, make([]byte, 100))
				if held := r.held; held > 1000 && x.name != "bytes" || held > 500 && x.name == "bytes" {
					t.Fatalf("%d bytes held", held)
				}
			}
			r.Close()
			n := r.Counters()
			if n.Forced == 0 || n.Delivered != 200*100 || n.Gaps != 199 {
				t.Errorf("%+v", n)
			}
		})
	}
	if shared.Used() != 0 {
		t.Errorf("%d bytes still held", shared.Used())
	}
}

// What waits behind a hole that nobody acknowledges comes out in order, whatever order it
// came in, and without looking at all that waits for each segment.
func TestManyBehindAHole(t *testing.T) {
	const segments, size = 12_000, 100
	for name, at := range map[string]func(i int) int{
		"in order":   func(i int) int { return i },
		"backwards":  func(i int) int { return segments - 1 - i },
		"every 7th":  func(i int) int { return i * 7919 % segments },
		"two by two": func(i int) int { return i ^ 1 },
	} {
		sum, gaps := uint32(0), 0
		next := uint32(0)
		r := NewReassembler(packet.Tuple{}, StreamLimits{}, nil, func(p Piece) {
			if p.Gap != 0 {
				gaps++
				next += p.Gap
				return
			}
			for len(p.Data) > 0 {
				if got := uint32(p.Data[0]) | uint32(p.Data[1])<<8; got != next/size {
					t.Fatalf("%s: segment %d at %d", name, got, next)
				}
				sum++
				next += size
				p.Data = p.Data[size:]
			}
		})
		s := packet.Summary{Number: 1, PayloadLen: 0, TCPFlags: flagSYN}
		s.Inner = packet.Tuple{Version: 4, Proto: protoTCP, SrcPort: 1, DstPort: 2}
		s.Seq = 1<<32 - 500_001 // the numbers run over
		r.Add(&s, nil)
		base := s.Seq + 1
		payload := make([]byte, size)
		for i := range segments {
			k := at(i)
			if k == 0 {
				continue // the hole
			}
			payload[0], payload[1] = byte(k), byte(k>>8)
			s.Number, s.Seq, s.PayloadLen, s.TCPFlags = uint64(i)+2, base+uint32(k)*size, size, flagACK
			r.Add(&s, payload)
		}
		r.Close()
		if sum != segments-1 || gaps != 1 {
			t.Errorf("%s: %d segments, %d gaps", name, sum, gaps)
		}
	}
}
