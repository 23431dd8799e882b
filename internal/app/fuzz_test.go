package app

import (
	"net/netip"
	"testing"
)

// checkFields holds what is promised of every field after every call.
func checkFields(t *testing.T, r *Recognizer, s *Segment) {
	t.Helper()
	for _, f := range r.Fields() {
		if f.ID == FieldNone || f.ID >= numFields {
			t.Fatalf("field %d", f.ID)
		}
		switch f.ID.Kind() {
		case KindNumber:
			if f.Value != nil {
				t.Fatalf("%s: a number with a value", f.ID)
			}
		case KindAddress:
			if _, ok := netip.AddrFromSlice(f.Value); !ok {
				t.Fatalf("%s: %d bytes", f.ID, len(f.Value))
			}
		case KindToken:
			if len(f.Value) != ja4Length {
				t.Fatalf("%s: %q", f.ID, f.Value)
			}
			for _, c := range f.Value {
				if !isAlnum(c) && c != '_' {
					t.Fatalf("%s: %q", f.ID, f.Value)
				}
			}
		case KindText:
			if f.Value == nil {
				t.Fatalf("%s: no value", f.ID)
			}
			if limit := max(r.pool.size, len(s.Payload)); len(f.Value) > limit {
				t.Fatalf("%s: %d bytes", f.ID, len(f.Value))
			}
		}
	}
}

// FuzzSegments feeds bytes as a flow: cut into segments, in both directions, some late,
// some again. The first bytes say how.
func FuzzSegments(f *testing.F) {
	for _, c := range samples(f) {
		plan := byte(0)
		if c.transport == 17 {
			plan |= 1
		}
		if c.fromServer {
			plan |= 2
		}
		f.Add(plan, byte(200), c.port, c.payload)
		f.Add(plan|4, byte(7), uint16(31234), c.payload)
	}
	for _, name := range []string{"chromium-tls.hex", "chromium-quic.hex"} {
		for _, b := range hexFile(f, name) {
			f.Add(byte(8), byte(90), uint16(443), b)
			f.Add(byte(1), byte(255), uint16(443), b)
		}
	}
	// Shared, as it would be: what one flow leaves behind must not hurt the next.
	r := NewRecognizer(Options{Partials: 3, PartialBytes: 2048})
	r.Passive = NewPassiveDNS(20)
	f.Fuzz(func(t *testing.T, plan, step byte, port uint16, data []byte) {
		var st FlowState
		s := Segment{Transport: 6, FromClient: plan&2 == 0, SrcPort: 40000, DstPort: port, Time: sampleTime * 1e9, Truncated: plan&16 != 0}
		if plan&1 != 0 {
			s.Transport = 17
		}
		size := 8*int(step) + 1
		calls := r.Counters()
		n := uint64(0)
		for at := 0; at < len(data); at += size {
			s.Payload = data[at:min(at+size, len(data))]
			s.Seq = uint32(at) - 100
			s.Missing, s.Repeated = 0, 0
			if plan&4 != 0 && at >= size { // in pairs, the second first
				if at/size%2 == 1 {
					s.Missing = uint32(size)
				}
			}
			if plan&32 != 0 {
				s.Repeated = uint32(step & 7)
			}
			if plan&64 != 0 {
				s.FromClient = !s.FromClient
			}
			o := r.Segment(&st, &s)
			n++
			if o >= NumOutcomes || (o == OutcomeFields) && len(r.Fields()) == 0 {
				t.Fatalf("outcome %v with %d fields", o, len(r.Fields()))
			}
			if st.proto >= numProtocols || r.Partials() > 3 {
				t.Fatalf("protocol %d, %d partial messages", st.proto, r.Partials())
			}
			checkFields(t, r, &s)
		}
		after := r.Counters()
		for i := range after.Outcomes {
			n -= after.Outcomes[i] - calls.Outcomes[i]
		}
		if n != 0 {
			t.Fatal("the outcomes do not add up to the calls")
		}
		if plan&128 == 0 {
			r.Release(&st)
		}
	})
}

func FuzzDNS(f *testing.F) {
	f.Add(dnsMessage(0x0100, 1, 0, 0, 0, question("www.example.com", 1)))
	f.Add(dnsMessage(0x8180, 1, 2, 0, 0, question("a.example", 1), resource(pointerToQuestion, typeCNAME, 60, encodeName("b.example")), resource(encodeName("b.example"), typeA, 60, address4)))
	f.Add(dnsMessage(0x8400, 0, 1, 0, 1, resource(encodeName("p.local"), typePTR, 120, []byte{0xc0, 12}), resource([]byte{0xc0, 12}, typeAAAA, 120, address6)))
	r := NewRecognizer(Options{Partials: 1})
	r.Passive = NewPassiveDNS(10)
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, port := range []uint16{portDNS, 31234} {
			var st FlowState
			s := dnsSegment(msg)
			s.DstPort = port
			r.Segment(&st, &s)
			for _, x := range r.Fields() {
				if x.ID.Kind() == KindText && len(x.Value) > maxNameOctets {
					t.Fatalf("a name of %d octets", len(x.Value))
				}
			}
			checkFields(t, r, &s)
		}
		// What is strictly DNS must also be readable, except for pointers and names.
		if dnsStrict(msg) && !dnsHeaderOK(msg, len(msg)) {
			t.Fatal("strict, but the header is not in order")
		}
	})
}

func FuzzClientHello(f *testing.F) {
	f.Add(exampleHello(f)[4:], false)
	f.Add(hexFile(f, "chromium-tls.hex")[0][9:], false)
	f.Add(dtlsSample()[25:], true)
	r := NewRecognizer(Options{Partials: 1})
	f.Fuzz(func(t *testing.T, body []byte, dtls bool) {
		r.nfields, r.nscratch = 0, 0
		whole := r.hello.parse(body, dtls)
		r.reportHello('t', whole)
		checkFields(t, r, &Segment{Payload: body})
		parseServerHello(body)
	})
}

func FuzzCertificate(f *testing.F) {
	// A certificate by hand, because one with a new key would be another seed every time.
	name := join([]byte{0x30, 16, 0x31, 14, 0x30, 12, 6, 3}, []byte(oidCommonName), []byte{12, 5}, []byte("a.b.c"))
	san := join([]byte{0x30, 16, 6, 3}, []byte(oidSAN), []byte{4, 9, 0x30, 7, 0x82, 5}, []byte("d.e.f"))
	ext := join([]byte{derExtension, 20, 0x30, 18}, san)
	tbs := join([]byte{0xa0, 3, 2, 1, 2, 2, 1, 1, 0x30, 0, 0x30, 0, 0x30, 0}, name, []byte{0x30, 0}, ext)
	cert := join([]byte{0x30, byte(len(tbs) + 2), 0x30, byte(len(tbs))}, tbs)
	r := NewRecognizer(Options{Partials: 1})
	r.certificateNames(cert)
	if len(r.Fields()) != 2 {
		f.Fatalf("the seed has %d names", len(r.Fields()))
	}
	f.Add(cert)
	f.Fuzz(func(t *testing.T, der []byte) {
		r.nfields = 0
		r.certificateNames(der)
		checkFields(t, r, &Segment{Payload: der})
	})
}

// FuzzQUIC takes bytes once as a datagram, once as the frames of a packet that was
// decrypted: no fuzzer finds its way through the encryption.
func FuzzQUIC(f *testing.F) {
	hello := exampleHello(f)
	f.Add(join(crypto(100, hello[100:]), []byte{1, 0, 0}, crypto(0, hello[:100])))
	f.Add(join([]byte{2, 5, 0, 1, 0, 1, 2}, crypto(0, hello)))
	f.Add(hexFile(f, "chromium-quic.hex")[0])
	r := NewRecognizer(Options{Partials: 2, PartialBytes: 1024})
	f.Fuzz(func(t *testing.T, b []byte) {
		var st FlowState
		s := Segment{Transport: 17, FromClient: true, DstPort: 443, Payload: b}
		r.Segment(&st, &s)
		checkFields(t, r, &s)
		r.Release(&st)
		if p, _, ok := parseLong(b); ok && (p.end > len(b) || p.number > p.end || len(p.dcid) > maxConnID) {
			t.Fatalf("%+v of %d bytes", p, len(b))
		}
		st = FlowState{proto: QUIC}
		r.nfields, r.nscratch = 0, 0
		r.quicFrames(&st, &quicInitial{}, b)
		checkFields(t, r, &s)
		r.Release(&st)
	})
}

// FuzzHTTP feeds a connection whole, and in pieces of which every third comes after its
// successor.
func FuzzHTTP(f *testing.F) {
	f.Add([]byte("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.0\n\n"), byte(9))
	f.Add([]byte("HTTP/1.1 200 OK\r\nServer: s\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n"+answer), byte(11))
	f.Add([]byte(large+kilo+kilo+kilo+answer), byte(200))
	f.Add([]byte(until+kilo), byte(100))
	f.Fuzz(func(t *testing.T, b []byte, step byte) {
		r := NewRecognizer(Options{Partials: 1, PartialBytes: 512})
		st := FlowState{proto: HTTP}
		s := Segment{Transport: 6, FromClient: true, Payload: b, End: true}
		r.Segment(&st, &s)
		checkFields(t, r, &s)
		st = FlowState{proto: HTTP}
		size := 4*int(step) + 1
		pieces := (len(b) + size - 1) / size
		for i := range pieces {
			at := i
			switch {
			case i%3 == 1 && i+1 < pieces:
				at++
			case i%3 == 2:
				at--
			}
			at *= size
			s = Segment{Transport: 6, FromClient: true, Seq: uint32(at) - 300, Payload: b[at:min(at+size, len(b))], End: at+size >= len(b)}
			r.Segment(&st, &s)
			checkFields(t, r, &s)
		}
	})
}
