package filterdiff

import (
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/filter"
)

// TestMissesAreTrue holds what an explanation promises: what it says is not matched is not, and is by the expression
// that it offers.
func TestMissesAreTrue(t *testing.T) {
	target := filter.Target{LinkType: 1, Resolver: names}
	tcp4 := ipv4(1, 2, 6, 0, 0, tcp(1234, 80, 2, nil))
	tcp6 := ipv6(1, 2, 6, tcp(1234, 80, 2, nil))
	udp4 := func(port int, data []byte) []byte { return ipv4(1, 2, 17, 0, 0, udp(4000, port, data)) }
	frame := cat(ether(0x800), tcp4)
	for _, c := range []struct {
		expr, what string
		packet     []byte
	}{
		{"tcp port 80", "VLAN tag", cat(ether(0x8100), u16(5, 0x800), tcp4)},
		{"host 10.0.0.1 or net 10", "VLAN tag", cat(ether(0x8100), u16(5, 0x800), tcp4)},
		{"tcp[tcpflags] & tcp-syn != 0", "over IPv6", cat(ether(0x86dd), tcp6)},
		{"tcp[2:2] = 80 and tcp[13] = 2", "over IPv6", cat(ether(0x86dd), tcp6)},
		{"icmp", "ICMPv6", cat(ether(0x86dd), ipv6(1, 2, 58, []byte{128, 0, 0, 0}))},
		{"tcp port 80", "later fragments", cat(ether(0x800), ipv4(1, 2, 6, 0x00b9, 0, zeros(40)))},
		{"tcp port 80", "extension headers", cat(ether(0x86dd), ipv6(1, 2, 0, cat([]byte{6, 0}, zeros(6), tcp(1, 80, 2, nil))))},
		{"tcp port 80", "PPPoE", cat(ether(0x8864), []byte{0x11, 0}, u16(0x27, 42, 0x21), tcp4)},
		{"tcp port 80", "MPLS", cat(ether(0x8847), u32(7<<12|0x1ff), tcp4)},
		{"tcp port 80", "VXLAN", cat(ether(0x800), udp4(4789, cat([]byte{8, 0, 0, 0, 0, 0, 11, 0}, frame)))},
		{"tcp port 80", "Geneve", cat(ether(0x800), udp4(6081, cat([]byte{0, 0}, u16(0x6558), []byte{0, 0, 11, 0}, frame)))},
		{"tcp port 80", "IP-in-IP", cat(ether(0x800), ipv4(1, 2, 4, 0, 0, tcp4))},
	} {
		t.Run(c.expr+" "+c.what, func(t *testing.T) {
			e, err := filter.Explain(c.expr, target)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := filter.Compile(c.expr, target)
			if err != nil {
				t.Fatal(err)
			}
			if plain.Match(c.packet, len(c.packet)) {
				t.Fatal("the expression itself matches")
			}
			for _, m := range e.Misses {
				if !strings.Contains(m.What, c.what) {
					continue
				}
				p, err := filter.Compile(m.Use, target)
				if err != nil {
					t.Fatalf("%s: %v", m.Use, err)
				}
				if !p.Match(c.packet, len(c.packet)) {
					t.Errorf("%s does not match", m.Use)
				}
				return
			}
			t.Errorf("no miss about %q in %+v", c.what, e.Misses)
		})
	}
}

// TestExplanationsReadTheSame holds that the written-out form of an expression is the same filter, and that every
// suggestion compiles, over the whole corpus.
func TestExplanationsReadTheSame(t *testing.T) {
	checked := 0
	for i, c := range append(Handwritten(), Generated(5, 1500)...) {
		if i%3 != 0 {
			continue
		}
		target := filter.Target{LinkType: c.LinkType, Resolver: names}
		e, err := filter.Explain(c.Expr, target)
		if err != nil {
			continue
		}
		if e.Words == "" || strings.ContainsAny(e.Words, "\n\r") {
			t.Errorf("%q in words: %q", c.Expr, e.Words)
		}
		a, err := filter.Compile(c.Expr, target)
		if err != nil {
			t.Fatal(err)
		}
		b, err := filter.Compile(e.Reads, target)
		if err != nil {
			t.Errorf("%q reads %q: %v", c.Expr, e.Reads, err)
			continue
		}
		for _, p := range Packets(c.LinkType, 4)[:200] {
			if a.Match(p.Data, p.Len) != b.Match(p.Data, p.Len) {
				t.Errorf("%q and %q differ", c.Expr, e.Reads)
				break
			}
		}
		checked++
	}
	t.Logf("%d explanations", checked)
}
