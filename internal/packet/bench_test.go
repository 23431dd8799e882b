package packet

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// benchmarked are the kinds of packets that differ in the way they are decoded.
var benchmarked = []string{
	"tcp4", "udp4", "tcp6", "udp6", "vlan", "cooked2", "mpls", "pppoe", "gre", "vxlan", "gtp", "unreachable", "arp", "lldp",
}

func benchmarkSamples(b *testing.B, run func(b *testing.B, s packettest.Sample)) {
	byName := map[string]packettest.Sample{}
	for _, s := range packettest.Samples() {
		byName[s.Name] = s
	}
	for _, name := range benchmarked {
		s, ok := byName[name]
		if !ok {
			b.Fatalf("no sample %s", name)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			run(b, s)
		})
	}
}

func BenchmarkSummarize(b *testing.B) {
	benchmarkSamples(b, func(b *testing.B, s packettest.Sample) {
		d := NewDecoder()
		sum := Summary{CapLen: uint32(len(s.Data)), WireLen: uint32(len(s.Data))}
		for b.Loop() {
			d.Summarize(s.Data, &sum, LinkType(s.Link))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	benchmarkSamples(b, func(b *testing.B, s packettest.Sample) {
		d := NewDecoder()
		p := Packet{Data: s.Data, WireLen: uint32(len(s.Data)), Link: LinkType(s.Link)}
		for b.Loop() {
			d.Decode(&p)
		}
	})
}

// BenchmarkFragments puts a datagram of six fragments together; the time is that of one
// fragment.
func BenchmarkFragments(b *testing.B) {
	frame := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(1, 2, make([]byte, 8192))))
	frags := packettest.Fragments4(frame, 7, 1480)
	d := NewDecoder()
	var s Summary
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f := frags[i%len(frags)]
		s.CapLen, s.WireLen = uint32(len(f)), uint32(len(f))
		d.Summarize(f, &s, LinkEthernet)
		i++
	}
}
