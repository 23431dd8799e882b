package trafficlog

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

func write(t testing.TB, opt Options, batches ...*track.Batch) string {
	t.Helper()
	var out bytes.Buffer
	if opt.Location == nil {
		opt.Location = time.UTC
	}
	l := NewWriter(&out, opt)
	for _, b := range batches {
		must(t, l.Apply(context.Background(), b))
	}
	must(t, l.Close())
	return out.String()
}

func TestRecord(t *testing.T) {
	udp := func(n uint64) packet.Summary {
		s := tcp(n)
		s.Outer.Proto, s.TCPFlags, s.Seq, s.Ack, s.Window = packet.ProtoUDP, 0, 0, 0, 0
		s.Direction = packet.DirectionReceived
		return s
	}
	six := tcp(1)
	six.Outer.Version, six.Outer.Src, six.Outer.Dst = 6, address("fe80::1"), address("2001:db8::80")
	six.VLAN, six.TCPFlags = 7, 0xfff
	tests := []struct {
		name    string
		packet  packet.Summary
		payload string
		opt     Options
		want    string
	}{
		{
			"old fields", tcp(1), "GET / HTTP/1.1\r\n\x0b\x0c\t\"\\", Options{},
			`{"timestamp": "2023-11-14T22:13:20.123456+00:00", "direction": "ENVIADO", "src": "10.0.0.1", "dst": "192.0.2.2", ` +
				`"sport": 1000, "dport": 80, "protocol": "TCP", "flags": 24, "len": 21, ` +
				`"payload_hex": "474554202f20485454502f312e310d0a0b0c09225c", "payload_ascii_preview": "GET / HTTP/1.1\r\n\u000b\f\t\"\\", ` +
				`"payload_hash": "` + sum("GET / HTTP/1.1\r\n\x0b\x0c\t\"\\") + `"}`,
		},
		{
			"no payload", tcp(1), "", Options{Location: time.FixedZone("", -3*3600)},
			`{"timestamp": "2023-11-14T19:13:20.123456-03:00", "direction": "ENVIADO", "src": "10.0.0.1", "dst": "192.0.2.2", ` +
				`"sport": 1000, "dport": 80, "protocol": "TCP", "flags": 24, "len": 0, ` +
				`"payload_hex": "", "payload_ascii_preview": "", "payload_hash": ""}`,
		},
		{
			"additions", six, "\x7f", Options{Extra: true, Capture: `a"b`},
			`{"timestamp": "2023-11-14T22:13:20.123456+00:00", "direction": "ENVIADO", "src": "fe80::1", "dst": "2001:db8::80", ` +
				`"sport": 1000, "dport": 80, "protocol": "TCP", "flags": 511, "len": 1, ` +
				`"payload_hex": "7f", "payload_ascii_preview": "", "payload_hash": "` + sum("\x7f") + `", ` +
				`"time_ns": 1700000000123456789, "capture": "a\"b", "number": 1, "wire_len": 100, "interface": "eth0", "vlan": 7, ` +
				`"seq": 7, "ack": 4294967295, "window": 65535}`,
		},
		{
			"UDP", udp(1), "x", Options{UDP: true, Extra: true},
			`{"timestamp": "2023-11-14T22:13:20.123456+00:00", "direction": "RECEBIDO", "src": "10.0.0.1", "dst": "192.0.2.2", ` +
				`"sport": 1000, "dport": 80, "protocol": "UDP", "flags": 0, "len": 1, ` +
				`"payload_hex": "78", "payload_ascii_preview": "x", "payload_hash": "` + sum("x") + `", ` +
				`"time_ns": 1700000000123456789, "capture": "", "number": 1, "wire_len": 100, "interface": "eth0", "vlan": null, ` +
				`"seq": null, "ack": null, "window": null}`,
		},
		{"UDP not asked for", udp(1), "x", Options{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := write(t, tt.opt, batch([]packet.Summary{tt.packet}, [][]byte{[]byte(tt.payload)}))
			if want := strings.TrimPrefix(tt.want+"\n", "\n"); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func sum(s string) string {
	h := md5.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

// TestLengths has payloads that are cut, padded or not there at all.
func TestLengths(t *testing.T) {
	for _, tt := range []struct {
		name           string
		off, len, cap  uint32
		want           string
		fragment, udp  bool
		later, noPorts bool
		lines          int
	}{
		{name: "whole", off: 4, len: 3, cap: 7, want: "616263", lines: 1},
		{name: "padded", off: 4, len: 1, cap: 7, want: "61", lines: 1},
		{name: "cut by the snapshot length", off: 4, len: 1000, cap: 6, want: "6162", lines: 1},
		{name: "header cut", off: 40, len: 1000, cap: 7, lines: 1},
		{name: "offset at the end of numbers", off: 1<<32 - 1, len: 1<<32 - 1, cap: 7, lines: 1},
		{name: "no ports", noPorts: true, off: 4, len: 3, cap: 7},
		{name: "later fragment", later: true, off: 4, len: 3, cap: 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := batch([]packet.Summary{tcp(1)}, [][]byte{[]byte("abc")})
			r := &b.Rows[0]
			r.OuterPayloadOff, r.OuterPayloadLen, r.CapLen = tt.off, tt.len, tt.cap
			if tt.noPorts {
				r.Outer.Flags = 0
			}
			if tt.later {
				r.Outer.Flags |= packet.TupleFragment | packet.TupleLater
			}
			lines := parse(t, []byte(write(t, Options{}, b)))
			if len(lines) != tt.lines {
				t.Fatalf("%d lines, want %d", len(lines), tt.lines)
			}
			if tt.lines == 1 && (lines[0].Hex != tt.want || lines[0].Len != len(tt.want)/2) {
				t.Errorf("payload %s of %d bytes, want %s", lines[0].Hex, lines[0].Len, tt.want)
			}
		})
	}
}

// TestFirstFragment has TCP in the first of two fragments: its own bytes count.
func TestFirstFragment(t *testing.T) {
	ip := []byte{
		0x45, 0, 0, 44, 0, 1, 0x20, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 2, // 44 bytes, more fragments
		0x03, 0xe8, 0, 80, 0, 0, 0, 9, 0, 0, 0, 8, 0x50, 0x18, 0x01, 0x00, 0, 0, 0, 0, 'a', 'b', 'c', 'd', 'e', 'f',
	}
	b := &track.Batch{
		Chunk: &segment.Chunk{Interfaces: []segment.Interface{{Link: packet.LinkRaw}}, Bytes: ip},
		Rows:  []packet.Summary{tcp(1)},
		Next:  segment.Cursor{Packet: 2},
	}
	r := &b.Rows[0]
	r.CapLen, r.WireLen = uint32(len(ip)), uint32(len(ip))
	r.Outer.Flags, r.Outer.SrcPort, r.Outer.DstPort = packet.TupleFragment, 0, 0
	r.Seq, r.Ack, r.Window, r.TCPFlags = 0, 0, 0, 0
	lines := parse(t, []byte(write(t, Options{Extra: true}, b)))
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	l := lines[0]
	if l.Sport != 1000 || l.Dport != 80 || l.Flags != 24 || l.Hex != "61626364" || *l.Seq != 9 || *l.Ack != 8 || *l.Window != 256 {
		t.Errorf("%+v", l)
	}
	b.Chunk.Bytes = ip[:30]
	r.CapLen = 30
	if got := write(t, Options{}, b); got != "" {
		t.Errorf("a cut header makes a record: %s", got)
	}
}

func TestTimestamp(t *testing.T) {
	noon := time.Date(1900, 1, 1, 12, 0, 0, 0, time.UTC).UnixNano()
	odd := time.FixedZone("", -(3*3600 + 6*60 + 28)) // local mean time of São Paulo
	for _, tt := range []struct {
		ns   int64
		zone *time.Location
		want string
	}{
		{0, time.UTC, "1970-01-01T00:00:00.000000+00:00"},
		{999, time.UTC, "1970-01-01T00:00:00.000000+00:00"},
		{-1, time.UTC, "1969-12-31T23:59:59.999999+00:00"},
		{noon, odd, "1900-01-01T08:53:32.000000-03:06:28"},
		{1<<63 - 1, time.UTC, "2262-04-11T23:47:16.854775+00:00"},
		{-1 << 63, time.FixedZone("", 5*3600+45*60), "1677-09-21T05:57:43.145224+05:45"},
	} {
		c := clock{location: tt.zone}
		at := make([]byte, longestTime)
		if got := string(at[:c.put(at, tt.ns)]); got != tt.want {
			t.Errorf("%d: %s, want %s", tt.ns, got, tt.want)
		}
	}
}

// bothWays runs a test with the processor's wide registers and without.
func bothWays(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) {
		lanes, sixteen := hasLanes, hasSixteen
		hasLanes, hasSixteen = false, false
		defer func() { hasLanes, hasSixteen = lanes, sixteen }()
		f(t)
	})
	if hasSixteen {
		t.Run("sixteen lanes", f)
	}
	if hasLanes {
		t.Run("eight lanes", func(t *testing.T) {
			was := hasSixteen
			hasSixteen = false
			defer func() { hasSixteen = was }()
			f(t)
		})
	}
}

func TestPrintable(t *testing.T) { bothWays(t, testPrintable) }

func testPrintable(t *testing.T) {
	// Python's string.printable.
	const members = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\r\x0b\x0c"
	for c := range 256 {
		want := strings.IndexByte(members, byte(c)) >= 0
		for at := range 100 {
			b := bytes.Repeat([]byte("a"), 33+at)
			b[at] = byte(c)
			if got := printable(b); got != want {
				t.Fatalf("byte %#x at %d: %v", c, at, got)
			}
		}
	}
}

func TestHex(t *testing.T) { bothWays(t, testHex) }

func testHex(t *testing.T) {
	var b []byte
	for i := range 256 {
		b = append(b, byte(i*7))
		for from := range min(i, 20) {
			if got, want := hexOf(b[from:]), hex.EncodeToString(b[from:]); got != want {
				t.Fatalf("%d bytes: %s, want %s", i+1-from, got, want)
			}
		}
	}
}

func TestWorkersKeepTheOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var rows []packet.Summary
	var payloads [][]byte
	for n := range uint64(3000) {
		s, p := randomPacket(rng, n+1)
		rows, payloads = append(rows, s), append(payloads, p)
	}
	b := batch(rows, payloads)
	want := write(t, Options{Extra: true, Workers: 1}, b)
	for workers := 2; workers < 5; workers++ {
		if got := write(t, Options{Extra: true, Workers: workers}, b); got != want {
			t.Errorf("%d workers write something else", workers)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("GET /"), "eth0", int64(0), uint16(2))
	f.Add([]byte{0xff, 0, '"', '\\'}, "\xff\x00\"\\\u2028", int64(-1), uint16(0xfff))
	f.Fuzz(func(t *testing.T, payload []byte, iface string, ns int64, flags uint16) {
		s := tcp(1)
		s.Time, s.TCPFlags = ns, flags
		b := batch([]packet.Summary{s}, [][]byte{payload})
		b.Chunk.Interfaces[0].Name = iface
		text := write(t, Options{Extra: true, Capture: iface}, b)
		if strings.Count(text, "\n") != 1 || !json.Valid([]byte(text)) {
			t.Fatalf("not one valid line: %q", text)
		}
		l := parse(t, []byte(text))[0]
		if l.Hex != hex.EncodeToString(payload) || l.Len != len(payload) || l.Flags != flags&0x1ff || l.TimeNS != ns {
			t.Fatalf("%+v", l)
		}
		if len(payload) > 0 && l.Hash != sum(string(payload)) {
			t.Fatalf("hash %s", l.Hash)
		}
		want := ""
		if printable(payload) {
			want = string(payload[:min(len(payload), previewLength)])
		}
		if l.Preview != want {
			t.Fatalf("preview %q, want %q", l.Preview, want)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	b := endless(1, 1000)
	l := NewWriter(io.Discard, Options{Extra: true, Workers: 1})
	l.sides.observe(b.Rows, b.Chunk)
	var err error
	n := testing.AllocsPerRun(20, func() { _, err = l.writeRows(b, b.Rows) })
	must(t, err)
	if n > 5 { // for the batch: the list of parts
		t.Errorf("%v allocations for 1000 packets", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, size := range []int{0, 100, 1400} {
		for _, workers := range []int{1, 2} {
			b.Run(strings.Join([]string{"payload", itoa(size), "workers", itoa(workers)}, "-"), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 1))
				var rows []packet.Summary
				var payloads [][]byte
				for n := range uint64(1000) {
					p := make([]byte, size)
					for i := range p {
						p[i] = byte(rng.Uint32())
					}
					rows, payloads = append(rows, tcp(n+1)), append(payloads, p)
				}
				in := batch(rows, payloads)
				l := NewWriter(io.Discard, Options{Extra: true, Workers: workers})
				b.ReportAllocs()
				for b.Loop() {
					if _, err := l.writeRows(in, in.Rows); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
			})
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// hexOf has putHex write into a larger buffer and looks at what is around.
func hexOf(b []byte) string {
	out := bytes.Repeat([]byte{'!'}, 2*len(b)+20)
	n := putHex(out[10:], b)
	if string(out[:10])+string(out[10+n:]) != strings.Repeat("!", 20) {
		return "written outside"
	}
	return string(out[10 : 10+n])
}

func TestNumbers(t *testing.T) {
	dst := make([]byte, 20)
	check := func(v uint64) {
		t.Helper()
		if got, want := string(dst[:putUint(dst, v)]), strconv.FormatUint(v, 10); got != want {
			t.Fatalf("%d is written %s", v, got)
		}
	}
	for v := range uint64(70_000) {
		check(v)
	}
	for p := uint64(1); p < 1e19; p *= 10 {
		check(p - 1)
		check(p)
		check(p + 1)
		check(9 * p)
	}
	for shift := range 64 {
		check(1<<shift - 1)
		check(1 << shift)
	}
	check(1<<64 - 1)
	for i := range 1 << 16 {
		a := [4]byte{byte(i), byte(i >> 8), byte(3 * i), byte(i >> 4)}
		if got, want := string(dst[:putIPv4(dst, a)]), netip.AddrFrom4(a).String(); got != want {
			t.Fatalf("%s is written %s", want, got)
		}
	}
}
