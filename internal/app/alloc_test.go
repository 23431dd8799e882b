package app

import (
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestNoAllocation: no call allocates, whatever the payload; QUIC's ciphers are the one
// exception and are bounded.
func TestNoAllocation(t *testing.T) {
	r := NewRecognizer(Options{Partials: 4})
	r.Passive = NewPassiveDNS(100)
	hello := record(exampleHello(t), 100)
	segments := map[string][]Segment{
		"unknown": {{Transport: 6, FromClient: true, Payload: []byte("\xa5\x01\x02\x03\x04\x05\x06\x07")}},
		"ClientHello in pieces": {
			{Transport: 6, FromClient: true, Payload: hello[:70]},
			{Transport: 6, FromClient: true, Seq: 70, Payload: hello[70:]},
		},
		"ClientHello in the wrong order": {
			{Transport: 6, FromClient: true, Seq: 70, Missing: 70, Payload: hello[70:]},
			{Transport: 6, FromClient: true, Payload: hello[:70]},
		},
		"repeated in part": {
			{Transport: 6, FromClient: true, Payload: hello[:70]},
			{Transport: 6, FromClient: true, Seq: 60, Repeated: 10, Payload: hello[60:]},
		},
		"certificate": {{Transport: 6, Payload: record(message(msgCertificate, vec(3, vec(3, certificate(t, "cn", "a", "b").Certificate[0]))), maxRecord)}},
		"dns answer": {dnsSegment(dnsMessage(0x8180, 1, 2, 0, 0, question("www.example.com", 1),
			resource(pointerToQuestion, typeCNAME, 60, encodeName("cdn.example.com")), resource(encodeName("cdn.example.com"), typeA, 60, address4)))},
	}
	for _, c := range samples(t) {
		segments[c.name] = []Segment{c.segment()}
	}
	for name, list := range segments {
		run := func() {
			var st FlowState
			for i := range list {
				r.Segment(&st, &list[i])
			}
			r.Release(&st)
		}
		if name == "quic" {
			// Every run another connection identifier, so that the keys are new.
			packet := list[0].Payload
			other := sealInitial(t, &quicV1, unhex(t, "0102030405060708"), 0, pad(crypto(0, exampleHello(t)), make([]byte, 8)))
			both := run
			run = func() {
				list[0].Payload = packet
				both()
				list[0].Payload = other
				both()
			}
			if n := testing.AllocsPerRun(50, run); n > 6 {
				t.Errorf("%s: %v allocations for two connections", name, n)
			}
			list[0].Payload = packet
			run = both
		}
		run() // buffers of the pool are made at their first use
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestPassiveDNSDoesNotAllocate(t *testing.T) {
	p := NewPassiveDNS(100)
	name := []byte("www.example.com")
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		i++
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		p.Learn(a, name, 60, int64(i))
		p.Lookup(a, int64(i))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPrintableDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 256)
	in := []byte("www.exämple.com\x1b\u202e\xff")
	if n := testing.AllocsPerRun(100, func() { buf = Printable(buf[:0], in) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestImports: the package is pure: no package of the project, no I/O, no clock.
func TestImports(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"bytes", "crypto/aes", "crypto/cipher", "crypto/sha256", "hash/maphash", "net/netip", "slices", "unicode", "unicode/utf8"}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, a := range allowed {
				found = found || a == path
			}
			if !found {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
	}
}
