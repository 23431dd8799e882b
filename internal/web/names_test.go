package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// answers makes a batch of DNS answers, numbered from first.
func answers(t *testing.T, first uint64, names map[string]string) *track.Batch {
	t.Helper()
	b := &track.Batch{Chunk: &segment.Chunk{}}
	d := packet.NewDecoder()
	for address, name := range names {
		ip := netip.MustParseAddr(address)
		kind := layers.DNSTypeA
		if ip.Is6() {
			kind = layers.DNSTypeAAAA
		}
		eth := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
		ip4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: []byte{10, 0, 0, 53}, DstIP: []byte{10, 0, 0, 1}}
		udp := &layers.UDP{SrcPort: 53, DstPort: 40000}
		if err := udp.SetNetworkLayerForChecksum(ip4); err != nil {
			t.Fatal(err)
		}
		dns := &layers.DNS{
			ID: 1, QR: true, RD: true, RA: true, QDCount: 1, ANCount: 1,
			Questions: []layers.DNSQuestion{{Name: []byte(name), Type: kind, Class: layers.DNSClassIN}},
			Answers:   []layers.DNSResourceRecord{{Name: []byte(name), Type: kind, Class: layers.DNSClassIN, TTL: 60, IP: ip.AsSlice()}},
		}
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip4, udp, dns); err != nil {
			t.Fatal(err)
		}
		data := buf.Bytes()
		s := packet.Summary{
			Number: first + uint64(len(b.Rows)), Time: 1_700_000_000e9, DataOff: uint32(len(b.Chunk.Bytes)), CapLen: uint32(len(data)), WireLen: uint32(len(data)),
		}
		d.Summarize(data, &s, packet.LinkEthernet)
		b.Chunk.Bytes = append(b.Chunk.Bytes, data...)
		b.Rows = append(b.Rows, s)
	}
	return b
}

func TestNames(t *testing.T) {
	r := start(t, nil)
	if err := r.memory.Apply(t.Context(), answers(t, 1, map[string]string{"192.0.2.1": "one.example", "2001:db8::1": "six.example"})); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Names    map[string]named
		Complete bool
	}
	const path = "/api/v1/captures/one/names?address=192.0.2.1&address=2001:db8:0::1&address=192.0.2.9"
	if st := r.ask(t, "GET", path, "", &got); st != 200 || !got.Complete || len(got.Names) != 2 ||
		got.Names["192.0.2.1"] != (named{"one.example", false}) || got.Names["2001:db8:0::1"].Name != "six.example" {
		t.Errorf("%d %+v", st, got)
	}
	if err := r.memory.Apply(t.Context(), answers(t, 3, map[string]string{"192.0.2.9": "nine\x1b.example", "192.0.2.1": "other.example"})); err != nil {
		t.Fatal(err)
	}
	if r.ask(t, "GET", path, "", &got); got.Names["192.0.2.9"].Name != "nine\ufffd.example" || got.Names["192.0.2.1"].Name != "other.example" {
		t.Errorf("%+v", got)
	}
	// What was read is remembered when it is removed, and the next answers are found.
	r.memory.Forget(3)
	if r.ask(t, "GET", path, "", &got); len(got.Names) != 3 {
		t.Errorf("%+v", got)
	}
	if err := r.memory.Apply(t.Context(), answers(t, 5, map[string]string{"192.0.2.1": "third.example"})); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.ask(t, "GET", path, "", &got)
	}
	if got.Names["192.0.2.1"].Name != "third.example" {
		t.Errorf("after retention: %+v", got)
	}
	for _, q := range []string{"", "?address=", "?address=example.org", "?address=fe80::1%25eth0"} {
		if st := r.ask(t, "GET", "/api/v1/captures/one/names"+q, "", nil); st != 400 {
			t.Errorf("%q: %d", q, st)
		}
	}
}

// analysing is captures that can be analysed.
type analysing struct {
	*captures
	runs   int
	inside func() // called while it reads
}

func (a *analysing) Analyse(_ context.Context, _ string, tell func(uint64)) (*Analysis, error) {
	a.runs++
	tell(5)
	if a.inside != nil {
		a.inside()
	}
	h := &Health{Packets: 7}
	h.SetVerdicts([flow.AnalysisCount]uint64{3: 9})
	f := &flow.Flow{InitialRTT: 40_000}
	f.Tuple.Proto, f.Client.Resets = packet.ProtoTCP, 2
	f.Server.RTT = flow.RTT{Sum: 3000, Count: 3, Min: 500, Max: 1500, Buckets: [flow.RTTBuckets]uint16{4: 1, 5: 1, 6: 1}}
	h.Add(f)
	h.Finish()
	return &Analysis{Health: h, Flows: []int{}, Findings: []int{}}, nil
}

func TestHealth(t *testing.T) {
	a := &analysing{}
	r := start(t, func(c *Config) {
		a.captures = c.Captures.(*captures)
		c.Captures = a
	})
	r.add(t, 10)
	type progress struct {
		Reading bool
		Packets uint64
	}
	var during, other, after progress
	a.inside = func() {
		r.ask(t, "GET", "/api/v1/captures/one/analysis/progress", "", &during)
		r.ask(t, "GET", "/api/v1/captures/running/analysis/progress", "", &other)
	}
	var h Health
	if st := r.ask(t, "GET", "/api/v1/captures/one/health", "", &h); st != 200 || h.Packets != 7 || h.TCPFlows != 1 || h.Resets != 2 {
		t.Fatalf("%d %+v", st, h)
	}
	r.ask(t, "GET", "/api/v1/captures/one/analysis/progress", "", &after)
	if (during != progress{true, 5}) || (other != progress{}) || (after != progress{}) {
		t.Errorf("progress %+v, of another %+v, afterwards %+v", during, other, after)
	}
	if h.Flags[3].Packets != 9 || h.Flags[3].Filter != "tcp.analysis."+flow.Analysis(1<<3).Name() {
		t.Errorf("%+v", h.Flags)
	}
	want := RoundTrips{Count: 3, Min: 500_000, Mean: 1_000_000, P50: 1_024_000, P90: 1_500_000, P99: 1_500_000, Max: 1_500_000, Buckets: h.RTT.Buckets}
	if fmt.Sprint(h.RTT) != fmt.Sprint(want) || len(h.RTT.Buckets) != flow.RTTBuckets || h.RTT.Buckets[15].Below != 0 {
		t.Errorf("%+v", h.RTT)
	}
	if h.Initial.Count != 1 || h.Initial.Buckets[1].Count != 1 {
		t.Errorf("%+v", h.Initial)
	}
	// A running capture that has grown is not read again at once.
	r.add(t, 10)
	r.ask(t, "GET", "/api/v1/captures/one/health", "", &h)
	var all json.RawMessage
	r.ask(t, "GET", "/api/v1/captures/one/analysis", "", &all)
	if a.runs != 1 {
		t.Errorf("the capture was read %d times", a.runs)
	}
	plain := start(t, nil)
	plain.add(t, 1)
	if st := plain.ask(t, "GET", "/api/v1/captures/one/health", "", nil); st != 501 {
		t.Errorf("without analysis: %d", st)
	}
}

// TestFlowNamesAreChecked: flows are asked for in one form, and only the running capture's
// are known; what was not looked at yet is counted.
func TestFlowNamesAreChecked(t *testing.T) {
	r := start(t, func(c *Config) { c.FlowNames = &live.FlowNames{} })
	r.add(t, 7)
	const good = "flow=udp,192.0.2.1,53,2001:db8::1,65535"
	for _, capture := range []string{"live", "running", "one"} {
		var got struct {
			Flows  map[string]string
			Behind uint64 `json:"flows_behind"`
		}
		want := map[bool]uint64{true: 0, false: 7}[capture == "one"]
		if st := r.ask(t, "GET", "/api/v1/captures/"+capture+"/names?"+good, "", &got); st != 200 || got.Flows == nil || got.Behind != want {
			t.Errorf("%s: %d %+v", capture, st, got)
		}
	}
	for _, bad := range []string{
		"flow=", "flow=udp", "flow=sctp,192.0.2.1,1,192.0.2.2,2", "flow=tcp,a,1,192.0.2.2,2", "flow=tcp,192.0.2.1,65536,192.0.2.2,2",
		"flow=tcp,fe80::1%25x,1,fe80::2,2", strings.Repeat(good+"&", maxNamed+1),
	} {
		if st := r.ask(t, "GET", "/api/v1/captures/live/names?"+bad, "", nil); st != 400 {
			t.Errorf("%.80s: %d", bad, st)
		}
	}
}
