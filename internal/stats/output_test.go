package stats

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tarrafa/tarrafa/internal/packet"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (rewrite with -update):\n%s", path, got)
	}
}

// sample is a small office: web traffic, names, pings, ARP, one long IPv6 address.
func sample() *Counters {
	c := New()
	add := func(n int, src, dst packet.Addr, version, proto uint8, size uint32) {
		for i := range n {
			r := packet.Summary{
				Time: 1_700_000_000e9 + int64(c.total.Packets)*1_234_567 + int64(i), WireLen: size, EtherType: 0x0800,
				Outer: packet.Tuple{Src: src, Dst: dst, Version: version, Proto: proto}, Direction: packet.DirectionSent,
			}
			if version == 0 {
				r.Outcome, r.EtherType = packet.OutcomeNonIP, 0x0806
			}
			c.Apply([]packet.Summary{r})
		}
	}
	long := packet.Addr{0x20, 0x01, 0x0d, 0xb8, 0x85, 0xa3, 0x10, 0x11, 0x12, 0x13, 0x8a, 0x2e, 0x13, 0x70, 0x73, 0x34}
	add(4200, v4(0xc0a80117), v4(0x23c76f0f), 4, packet.ProtoTCP, 1514)
	add(2100, v4(0x23c76f0f), v4(0xc0a80117), 4, packet.ProtoTCP, 66)
	add(77, v4(0xc0a80117), v4(0xc0a80101), 4, packet.ProtoUDP, 90)
	add(9, long, packet.Addr{0xff, 2, 15: 1}, 6, packet.ProtoICMPv6, 86)
	add(3, packet.Addr{}, packet.Addr{}, 0, 0, 60)
	c.Apply([]packet.Summary{{Time: 1_700_000_099e9, WireLen: 14, Outcome: packet.OutcomeMalformed, EtherType: 0x0800}})
	return c
}

func TestJSON(t *testing.T) {
	data, err := json.MarshalIndent(sample().Snapshot(5), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.json", append(data, '\n'))
	empty, err := json.Marshal(New().Snapshot(5))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(empty), "[null") || !strings.Contains(string(empty), `"first":null`) || !strings.Contains(string(empty), `"top_sources":[]`) {
		t.Errorf("empty: %s", empty)
	}
}

func TestText(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()

	flooded := newCounters(4, 4)
	flooded.Apply(traffic(1, 2000, 1000))
	for name, c := range map[string]*Counters{"sample.txt": sample(), "empty.txt": New(), "approximate.txt": flooded} {
		text := c.Snapshot(5).Text(&English)
		golden(t, name, []byte(text))
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %q", name, n, line)
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	w := English
	for _, tc := range []struct{ got, want string }{
		{w.Integer(0), "0"}, {w.Integer(999), "999"}, {w.Integer(1000), "1,000"}, {w.Integer(1<<64 - 1), "18,446,744,073,709,551,615"},
		{w.Size(0), "0 B"}, {w.Size(999), "999 B"}, {w.Size(1000), "1.00 kB"}, {w.Size(9_999), "10.0 kB"}, {w.Size(99_960), "100 kB"},
		{w.Size(999_499), "999 kB"}, {w.Size(999_500), "1.00 MB"}, {w.Size(1<<64 - 1), "18.4 EB"}, {w.Scaled(0.5, "b/s"), "0.50 b/s"},
		{w.Scaled(12, ""), "12"}, {w.Scaled(1200, ""), "1.20 k"},
		{w.Percent(0, 0), "–"}, {w.Percent(0, 5), "0 %"}, {w.Percent(5, 5), "100 %"}, {w.Percent(1, 100_000), "< 0.1 %"},
		{w.Percent(99_999, 100_000), "> 99.9 %"}, {w.Percent(1, 3), "33.3 %"},
		{Elapsed(1500 * time.Microsecond), "2ms"}, {Elapsed(61 * time.Second), "00:01:01"}, {Elapsed(49*time.Hour + time.Second), "2d 01:00:01"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}
