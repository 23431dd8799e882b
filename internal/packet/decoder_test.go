package packet

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// describe returns what the decoder found in a packet, a line a header.
func describe(p *Packet, s *Summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "outcome %s", p.Outcome)
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		fmt.Fprintf(&b, "\n  %-14s at %3d, %3d bytes, then %d", l.Kind, l.Off, l.Len, l.PayLen)
		if l.Proto != 0 {
			fmt.Fprintf(&b, " of %#x", l.Proto)
		}
		for j, name := range []string{"quoted", "reassembled", "truncated", "fragment", "malformed"} {
			if l.Flags&(1<<j) != 0 {
				fmt.Fprintf(&b, ", %s", name)
			}
		}
		for _, mark := range []struct {
			index int8
			name  string
		}{{p.IP, "IP"}, {p.Transport, "transport"}, {p.InnerIP, "inner IP"}, {p.InnerTransport, "inner transport"}} {
			if int(mark.index) == i {
				fmt.Fprintf(&b, " (%s)", mark.name)
			}
		}
	}
	tuple := func(name string, t *Tuple, off, n uint32) {
		if t.Version == 0 {
			return
		}
		fmt.Fprintf(&b, "\n  %s %s:%d > %s:%d %s, flags %d, payload at %d, %d bytes", name,
			t.Src.Netip(t.Version), t.SrcPort, t.Dst.Netip(t.Version), t.DstPort, ProtoName(t.Proto), t.Flags, off, n)
	}
	tuple("outer", &s.Outer, s.OuterPayloadOff, s.OuterPayloadLen)
	if s.Inner != s.Outer {
		tuple("inner", &s.Inner, s.PayloadOff, s.PayloadLen)
	}
	fmt.Fprintf(&b, "\n  depth %d, flags %d, EtherType %#x", s.Depth, s.Flags, s.EtherType)
	if s.VLAN != NoVLAN {
		fmt.Fprintf(&b, ", VLAN %d", s.VLAN)
	}
	if s.TCPFlags != 0 {
		fmt.Fprintf(&b, ", seq %d, ack %d, flags %#x, window %d", s.Seq, s.Ack, s.TCPFlags, s.Window)
	}
	return b.String() + "\n"
}

// decodeBoth decodes a packet in both ways, each with a new decoder.
func decodeBoth(data []byte, wire int, link LinkType) (*Packet, *Summary) {
	p := &Packet{Data: data, WireLen: uint32(wire), Link: link}
	NewDecoder().Decode(p)
	s := &Summary{CapLen: uint32(len(data)), WireLen: uint32(wire)}
	NewDecoder().Summarize(data, s, link)
	return p, s
}

func TestDecodeGolden(t *testing.T) {
	var got bytes.Buffer
	for _, s := range packettest.Samples() {
		p, sum := decodeBoth(s.Data, len(s.Data), LinkType(s.Link))
		fmt.Fprintf(&got, "%s: %s\n", s.Name, describe(p, sum))
	}
	name := filepath.Join("testdata", "samples.golden")
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		g, w := strings.Split(got.String(), "\n\n"), strings.Split(string(want), "\n\n")
		for i := range g {
			if i >= len(w) || g[i] != w[i] {
				t.Fatalf("got\n%s\nwant (rewrite with -update)\n%s", g[i], append(w, "")[min(i, len(w))])
			}
		}
		t.Fatal("the golden file has more packets")
	}
}

// TestCutPackets decodes every sample cut at every length, by the capture and on the wire.
func TestCutPackets(t *testing.T) {
	for _, s := range packettest.Samples() {
		for n := range min(len(s.Data), 300) + 1 {
			for _, wire := range []int{n, len(s.Data)} {
				p, sum := decodeBoth(s.Data[:n], wire, LinkType(s.Link))
				if err := check(p, sum); err != nil {
					t.Errorf("%s: %d of %d bytes: %v", s.Name, n, wire, err)
				}
			}
		}
	}
}

// check returns what is wrong with the decoding of a packet, whatever the packet is.
func check(p *Packet, s *Summary) error {
	if p.N > MaxLayers || p.Outcome >= OutcomeCount {
		return fmt.Errorf("%d layers, outcome %d", p.N, p.Outcome)
	}
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		buf := p.Data
		if l.Flags&LayerReassembled != 0 {
			buf = p.Reassembled
		}
		if uint64(l.Off)+uint64(l.Len) > uint64(len(buf)) {
			return fmt.Errorf("layer %d, %s, ends at %d of %d", i, l.Kind, l.Off+l.Len, len(buf))
		}
		if l.Kind == KindNone || l.Kind >= KindCount {
			return fmt.Errorf("layer %d has the kind %s", i, l.Kind)
		}
		p.Payload(l)
	}
	for _, ip := range []int8{p.IP, p.InnerIP} {
		if ip >= int8(p.N) || ip >= 0 && p.Layers[ip].Kind != KindIPv4 && p.Layers[ip].Kind != KindIPv6 {
			return fmt.Errorf("%d is no IP header", ip)
		}
	}
	for _, tr := range [][2]int8{{p.IP, p.Transport}, {p.InnerIP, p.InnerTransport}} {
		if tr[1] >= 0 && (tr[0] < 0 || tr[1] <= tr[0] || tr[1] >= int8(p.N)) {
			return fmt.Errorf("transport %d above IP %d of %d", tr[1], tr[0], p.N)
		}
	}
	if p.Outcome == OutcomeTransport && p.InnerTransport < 0 && p.Transport < 0 {
		return fmt.Errorf("outcome transport without a transport header")
	}
	if s.Outcome != p.Outcome {
		return fmt.Errorf("outcome %s, summary %s", p.Outcome, s.Outcome)
	}
	if (p.IP >= 0) != (s.Outer.Version != 0) || (p.Transport >= 0) && s.Outer.Flags&TupleHasPorts == 0 {
		return fmt.Errorf("IP %d, transport %d, outer %+v", p.IP, p.Transport, s.Outer)
	}
	if p.IP == p.InnerIP && s.Inner != s.Outer {
		return fmt.Errorf("inner %+v, outer %+v without a tunnel", s.Inner, s.Outer)
	}
	if !s.plainEqualsWalk(p) {
		return fmt.Errorf("the short way found something else than the walk")
	}
	return nil
}

// plainEqualsWalk tells whether the short way for plain packets, when it takes this one,
// finds what the walk finds.
func (s *Summary) plainEqualsWalk(p *Packet) bool {
	if p.Link != LinkEthernet {
		return true
	}
	short := Summary{CapLen: s.CapLen, WireLen: s.WireLen, Seq: 77, Window: 77}
	walked := short
	if !plain(p.Data, &short) {
		return true
	}
	NewDecoder().walkSummary(p.Data, &walked, p.Link)
	return short == walked
}

func TestEveryKindIsSampled(t *testing.T) {
	var seen [KindCount]bool
	for _, s := range packettest.Samples() {
		p, _ := decodeBoth(s.Data, len(s.Data), LinkType(s.Link))
		for _, l := range p.Layers[:p.N] {
			seen[l.Kind] = true
		}
	}
	for k := KindEthernet; k < KindCount; k++ {
		if !seen[k] {
			t.Errorf("no sample has a header of kind %s", k)
		}
	}
}

func TestPlainTakesPlainPackets(t *testing.T) {
	for _, s := range packettest.Samples() {
		short := Summary{CapLen: uint32(len(s.Data)), WireLen: uint32(len(s.Data))}
		want := s.Name == "tcp4" || s.Name == "udp4" || s.Name == "tcp6" || s.Name == "udp6" || s.Name == "vlan"
		if s.Link == 1 && plain(s.Data, &short) != want {
			t.Errorf("%s: taken by the short way: %t", s.Name, !want)
		}
	}
}

func TestTooDeep(t *testing.T) {
	data := packettest.TCP(nil)
	proto := uint8(ProtoTCP)
	for range MaxLayers {
		data = packettest.IPv4(proto, data)
		proto = 4
	}
	p, s := decodeBoth(data, len(data), LinkRaw)
	if p.Outcome != OutcomeTooDeep || p.N != MaxLayers || s.Flags&MoreHeaders == 0 {
		t.Errorf("outcome %s after %d layers, flags %d", p.Outcome, p.N, s.Flags)
	}
	if err := check(p, s); err != nil {
		t.Error(err)
	}
}

func TestOutcomesAddUp(t *testing.T) {
	d := NewDecoder()
	var n uint64
	for _, s := range packettest.Samples() {
		for _, size := range []int{len(s.Data), len(s.Data) / 2, 20, 0} {
			data := s.Data[:min(size, len(s.Data))]
			d.Decode(&Packet{Data: data, WireLen: uint32(len(s.Data)), Link: LinkType(s.Link)})
			sum := Summary{CapLen: uint32(len(data)), WireLen: uint32(len(s.Data))}
			d.Summarize(data, &sum, LinkType(s.Link))
			n += 2
		}
	}
	d.Decode(&Packet{Link: 9999})
	n++
	c := d.Counters()
	var total uint64
	for _, o := range c.Outcomes {
		total += o
	}
	if total != n || c.Outcomes[OutcomeLinkType] != 1 {
		t.Errorf("%d packets, outcomes %v", n, c.Outcomes)
	}
}

// TestNoAllocation holds the decoder to its promise: a packet costs no allocation.
func TestNoAllocation(t *testing.T) {
	d := NewDecoder()
	for _, s := range packettest.Samples() {
		p := Packet{Data: s.Data, WireLen: uint32(len(s.Data)), Link: LinkType(s.Link)}
		if n := testing.AllocsPerRun(10, func() { d.Decode(&p) }); n != 0 {
			t.Errorf("%s: Decode allocates %v times", s.Name, n)
		}
		sum := Summary{CapLen: uint32(len(s.Data)), WireLen: uint32(len(s.Data))}
		if n := testing.AllocsPerRun(10, func() { d.Summarize(s.Data, &sum, p.Link) }); n != 0 {
			t.Errorf("%s: Summarize allocates %v times", s.Name, n)
		}
	}
	frame := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(1, 2, make([]byte, 3000))))
	frags := packettest.Fragments4(frame, 7, 1480)
	var sum Summary
	if n := testing.AllocsPerRun(10, func() {
		for _, f := range frags {
			sum.CapLen, sum.WireLen = uint32(len(f)), uint32(len(f))
			d.Summarize(f, &sum, LinkEthernet)
		}
	}); n != 0 {
		t.Errorf("fragments allocate %v times", n)
	}
	if sum.Flags&Reassembled == 0 {
		t.Error("the fragments were not put together")
	}
}

func TestAddrText(t *testing.T) {
	for _, c := range []struct {
		addr    string
		version uint8
		want    string
	}{
		{"::ffff:10.0.0.1", 4, "10.0.0.1"},
		{"2001:db8:0:0:1:0:0:1", 6, "2001:db8::1:0:0:1"},
		{"2001:0:1::", 6, "2001:0:1::"},
		{"::", 6, "::"},
		{"::1", 6, "::1"},
		{"::0.96.0.1", 6, "::0.96.0.1"},
		{"::ffff:1.2.3.4", 6, "::ffff:1.2.3.4"},
		{"fe80::1", 6, "fe80::1"},
	} {
		if got := string(Addr(netip.MustParseAddr(c.addr).As16()).AppendTo(nil, c.version)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.addr, got, c.want)
		}
	}
}
