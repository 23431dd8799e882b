package flow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pcap writes a scene down as a capture file.
func (sc *scene) pcap() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b23c4d) // nanoseconds
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(b, 262144)
	b = le.AppendUint32(b, 1)
	for i := range sc.rows {
		s := &sc.rows[i]
		b = le.AppendUint32(b, uint32(s.Time/1e9))
		b = le.AppendUint32(b, uint32(s.Time%1e9))
		b = le.AppendUint32(b, s.CapLen)
		b = le.AppendUint32(b, s.WireLen)
		b = append(b, sc.chunk[s.DataOff:s.DataOff+s.CapLen]...)
	}
	return b
}

// asks adds a DNS query for each name.
func (sc *scene) asks(names []string) {
	for i, name := range names {
		m := []byte{byte(i >> 8), byte(i), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
		for label := range strings.SplitSeq(name, ".") {
			m = append(m, byte(len(label)))
			m = append(m, label...)
		}
		m = append(m, 0, 0, 16, 0, 1)
		sc.add(segment{after: time.Second, src: host1 + ":5353", dst: "10.0.0.2:53", proto: protoUDP, data: m})
	}
}

// tunnelNames are names as a tunnel asks for, and as many ordinary ones.
func tunnelNames() (tunnel, ordinary []string) {
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 120 {
		label := make([]byte, 40)
		for j := range label {
			label[j] = "abcdefghijklmnopqrstuvwxyz234567"[rng.IntN(32)]
		}
		tunnel = append(tunnel, string(label)+".t.example.com")
		ordinary = append(ordinary, fmt.Sprintf("www%d.example.com", i))
	}
	return tunnel, ordinary
}

// TestDetectorCaptures keeps a capture of what each detector must report and one of what it
// must not in testdata/findings: internal/track reads them the way that every capture
// is read.
func TestDetectorCaptures(t *testing.T) {
	tunnel, ordinary := tunnelNames()
	list := append([]detector{{
		kind: FindDNSTunnel,
		bad:  func(sc *scene) { sc.asks(tunnel) },
		good: func(sc *scene) { sc.asks(ordinary) },
	}}, detectors...)
	kinds := map[FindingKind]bool{}
	for _, d := range list {
		kinds[d.kind] = true
		for suffix, write := range map[string]func(*scene){"": d.bad, "-not": d.good} {
			sc := &scene{}
			write(sc)
			name := filepath.Join("testdata", "findings", d.kind.String()+suffix+".pcap")
			got := sc.pcap()
			if *update {
				if err := os.WriteFile(name, got, 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what the test writes: go test ./internal/flow -run DetectorCaptures -update", name)
			}
		}
	}
	for k := range findCount {
		if !kinds[k] {
			t.Errorf("no capture for %v", k)
		}
	}
}

// A window that is never opened again is a stall until the connection's last packet.
func TestStallUntilTheEnd(t *testing.T) {
	sc := &scene{}
	cl, _ := sc.open(1000, 0)
	cl(ms, "A", 1, 1, 500)
	sc.add(segment{src: web, dst: host1 + ":1000", flags: "A", seq: 1, ack: 501})
	for range 4 {
		cl(2*time.Second, "A", 501, 1, 1)
		sc.add(segment{after: ms, src: web, dst: host1 + ":1000", flags: "A", seq: 1, ack: 501})
	}
	found := sc.watched()[FindStall]
	if len(found) != 1 {
		t.Fatalf("%d stalls", len(found))
	}
	const want = "10.0.0.2:80 closed its receive window, for 8s at most and 8s in all (stalls: 1), so that 10.0.0.1:1000 could not send."
	if f := found[0]; f.Sentence() != want || f.Severity != Serious || f.Last-f.First != 8004*int64(ms) {
		t.Errorf("%v, %v: %s", f.Severity, time.Duration(f.Last-f.First), f.Sentence())
	}
}

// Resets that come long after a connection has ended are not those of another one.
func TestResetAfterTheEnd(t *testing.T) {
	sc := &scene{}
	cl, sv := sc.open(1000, 0)
	cl(ms, "FA", 1, 1, 0)
	sv(ms, "FA", 1, 2, 0)
	cl(ms, "A", 2, 2, 0)
	sv(time.Minute, "R", 2, 0, 0)
	for _, f := range sc.watched()[FindReset] {
		t.Error(f.Sentence())
	}
}
