package app

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// benchSegment measures a call on a fresh flow.
func benchSegment(b *testing.B, s Segment) {
	b.Helper()
	r := NewRecognizer(Options{})
	b.ReportAllocs()
	b.SetBytes(int64(len(s.Payload)))
	for b.Loop() {
		var st FlowState
		r.Segment(&st, &s)
	}
}

func BenchmarkDone(b *testing.B) {
	r := NewRecognizer(Options{})
	st := FlowState{flags: flagDone}
	s := Segment{Transport: 6, Payload: make([]byte, 1400)}
	for b.Loop() {
		r.Segment(&st, &s)
	}
}

func BenchmarkUnknown(b *testing.B) {
	payload := make([]byte, 1400)
	for i := range payload {
		payload[i] = byte(i*167 + 165)
	}
	b.Run("tcp", func(b *testing.B) {
		benchSegment(b, Segment{Transport: 6, FromClient: true, SrcPort: 40000, DstPort: 31234, Payload: payload})
	})
	b.Run("udp", func(b *testing.B) {
		benchSegment(b, Segment{Transport: 17, FromClient: true, SrcPort: 40000, DstPort: 31234, Payload: payload})
	})
	// What follows a request: the bodies of a connection that stays HTTP.
	b.Run("http body", func(b *testing.B) {
		r := NewRecognizer(Options{})
		st := FlowState{proto: HTTP}
		s := Segment{Transport: 6, Payload: payload}
		for b.Loop() {
			r.Segment(&st, &s)
		}
	})
	letters := make([]byte, 1400)
	for i := range letters {
		letters[i] = 'A' + byte(i%26)
	}
	b.Run("letters", func(b *testing.B) {
		benchSegment(b, Segment{Transport: 6, FromClient: true, SrcPort: 40000, DstPort: 31234, Payload: letters})
	})
}

func BenchmarkDNS(b *testing.B) {
	query := dnsMessage(0x0100, 1, 0, 0, 0, question("www.example.com", 1))
	answer := dnsMessage(0x8180, 1, 2, 0, 0, question("www.example.com", 1),
		resource(pointerToQuestion, typeCNAME, 60, encodeName("cdn.example.com")), resource(encodeName("cdn.example.com"), typeA, 60, address4))
	b.Run("query", func(b *testing.B) { benchSegment(b, dnsSegment(query)) })
	b.Run("answer", func(b *testing.B) { benchSegment(b, dnsSegment(answer)) })
	b.Run("answer, learnt", func(b *testing.B) {
		r := NewRecognizer(Options{})
		r.Passive = NewPassiveDNS(0)
		s := dnsSegment(answer)
		for b.Loop() {
			var st FlowState
			r.Segment(&st, &s)
		}
	})
}

func BenchmarkClientHello(b *testing.B) {
	b.Run("example", func(b *testing.B) {
		benchSegment(b, Segment{Transport: 6, FromClient: true, Payload: record(exampleHello(b), maxRecord)})
	})
	b.Run("chromium", func(b *testing.B) {
		benchSegment(b, Segment{Transport: 6, FromClient: true, Payload: hexFile(b, "chromium-tls.hex")[0]})
	})
}

func BenchmarkHTTPRequest(b *testing.B) {
	benchSegment(b, Segment{Transport: 6, FromClient: true, Payload: []byte("GET /a?b=c HTTP/1.1\r\nHost: www.example.com\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nAccept-Language: pt-BR\r\nConnection: keep-alive\r\n\r\n")})
}

func BenchmarkQUICInitial(b *testing.B) {
	dcid := unhex(b, rfcConnID)
	packets := make([][]byte, 2) // two connections in turn, so that no key is remembered
	for i := range packets {
		dcid[0] ^= 1
		packets[i] = sealInitial(b, &quicV1, dcid, 0, pad(crypto(0, exampleHello(b)), dcid))
	}
	r := NewRecognizer(Options{})
	s := Segment{Transport: 17, FromClient: true, DstPort: 443}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var st FlowState
		i ^= 1
		s.Payload = packets[i]
		if r.Segment(&st, &s) != OutcomeFields {
			b.Fatal("no ClientHello")
		}
	}
}

// BenchmarkCaptures measures a call per packet over the captures of others, with flows,
// the way a tracker would call it: not for flows that are done.
func BenchmarkCaptures(b *testing.B) {
	type call struct {
		flow int
		seg  Segment
	}
	var calls []call
	flows := 0
	for _, path := range captureFiles(b, capturesDir(b)) {
		p := newReplay(Options{})
		numbers := map[*testFlow]int{}
		readCapture(b, path, func(_ int, link layers.LinkType, data []byte, ci gopacket.CaptureInfo) {
			f, _, ok := p.packet(link, data, ci)
			if !ok {
				return
			}
			if _, known := numbers[f]; !known {
				numbers[f] = flows
				flows++
			}
			calls = append(calls, call{numbers[f], p.seg})
		})
	}
	r := NewRecognizer(Options{})
	r.Passive = NewPassiveDNS(0)
	states := make([]FlowState, flows)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(calls) {
			i = 0
			clear(states)
		}
		c := &calls[i]
		i++
		if st := &states[c.flow]; !st.Done() {
			r.Segment(st, &c.seg)
		}
	}
	b.ReportMetric(float64(len(calls)), "packets")
}
