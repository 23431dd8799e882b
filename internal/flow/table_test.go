package flow

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// balance checks that the counters add up.
func balance(t *testing.T, table *Table, rows, ended uint64) {
	t.Helper()
	c := table.Counters()
	if c.Packets+c.NoFlow != rows {
		t.Errorf("%d rows of flows and %d others, %d were applied", c.Packets, c.NoFlow, rows)
	}
	if sum := c.Idle + c.Closed + c.Forced + c.Reused + c.Drained; sum != ended || sum+c.Live != c.Flows {
		t.Errorf("flows: %d begun, %d live, %d ended, Ended was called %d times", c.Flows, c.Live, sum, ended)
	}
	if c.Known < c.Live {
		t.Errorf("%d conversations known, %d flows live", c.Known, c.Live)
	}
	if c.Memory > c.Cap {
		t.Errorf("%d bytes used, cap %d", c.Memory, c.Cap)
	}
}

func TestTimeouts(t *testing.T) {
	handshake := []segment{
		{src: "10.0.0.1:1", dst: "10.0.0.2:80", flags: "S", seq: 1},
		{src: "10.0.0.2:80", dst: "10.0.0.1:1", flags: "SA", seq: 1, ack: 2},
		{src: "10.0.0.1:1", dst: "10.0.0.2:80", flags: "A", seq: 2, ack: 2},
	}
	reset := segment{src: "10.0.0.2:80", dst: "10.0.0.1:1", flags: "R", seq: 2}
	datagram := segment{src: "10.0.0.1:1", dst: "10.0.0.2:80", proto: protoUDP, length: 8}
	other := segment{src: "10.0.0.1:0", dst: "10.0.0.2:0", proto: 50, length: 8}
	for _, c := range []struct {
		name    string
		packets []segment
		timeout time.Duration
		end     End
	}{
		{"established", handshake, DefaultTimeouts.TCP, EndIdle},
		{"half open", handshake[:1], DefaultTimeouts.HalfOpen, EndIdle},
		{"unfinished", handshake[:2], DefaultTimeouts.HalfOpen, EndIdle},
		{"reset", append(handshake[:3:3], reset), DefaultTimeouts.Closed, EndClosed},
		{"udp", []segment{datagram}, DefaultTimeouts.UDP, EndIdle},
		{"esp", []segment{other}, DefaultTimeouts.Other, EndIdle},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ends []End
			table := NewTable(Options{Ended: func(f *Flow) { ends = append(ends, f.End) }})
			sc := &scene{}
			for _, g := range c.packets {
				sc.add(g)
			}
			sc.apply(table)
			table.Advance(sc.now) // starts the sweep's clock
			table.Advance(sc.now + int64(c.timeout))
			if len(ends) != 0 {
				t.Fatalf("ended after exactly its timeout: %v", ends)
			}
			for i := range 40 { // the sweep needs a round
				table.Advance(sc.now + int64(c.timeout) + int64(i+1)*1e9)
			}
			if !reflect.DeepEqual(ends, []End{c.end}) {
				t.Errorf("ends %v, want %v", ends, c.end)
			}
			balance(t, table, uint64(len(sc.rows)), uint64(len(ends)))
		})
	}
}

// A flow that the sweep has not reached is ended by its next packet: how often the sweep
// runs does not change the flows.
func TestLatePacketEndsFlow(t *testing.T) {
	var ended []Flow
	table := NewTable(Options{Ended: func(f *Flow) { ended = append(ended, *f) }})
	sc := &scene{}
	sc.add(segment{src: "10.0.0.1:1", dst: "10.0.0.2:53", proto: protoUDP, length: 8})
	sc.add(segment{after: DefaultTimeouts.UDP + 1, src: "10.0.0.2:53", dst: "10.0.0.1:1", proto: protoUDP, length: 80})
	notes := sc.apply(table)
	if notes[0].Flow != 1 || notes[1].Flow != 2 || notes[0].Stream != 0 || notes[1].Stream != 0 {
		t.Errorf("flows %d %d of streams %d %d", notes[0].Flow, notes[1].Flow, notes[0].Stream, notes[1].Stream)
	}
	if len(ended) != 1 || ended[0].End != EndIdle || ended[0].Last != sc.rows[0].Time {
		t.Fatalf("ended %+v", ended)
	}
	table.Drain()
	if len(ended) != 2 || !ended[1].Resumed || ended[1].Client.Packets != 0 || ended[1].Server.Payload != 80 {
		t.Errorf("the second flow keeps the client: %+v", ended[1])
	}
}

func TestClientAndServer(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  segment
		client string
		state  string
	}{
		{"SYN", segment{src: "10.0.0.9:80", dst: "10.0.0.1:40000", flags: "S"}, "10.0.0.9", "S"},
		{"SYN-ACK", segment{src: "10.0.0.9:5000", dst: "10.0.0.1:40000", flags: "SA"}, "10.0.0.1", "^h"},
		{"middle, from the well-known port", segment{src: "10.0.0.9:80", dst: "10.0.0.1:40000", flags: "A", window: 9}, "10.0.0.1", "^a"},
		{"middle, to the well-known port", segment{src: "10.0.0.1:40000", dst: "10.0.0.9:80", flags: "A", window: 9}, "10.0.0.1", "A"},
		{"middle, no well-known port", segment{src: "10.0.0.9:5000", dst: "10.0.0.1:40000", flags: "A", window: 9}, "10.0.0.9", "A"},
		{"datagram", segment{src: "10.0.0.9:5000", dst: "10.0.0.1:53", proto: protoUDP, length: 1}, "10.0.0.9", "D"},
		{"answer", segment{src: "10.0.0.9:53", dst: "10.0.0.1:5000", proto: protoUDP, length: 1}, "10.0.0.1", "^d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := NewTable(Options{})
			sc := &scene{}
			sc.add(c.first)
			back := c.first
			back.src, back.dst = back.dst, back.src
			sc.add(back)
			notes := sc.apply(table)
			var f Flow
			if !table.Get(&notes[1], &f) || !table.Find(sc.rows[0].Inner, &f) {
				t.Fatal("no flow")
			}
			if got := f.Tuple.Src.Netip(4).String(); got != c.client {
				t.Errorf("client %s, want %s", got, c.client)
			}
			if f.Client.Packets != 1 || f.Server.Packets != 1 || notes[0].FromClient == notes[1].FromClient {
				t.Errorf("packets %d and %d", f.Client.Packets, f.Server.Packets)
			}
			if h := f.History.String(); h[:len(c.state)] != c.state {
				t.Errorf("history %q, want %q first", h, c.state)
			}
		})
	}
}

func TestDirection(t *testing.T) {
	for _, c := range []struct {
		flags string
		dir   packet.Direction
		want  packet.Direction
	}{
		{"S", packet.DirectionSent, packet.DirectionSent},
		{"S", packet.DirectionReceived, packet.DirectionReceived},
		{"SA", packet.DirectionSent, packet.DirectionReceived}, // this machine is the server
		{"S", packet.DirectionUnknown, packet.DirectionUnknown},
	} {
		sc := &scene{}
		sc.add(segment{src: "10.0.0.1:5", dst: "10.0.0.2:6", flags: c.flags})
		sc.rows[0].Direction = c.dir
		table := NewTable(Options{})
		sc.apply(table)
		for f := range table.All() {
			if f.Direction != c.want {
				t.Errorf("%s %v: client's packets %v, want %v", c.flags, c.dir, f.Direction, c.want)
			}
		}
	}
}

// A tunnel's outer conversation takes a stream number before the inner one, its packets
// count inside only.
func TestTunnel(t *testing.T) {
	sc := &scene{}
	sc.add(segment{src: "10.0.0.1:1000", dst: "10.0.0.2:53", proto: protoUDP, length: 40})
	s := &sc.rows[0]
	s.Depth = 2
	s.Outer.SrcPort, s.Outer.DstPort = 4444, 4789
	s.VLAN = 7
	sc.add(segment{src: "10.0.0.1:4444", dst: "10.0.0.2:4789", proto: protoUDP, length: 40})
	table := NewTable(Options{})
	notes := sc.apply(table)
	if notes[0].OuterStream != 0 || notes[0].Stream != 1 || notes[1].Stream != 0 || notes[1].OuterStream != NoStream {
		t.Errorf("streams %d in %d, %d in %d", notes[0].Stream, notes[0].OuterStream, notes[1].Stream, notes[1].OuterStream)
	}
	var f Flow
	if !table.Get(&notes[0], &f) || f.Outer.DstPort != 4789 || f.VLAN != 7 {
		t.Errorf("flow %+v", f)
	}
	if !table.Get(&notes[1], &f) || f.Packets() != 1 || f.ID != 2 {
		t.Errorf("the carrier's own packet is a flow: %+v", f)
	}
}

// flood makes rows of n connection attempts from different addresses.
func flood(n int, first uint32) []packet.Summary {
	rows := make([]packet.Summary, n)
	for i := range rows {
		s := &rows[i]
		a := first + uint32(i)
		*s = packet.Summary{
			Number: uint64(a) + 1, Time: sceneStart + int64(a)*1000, CapLen: 54, WireLen: 54, VLAN: packet.NoVLAN, Depth: 1,
			TCPFlags: flagSYN, Seq: a * 7, Window: 1024,
		}
		s.Inner = packet.Tuple{
			Src: packet.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), SrcPort: uint16(a),
			Dst: packet.AddrFrom4([4]byte{192, 0, 2, 1}), DstPort: 80,
			Version: 4, Proto: protoTCP, Flags: packet.TupleHasPorts,
		}
		s.Outer = s.Inner
	}
	return rows
}

func TestMemoryCap(t *testing.T) {
	const attempts = 300_000
	var ended, silent uint64
	table := NewTable(Options{Memory: 8 << 20, Ended: func(f *Flow) {
		ended++
		if f.State == ConnS0 {
			silent++
		}
	}})
	notes := make([]Note, 1000)
	for i := 0; i < attempts; i += len(notes) {
		table.Apply(flood(len(notes), uint32(i)), nil, notes)
		if c := table.Counters(); c.Memory > 8<<20 {
			t.Fatalf("%d bytes after %d attempts", c.Memory, i)
		}
	}
	c := table.Counters()
	if c.Forced == 0 || c.Flows != attempts || c.TCPStreams != attempts || c.Known != c.MaxFlows {
		t.Errorf("%+v", c)
	}
	balance(t, table, attempts, ended)
	table.Drain()
	balance(t, table, attempts, ended)
	if silent != attempts {
		t.Errorf("%d of %d reported as S0", silent, attempts)
	}
}

// A conversation that is in use survives a flood that the table cannot hold.
func TestEvictionSparesWhatIsUsed(t *testing.T) {
	table := NewTable(Options{Memory: 4 << 20})
	sc := &scene{}
	sc.add(segment{src: "10.0.0.1:1", dst: "10.0.0.2:80", flags: "A", seq: 5, ack: 5, length: 1})
	notes := sc.apply(table)
	first := notes[0].Flow
	many := make([]Note, 500)
	for i := range 200 {
		table.Apply(flood(len(many), uint32(i*len(many))), nil, many)
		sc.rows[0].Number++
		sc.rows[0].Seq++
		sc.rows[0].Time += 500_000
		if notes = sc.apply(table); notes[0].Flow != first {
			t.Fatalf("evicted after %d attempts", i*len(many))
		}
	}
}

// The same packets give the same notes and flows however they are cut into batches.
func TestBatchesDoNotMatter(t *testing.T) {
	run := func(size func() int) (notes []Note, flows []Flow) {
		tr := newTraffic(300)
		rows := make([]packet.Summary, 40_000)
		tr.fill(rows)
		for i := range rows { // some silence, so that flows end
			rows[i].Time += int64(i/5000) * int64(7*time.Minute)
		}
		table := NewTable(Options{Memory: 1 << 20, Ended: func(f *Flow) { flows = append(flows, *f) }})
		notes = make([]Note, len(rows))
		for i := 0; i < len(rows); {
			n := min(size(), len(rows)-i)
			table.Apply(rows[i:i+n], nil, notes[i:])
			i += n
		}
		table.Drain()
		return notes, flows
	}
	rng := rand.New(rand.NewPCG(3, 4))
	notes, flows := run(func() int { return 2048 })
	for _, size := range []func() int{func() int { return 1 }, func() int { return 1 + rng.IntN(200) }} {
		n, f := run(size)
		if !reflect.DeepEqual(n, notes) {
			t.Error("the notes differ")
		}
		if !reflect.DeepEqual(f, flows) {
			t.Error("the flows differ")
		}
	}
	if len(flows) < 600 {
		t.Errorf("only %d flows", len(flows))
	}
}

func TestNoAllocation(t *testing.T) {
	tr := newTraffic(2000)
	w := NewWatch(WatchOptions{})
	table := NewTable(Options{Ended: func(*Flow) {}, Watch: w})
	rows := make([]packet.Summary, 2048)
	notes := make([]Note, len(rows))
	for range 100 {
		tr.fill(rows)
		table.Apply(rows, nil, notes)
	}
	if n := testing.AllocsPerRun(50, func() {
		tr.fill(rows)
		table.Apply(rows, nil, notes)
	}); n != 0 {
		t.Errorf("%.1f allocations for %d packets", n, len(rows))
	}
}

func TestCommunityIDVectors(t *testing.T) {
	for _, c := range []struct {
		src, dst string
		proto    uint8
		want     string
	}{
		// From the specification's baseline.
		{"128.232.110.120:34855", "66.35.250.204:80", protoTCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"192.168.1.52:54585", "8.8.8.8:53", protoUDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{"192.168.0.89:8", "192.168.0.1:0", protoICMP, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	} {
		var tuple packet.Tuple
		tuple.Version, tuple.Proto = 4, c.proto
		tuple.Src, tuple.SrcPort = endpoint(c.src)
		tuple.Dst, tuple.DstPort = endpoint(c.dst)
		if got := CommunityID(&tuple); got != c.want {
			t.Errorf("%s > %s: %s, want %s", c.src, c.dst, got, c.want)
		}
		tuple.Src, tuple.Dst = tuple.Dst, tuple.Src
		tuple.SrcPort, tuple.DstPort = tuple.DstPort, tuple.SrcPort
		if got := CommunityID(&tuple); got != c.want {
			t.Errorf("%s < %s: %s, want %s", c.src, c.dst, got, c.want)
		}
	}
}

func TestRTT(t *testing.T) {
	var r RTT
	for _, ns := range []int64{-5, 10_000, 40_000, 1_000_000, 1_000_000, 200_000_000, 5_000_000_000} {
		r.add(ns)
	}
	if r.Count != 6 || r.Min != 10 || r.Max != 5_000_000 {
		t.Errorf("%+v", r)
	}
	if q := r.Quantile(0.5); q != RTTLimit(5) {
		t.Errorf("median below %d ns", q)
	}
	if q := r.Quantile(1); q < 5_000_000_000 {
		t.Errorf("maximum below %d ns", q)
	}
	if (&RTT{}).Quantile(0.5) != 0 || (&RTT{}).Mean() != 0 {
		t.Error("an empty distribution has no quantiles")
	}
}

func TestNames(t *testing.T) {
	for i := range AnalysisCount {
		a := Analysis(1 << i)
		if b, ok := AnalysisByName(a.Name()); !ok || a != b {
			t.Errorf("%d: %q", i, a.Name())
		}
	}
	if s := (Retransmission | FastRetransmission).String(); s != "retransmission,fast_retransmission" {
		t.Error(s)
	}
	if fmt.Sprint(ConnRSTOS0, EndForced, FindBeacon, Serious) != "RSTOS0 forced beacon serious" {
		t.Error("names")
	}
}
