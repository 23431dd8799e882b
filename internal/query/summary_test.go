package query

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// unusualPackets are the samples, whole, cut, and with bytes changed.
func unusualPackets() []captured {
	var all []captured
	r := rand.New(rand.NewPCG(3, 3))
	add := func(s packettest.Sample, data []byte, wire int) {
		all = append(all, captured{p: packet.Packet{
			Number: uint64(len(all) + 1), Time: 1_700_000_000_000_000_000 + int64(len(all))*1000, WireLen: uint32(wire),
			Link: packet.LinkType(s.Link), Data: data, Direction: packet.Direction(r.IntN(3)),
		}})
	}
	for _, s := range packettest.Samples() {
		add(s, s.Data, len(s.Data))
		for n := range min(len(s.Data), 140) {
			add(s, s.Data[:n], len(s.Data))
			add(s, s.Data[:n], n)
		}
		for range 150 {
			data := append([]byte(nil), s.Data[:min(len(s.Data), 200)]...)
			for range 1 + r.IntN(3) {
				data[r.IntN(len(data))] = byte(r.IntN(256)) >> r.IntN(8)
			}
			add(s, data, len(data))
		}
	}
	return all
}

// TestSummaryNeverLies asks many filters of many packets, from the Summary alone and from
// the bytes: where the Summary is sure, both agree.
func TestSummaryNeverLies(t *testing.T) {
	utc(t)
	all := unusualPackets()
	if sharedDir("captures") != "" {
		for _, f := range realFiles(t) {
			list := readCapture(t, f)
			all = append(all, list[:min(len(list), 200)]...)
		}
	}
	var filters []*Filter
	for _, text := range handWritten {
		if f, err := Parse(text); err == nil {
			filters = append(filters, f)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		text := generate(r, all)
		f, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		filters = append(filters, f)
	}
	for _, text := range []string{
		"direction == sent", "direction != received", "direction == unknown", `direction contains "e"`, "direction in {sent}",
		"ip.src in {10.0.0.0/8, 192.0.2.0/24}", "all ip.src in {10.0.0.0/8, 192.0.2.0/24}", "all ip.addr > 10.0.0.1",
		"ip.src != 10.0.0.1", "ip.dst === 10.0.0.2", "ip.proto != 6", "all ip.proto in {6, 47}", "udp.port != 4789",
		"tcp.flags & 0x12 == 0x12", "tcp.len == 0", "tcp.len > 10", "tcp.window_size_value > 1000", "vlan", "vlan.id",
		"!vlan", "vlan.id != 5", "tcp.flags.syn", "tcp.flags.syn == 1 ^^ tcp.flags.ack == 1", "frame", "ip.addr", "!ip.addr",
		"tcp.port in {1..100, 1000, 60000..65535}", "sctp.port", "icmp", "icmpv6", "!icmp", "sctp", "udp", "ipv6", "frame.len in {54, 60..70}",
	} {
		f, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		filters = append(filters, f)
	}
	d, forSummary := packet.NewDecoder(), packet.NewDecoder()
	var row Row
	var sure, open, lies int
	wrong := map[string]int{}
	for i := range all {
		p := &all[i].p
		d.Decode(p)
		row.HasInterface, row.InterfaceName = all[i].pcapng, all[i].ifaceName
		row.Next(p)
		s := packet.Summary{Number: p.Number, Time: p.Time, CapLen: uint32(len(p.Data)), WireLen: p.WireLen, Direction: p.Direction, Interface: p.Interface}
		forSummary.Summarize(p.Data, &s, p.Link)
		for _, f := range filters {
			got := f.MatchSummary(&s)
			if got == Unknown {
				open++
				continue
			}
			sure++
			if want := f.Match(&row); want != (got == Yes) {
				lies++
				if wrong[f.String()]++; wrong[f.String()] < 3 && lies < 30 {
					t.Errorf("%s: the Summary says %d, the bytes %t: link %d % x\n%+v", f, got, want, p.Link, p.Data[:min(len(p.Data), 100)], s)
				}
			}
		}
	}
	t.Logf("%d packets, %d filters: %d answers were sure, %d open, %d wrong", len(all), len(filters), sure, open, lies)
}

// TestSummaryAnswers holds which questions a Summary of an ordinary packet answers.
func TestSummaryAnswers(t *testing.T) {
	samples := map[string]packet.Summary{}
	for _, s := range packettest.Samples() {
		sum := packet.Summary{Number: 7, CapLen: uint32(len(s.Data)), WireLen: uint32(len(s.Data)), Direction: packet.DirectionSent}
		packet.NewDecoder().Summarize(s.Data, &sum, packet.LinkType(s.Link))
		samples[s.Name] = sum
	}
	for _, c := range []struct {
		sample, filter string
		want           Tri
	}{
		{"tcp4", "ip.addr == 10.0.0.1 && tcp.port == 4321", Yes},
		{"tcp4", "ip.addr == 10.0.0.0/8 && tcp.port in {80, 443}", No},
		{"tcp4", "ip.src == 10.0.0.0/8 || udp", Yes},
		{"tcp4", "udp.port == 53", No},
		{"tcp4", "tcp.flags.push == 1", Yes},
		{"tcp4", "!(tcp.flags.syn == 1) && frame.len > 60", Yes},
		{"tcp4", "direction == sent", Yes},
		{"tcp4", "payload contains \"hello\"", Unknown},
		{"tcp4", "payload contains \"hello\" && udp", No},
		{"tcp4", "payload contains \"hello\" || tcp", Yes},
		{"tcp4", "flow == 3", Unknown},
		{"tcp4", "tcp.len == 12", Yes},
		{"tcp4", "ip.src == ip.dst", Unknown},
		{"tcp4", "vlan.id == 5", No},
		{"udp4", "vlan.id == 5", Unknown},
		{"vlan", "vlan.id == 5", Unknown},
		{"gre", "ip.src == 192.0.2.1 && ip.src == 10.0.0.1", Yes},
		{"gre", "ip.src != 192.0.2.1", No},
		{"unreachable", "ip.src == 10.0.0.1", Unknown},
		{"ip in ip in ip", "ip.src == 10.0.0.1", Unknown},
		{"arp", "ip.addr == 10.0.0.1", No},
		{"arp", "ip", No},
		{"udp6", "ipv6.addr == 2001:db8::/32 && udp", Yes},
	} {
		s, ok := samples[c.sample]
		if !ok {
			t.Fatalf("no sample %s", c.sample)
		}
		f, err := Parse(c.filter)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.MatchSummary(&s); got != c.want {
			t.Errorf("%s: %s: %d, want %d", c.sample, strings.TrimSpace(c.filter), got, c.want)
		}
	}
}
