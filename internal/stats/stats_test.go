package stats

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// row makes a packet of the outermost tuple only.
func row(src, dst uint32, size uint32) packet.Summary {
	return packet.Summary{
		Time: 1_700_000_000e9, WireLen: size, CapLen: size, EtherType: 0x0800,
		Outer: packet.Tuple{Src: v4(src), Dst: v4(dst), Version: 4, Proto: packet.ProtoTCP},
	}
}

func v4(a uint32) packet.Addr {
	return packet.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

// oracle counts with the means of the language.
type oracle struct {
	src, dst map[oracleKey]Count
	protos   map[uint8]Count
	nonIP    Count
}

type oracleKey struct {
	addr    packet.Addr
	version uint8
}

func newOracle() *oracle {
	return &oracle{src: map[oracleKey]Count{}, dst: map[oracleKey]Count{}, protos: map[uint8]Count{}}
}

func (o *oracle) apply(rows []packet.Summary) {
	for _, r := range rows {
		n := Count{1, uint64(r.WireLen)}
		if r.Outer.Version == 0 {
			o.nonIP.add(n)
			continue
		}
		plus(o.protos, r.Outer.Proto, n)
		plus(o.src, oracleKey{r.Outer.Src, r.Outer.Version}, n)
		plus(o.dst, oracleKey{r.Outer.Dst, r.Outer.Version}, n)
	}
}

func plus[K comparable](m map[K]Count, k K, n Count) {
	c := m[k]
	c.add(n)
	m[k] = c
}

func best(m map[oracleKey]Count, n int) []AddressCount {
	rows := make([]AddressCount, 0, len(m))
	for k, count := range m {
		rows = append(rows, AddressCount{Addr: k.addr, Version: k.version, Count: count})
	}
	slices.SortFunc(rows, func(a, b AddressCount) int {
		return cmp.Or(
			cmp.Compare(b.Packets, a.Packets),
			cmp.Compare(b.Bytes, a.Bytes),
			cmp.Compare(a.Version, b.Version),
			slices.Compare(a.Addr[:], b.Addr[:]))
	})
	return rows[:min(n, len(rows))]
}

// traffic makes packets of many kinds; the same seed makes the same packets.
func traffic(seed uint64, n int, addresses uint32) []packet.Summary {
	rnd := rand.New(rand.NewPCG(seed, 1))
	rows := make([]packet.Summary, n)
	for i := range rows {
		// Squaring makes some addresses more frequent than others.
		f := rnd.Float64()
		r := row(uint32(f*f*float64(addresses)), rnd.Uint32N(addresses), 60+rnd.Uint32N(4)*500)
		r.Time += int64(i) * 1e6
		r.Direction = packet.Direction(rnd.IntN(3))
		r.Outcome = packet.Outcome(rnd.IntN(int(packet.OutcomeCount)))
		r.Interface = uint16(rnd.IntN(3))
		switch rnd.IntN(8) {
		case 0:
			r.Outer.Version, r.EtherType = 6, 0x86dd
			r.Outer.Src[0], r.Outer.Dst[0] = 0x20, 0x20
		case 1: // an IPv6 packet that claims a v4-mapped address
			r.Outer.Version, r.EtherType = 6, 0x86dd
		case 2:
			r.Outer = packet.Tuple{}
			r.EtherType = 0x0806
		}
		if r.Outer.Version != 0 {
			r.Outer.Proto = []uint8{6, 17, 1, 58, 132}[rnd.IntN(5)]
		}
		rows[i] = r
	}
	return rows
}

func TestAgainstMaps(t *testing.T) {
	for _, tc := range []struct {
		name      string
		packets   int
		addresses uint32
	}{
		{"few addresses", 20_000, 50},
		{"some thousand", 100_000, 5_000},
		{"as many as packets", 150_000, 1 << 31},
		{"one", 1_000, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rows := traffic(7, tc.packets, tc.addresses)
			c, want := New(), newOracle()
			for len(rows) > 0 {
				n := min(len(rows), 9_973)
				c.Apply(rows[:n])
				want.apply(rows[:n])
				rows = rows[n:]
				if len(want.src) < 10_000 {
					check(t, c, want, 5)
				}
			}
			check(t, c, want, topKept)
			check(t, c, want, topKept+1000)
			s := c.Snapshot(5)
			if got := s.Sources.Distinct; got != uint64(len(want.src)) {
				t.Errorf("%d distinct sources, want %d", got, len(want.src))
			}
			if s.Sources.Approximate || s.Dests.Approximate {
				t.Error("marked approximate")
			}
		})
	}
}

func check(t *testing.T, c *Counters, want *oracle, n int) {
	t.Helper()
	s := c.Snapshot(n)
	if !slices.Equal(s.Sources.Rows, best(want.src, n)) {
		t.Fatalf("top %d sources differ:\n got %v\nwant %v", n, s.Sources.Rows[:5], best(want.src, 5))
	}
	if !slices.Equal(s.Dests.Rows, best(want.dst, n)) {
		t.Fatalf("top %d destinations differ:\n got %v\nwant %v", n, s.Dests.Rows[:5], best(want.dst, 5))
	}
	if s.NonIP != want.nonIP {
		t.Fatalf("not IP: %v, want %v", s.NonIP, want.nonIP)
	}
	sum := s.NonIP
	for _, p := range s.Protocols {
		if want.protos[p.Number] != p.Count {
			t.Fatalf("protocol %d: %v, want %v", p.Number, p.Count, want.protos[p.Number])
		}
		sum.add(p.Count)
	}
	if sum != s.Count || len(s.Protocols) != len(want.protos) {
		t.Fatalf("protocols sum up to %v of %v", sum, s.Count)
	}
	for name, parts := range map[string][]Count{
		"directions": s.Directions[:], "interfaces": s.Interfaces, "IP versions": {s.IPv4, s.IPv6, s.NonIP},
	} {
		sum := Count{}
		for _, p := range parts {
			sum.add(p)
		}
		if sum != s.Count {
			t.Fatalf("%s sum up to %v of %v", name, sum, s.Count)
		}
	}
	sum = Count{}
	for _, class := range s.Sizes {
		sum.add(class.Count)
	}
	outcomes := uint64(0)
	for _, n := range s.Outcomes {
		outcomes += n
	}
	if sum != s.Count || outcomes != s.Packets {
		t.Fatalf("sizes sum up to %v, outcomes to %d, of %v", sum, outcomes, s.Count)
	}
}

// TestTies: addresses with equal counts come in address order, whatever came first and
// however often the candidates are pruned.
func TestTies(t *testing.T) {
	c, want := New(), newOracle()
	rnd := rand.New(rand.NewPCG(3, 3))
	order := rnd.Perm(20_000)
	for range 3 {
		for _, i := range order {
			rows := []packet.Summary{row(uint32(i), uint32(20_000-i), 100)}
			c.Apply(rows)
			want.apply(rows)
		}
		check(t, c, want, 100)
	}
	if got := c.Snapshot(1).Sources.Rows[0].String(); got != "0.0.0.0" {
		t.Errorf("first of equals: %s", got)
	}
}

// TestSketchKeepsTheTop: three million addresses that are seen once, and seven that are
// seen often, unequally. Only the seven go to the oracle.
func TestSketchKeepsTheTop(t *testing.T) {
	c, often := New(), newOracle()
	rnd := rand.New(rand.NewPCG(5, 5))
	rows := make([]packet.Summary, 0, 4096)
	packets, once := uint64(0), uint32(0)
	for once < 3_000_000 {
		rows = rows[:0]
		for len(rows) < cap(rows) {
			if rnd.IntN(5) > 0 {
				once++
				rows = append(rows, row(0x0a000000+once, 0xc0000201, 60))
				continue
			}
			r := row(uint32(0xc0a80001+min(rnd.IntN(7), rnd.IntN(7))), 0xc0000201, 60+rnd.Uint32N(3))
			often.apply([]packet.Summary{r})
			rows = append(rows, r)
		}
		packets += uint64(len(rows))
		c.Apply(rows)
	}
	s := c.Snapshot(5)
	if !s.Sources.Approximate || s.Dests.Approximate {
		t.Fatalf("approximate: sources %v, destinations %v; want only the sources", s.Sources.Approximate, s.Dests.Approximate)
	}
	if !slices.Equal(s.Sources.Rows, best(often.src, 5)) {
		t.Errorf("top 5 of 3 M:\n got %v\nwant %v", s.Sources.Rows, best(often.src, 5))
	}
	if len(s.Dests.Rows) != 1 || s.Dests.Rows[0].Count != s.Count {
		t.Errorf("destinations: got %v", s.Dests.Rows)
	}
	if s.Sources.Distinct <= MaxExact || s.Packets != packets {
		t.Errorf("distinct %d, packets %d of %d", s.Sources.Distinct, s.Packets, packets)
	}
	for i := range c.src.sketch.counters {
		n := &c.src.sketch.counters[i]
		if n.hi == 0 && uint32(n.lo)>>24 == 0x0a {
			k := key{hi: n.hi, lo: n.lo}
			often.src[oracleKey{k.addr(), 4}] = Count{1, 60}
		}
	}
	guarantees(t, c.src.sketch, often.src, packets)
}

// guarantees checks what the sketch promises of every address.
func guarantees(t *testing.T, s *sketch, truth map[oracleKey]Count, packets uint64) {
	t.Helper()
	seen := map[oracleKey]bool{}
	for i := range s.counters {
		c := &s.counters[i]
		k := key{hi: c.hi, lo: c.lo}
		at := oracleKey{k.addr(), uint8(4 + 2*c.v6)}
		seen[at] = true
		want := truth[at]
		if want.Packets > c.packets || want.Packets < c.packets-c.excess {
			t.Fatalf("%v: %d packets, between %d and %d promised", at, want.Packets, c.packets-c.excess, c.packets)
		}
		if c.bytes > want.Bytes {
			t.Fatalf("%v: %d bytes, true %d", at, c.bytes, want.Bytes)
		}
		if c.excess == 0 && (Count{c.packets, c.bytes}) != want {
			t.Fatalf("%v: %d packets called exact, true %d", at, c.packets, want.Packets)
		}
	}
	for k, n := range truth {
		if n.Packets > packets/uint64(cap(s.counters)) && !seen[k] {
			t.Fatalf("%v with %d of %d packets is missing", k, n.Packets, packets)
		}
	}
}

// TestSmallSketch drives the sketch hard: 40 counters, addresses that come and go.
func TestSmallSketch(t *testing.T) {
	for seed := range uint64(20) {
		c, want := newCounters(100, 40), newOracle()
		rows := traffic(seed, 20_000, 3_000)
		c.Apply(rows)
		want.apply(rows)
		ip := c.total.Packets - c.nonIP.Packets
		guarantees(t, c.src.sketch, want.src, ip)
		guarantees(t, c.dst.sketch, want.dst, ip)
		for i := range c.src.sketch.counters {
			n := &c.src.sketch.counters[i]
			if c.src.sketch.find(n.hi, n.lo, n.v6, hash(n.hi, n.lo, n.v6)) != n {
				t.Fatal("a counter cannot be found by its address")
			}
		}
	}
}

func TestMerge(t *testing.T) {
	rows := traffic(11, 50_000, 4_000)
	for i := range rows {
		rows[i].Time += int64(i) * 2e8 // several hours
	}
	whole := New()
	whole.Apply(rows)
	for _, tc := range []struct {
		name  string
		split int
	}{{"halves", 25_000}, {"nothing first", 0}, {"nothing after", 50_000}} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := New(), New()
			a.Apply(rows[:tc.split])
			b.Apply(rows[tc.split:])
			a.Merge(b)
			got, want := a.Snapshot(300), whole.Snapshot(300)
			gotJSON, _ := got.MarshalJSON()
			wantJSON, _ := want.MarshalJSON()
			if string(gotJSON) != string(wantJSON) {
				t.Errorf("merged differs:\n got %s\nwant %s", gotJSON, wantJSON)
			}
			if !slices.Equal(got.Recent.Points, want.Recent.Points) || got.Recent.Start != want.Recent.Start {
				t.Error("newest seconds differ")
			}
			sum := Count{}
			for _, p := range a.Whole().Points {
				sum.add(p)
			}
			if sum != got.Count {
				t.Errorf("the series holds %v of %v", sum, got.Count)
			}
		})
	}
}

func TestMergeSketches(t *testing.T) {
	rows := traffic(13, 40_000, 2_000)
	for _, tc := range []struct {
		name   string
		na, nb int // exact limits: a large one stays exact
	}{{"two sketches", 100, 100}, {"exact into sketch", 100, 1 << 20}, {"sketch into exact", 1 << 20, 100}, {"exact overflows", 2_300, 2_300}} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := newCounters(tc.na, 60), newCounters(tc.nb, 60)
			a.Apply(rows[:20_000])
			b.Apply(rows[20_000:])
			a.Merge(b)
			want := newOracle()
			want.apply(rows)
			if a.src.sketch == nil {
				t.Fatal("still exact")
			}
			guarantees(t, a.src.sketch, want.src, a.total.Packets-a.nonIP.Packets)
			guarantees(t, a.dst.sketch, want.dst, a.total.Packets-a.nonIP.Packets)
			a.Apply(rows)
			want.apply(rows)
			guarantees(t, a.src.sketch, want.src, a.total.Packets-a.nonIP.Packets)
		})
	}
}

func TestNoAllocations(t *testing.T) {
	rows := traffic(17, 4096, 100_000)
	c := New()
	for range 3 {
		c.Apply(rows)
	}
	if n := testing.AllocsPerRun(20, func() { c.Apply(rows) }); n != 0 {
		t.Errorf("%v allocations for 4096 packets", n)
	}
	sketched := newCounters(100, 64)
	sketched.Apply(rows)
	if n := testing.AllocsPerRun(20, func() { sketched.Apply(rows) }); n != 0 {
		t.Errorf("with sketches: %v allocations for 4096 packets", n)
	}
}

func TestBounds(t *testing.T) {
	c := New()
	var rows []packet.Summary
	for i := range 70_000 {
		r := packet.Summary{Time: int64(i)*3600e9 + 1, WireLen: uint32(i), Interface: uint16(i), EtherType: uint16(i), Outcome: packet.OutcomeNonIP}
		rows = append(rows, r)
	}
	c.Apply(rows)
	s := c.Snapshot(5)
	if len(s.Interfaces) != maxInterfaces || len(s.EtherTypes) != maxEtherTypes {
		t.Errorf("%d interfaces, %d EtherTypes", len(s.Interfaces), len(s.EtherTypes))
	}
	listed := s.OtherInterfaces
	for _, n := range s.Interfaces {
		listed.add(n)
	}
	if listed != s.Count {
		t.Errorf("interfaces hold %v of %v", listed, s.Count)
	}
	listed = s.OtherEtherTypes
	for _, e := range s.EtherTypes {
		listed.add(e.Count)
	}
	if listed != s.Count {
		t.Errorf("EtherTypes hold %v of %v", listed, s.Count)
	}
	if n := len(c.Whole().Points); n > MaxBuckets {
		t.Errorf("%d buckets", n)
	}
}

func TestEmpty(t *testing.T) {
	c := New()
	c.Apply(nil)
	c.Merge(New())
	s := c.Snapshot(5)
	if s.Packets != 0 || s.First != 0 || len(s.Sources.Rows) != 0 || len(c.Whole().Points) != 0 {
		t.Errorf("not empty: %+v", s)
	}
	if got := c.Snapshot(0); len(got.Sources.Rows) != 0 {
		t.Error("asked for none, got some")
	}
	if got := c.Snapshot(-1); len(got.Sources.Rows) != 0 {
		t.Error("asked for -1, got some")
	}
}

func TestSince(t *testing.T) {
	c := New()
	c.Apply(traffic(1, 1000, 10))
	first := c.Snapshot(1)
	if d := first.Since(nil); d.Count != first.Count {
		t.Errorf("since nothing: %v of %v", d.Count, first.Count)
	}
	c.Apply([]packet.Summary{row(1, 2, 100), row(1, 2, 200)})
	d := c.Snapshot(1).Since(first)
	if d.Count != (Count{2, 300}) || len(d.Protocols) != 1 || d.Protocols[0] != (Protocol{packet.ProtoTCP, Count{2, 300}}) {
		t.Errorf("delta %+v", d)
	}
	if r := d.Per(500 * time.Millisecond); r.Packets != 4 || r.Bits != 4800 {
		t.Errorf("rate %+v", r)
	}
	if r := d.Per(0); r != (Rate{}) {
		t.Errorf("rate over no time %+v", r)
	}
}

// TestHostileCaptures counts the floods of many sources that the project's hostile
// captures hold.
func TestHostileCaptures(t *testing.T) {
	for _, name := range []string{"ips.pcap", "synflood.pcap"} {
		t.Run(name, func(t *testing.T) {
			rows := readCapture(t, filepath.Join(sharedDir(t), "hostile", name))
			c, want := New(), newOracle()
			c.Apply(rows)
			want.apply(rows)
			check(t, c, want, 5)
			small, smallWant := newCounters(200, 64), newOracle()
			for range 3 {
				small.Apply(rows)
				smallWant.apply(rows)
			}
			if small.src.sketch == nil {
				t.Fatalf("%d sources are no flood", len(want.src))
			}
			guarantees(t, small.src.sketch, smallWant.src, small.total.Packets)
			t.Logf("%d packets, %d sources, %d destinations", c.total.Packets, len(want.src), len(want.dst))
		})
	}
}

func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			shared := filepath.Join(filepath.Dir(dir), "shared")
			if _, err := os.Stat(shared); err != nil {
				t.Skip("the folder shared, which is no part of the repository, is not beside it")
			}
			return shared
		}
	}
	t.Fatal("no go.mod above the test")
	return ""
}

// readCapture reads the IPv4 packets of a little-endian Ethernet pcap file: enough for
// the hostile captures used here.
func readCapture(t *testing.T, path string) []packet.Summary {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if le.Uint32(data) != 0xa1b2c3d4 || le.Uint32(data[20:]) != 1 {
		t.Fatalf("%s: not the kind of file that this test reads", path)
	}
	var rows []packet.Summary
	for data = data[24:]; len(data) >= 16; {
		size := le.Uint32(data[8:])
		frame := data[16 : 16+size]
		r := packet.Summary{
			Time:    int64(le.Uint32(data))*1e9 + int64(le.Uint32(data[4:]))*1e3,
			WireLen: le.Uint32(data[12:]), CapLen: size, EtherType: binary.BigEndian.Uint16(frame[12:]),
		}
		if r.EtherType == 0x0800 {
			r.Outer = packet.Tuple{
				Version: 4, Proto: frame[23],
				Src: packet.AddrFrom4([4]byte(frame[26:])), Dst: packet.AddrFrom4([4]byte(frame[30:])),
			}
		}
		rows = append(rows, r)
		data = data[16+size:]
	}
	return rows
}
