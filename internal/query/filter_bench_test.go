package query

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// benchFilters are filters as people write them.
var benchFilters = []struct{ name, text string }{
	{"address", "ip.addr == 10.0.0.1"},
	{"port", "tcp.port == 4321"},
	{"address and port", "ip.addr == 10.0.0.1 && tcp.port == 4321"},
	{"issue", "ip.addr == 10.0.0.0/8 && tcp.port in {80, 443} && !(tcp.flags.syn == 1) && frame.len > 1000"},
	{"length", "frame.len > 1000"},
	{"contains", `payload contains "world"`},
	{"matches", `payload matches "(?i)token="`},
	{"slice", "eth.src[0:3] == 00:00:5e"},
	{"mask", "tcp.flags & 0x12 == 0x12"},
	{"layer", "ip.addr#1 == 10.0.0.1"},
	{"two fields", "tcp.srcport == tcp.dstport"},
	{"upper", `upper(frame.interface_name) contains "ETH"`},
}

func benchRow(name string) (*Row, *packet.Summary) {
	for _, s := range packettest.Samples() {
		if s.Name != name {
			continue
		}
		p := &packet.Packet{Number: 7, WireLen: uint32(len(s.Data)), Link: packet.LinkType(s.Link), Data: s.Data}
		packet.NewDecoder().Decode(p)
		sum := &packet.Summary{Number: 7, CapLen: uint32(len(s.Data)), WireLen: uint32(len(s.Data))}
		packet.NewDecoder().Summarize(s.Data, sum, p.Link)
		r := &Row{InterfaceName: "eth0", HasInterface: true}
		r.Next(p)
		return r, sum
	}
	panic("no sample " + name)
}

func must(t testing.TB, text string) *Filter {
	t.Helper()
	f, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func BenchmarkParse(b *testing.B) {
	for _, c := range benchFilters {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(b, c.text)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	row, _ := benchRow("tcp4")
	for _, c := range benchFilters {
		b.Run(c.name, func(b *testing.B) {
			f := must(b, c.text)
			b.ReportAllocs()
			for b.Loop() {
				f.Match(row)
			}
		})
	}
}

func BenchmarkMatchSummary(b *testing.B) {
	_, s := benchRow("tcp4")
	for _, c := range benchFilters {
		b.Run(c.name, func(b *testing.B) {
			f := must(b, c.text)
			for b.Loop() {
				f.MatchSummary(s)
			}
		})
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	for _, sample := range []string{"tcp4", "gre", "udp6", "unreachable", "arp"} {
		row, s := benchRow(sample)
		for _, c := range benchFilters {
			f := must(t, c.text)
			e := f.Evaluator()
			e.Match(row)
			if n := testing.AllocsPerRun(100, func() { e.Match(row) }); n != 0 {
				t.Errorf("%s: %s: Evaluator.Match allocates %v times", sample, c.name, n)
			}
			if n := testing.AllocsPerRun(100, func() { f.MatchSummary(s) }); n != 0 {
				t.Errorf("%s: %s: MatchSummary allocates %v times", sample, c.name, n)
			}
		}
	}
}
