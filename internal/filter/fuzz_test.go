package filter

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// noNames is a Resolver that knows a few names and never asks anybody.
type noNames struct{}

var errNoNames = errors.New("no such host")

func (noNames) Host(name string) ([]netip.Addr, error) {
	if name == "both" {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("10.0.0.9")}, nil
	}
	return nil, errNoNames
}

func (noNames) Port(name string) (tcp, udp int, ok bool) {
	switch name {
	case "http":
		return 80, -1, true
	case "domain":
		return 53, 53, true
	case "tftp":
		return -1, 69, true
	}
	return -1, -1, false
}

func (noNames) Protocol(name string) (int, bool) {
	n, ok := builtinProtocols()[name]
	return n, ok
}

func (noNames) Ether(name string) ([6]byte, bool) { return [6]byte{2, 0, 0, 0, 0, 1}, name == "both" }

func (noNames) Network(name string) (uint32, bool) { return 10, name == "ten" }

func (noNames) Interface(name string) (int, bool) { return 3, name == "eth0" }

// FuzzCompile holds that no text makes the compiler panic, that errors point into the text and are one line, and that
// every program is one that the kernel takes and that runs over any packet.
func FuzzCompile(f *testing.F) {
	for i, s := range []string{"", "tcp port 80 or 443", "host both and not (port http or domain)", "vlan 5 and tcp[13] & 2 != 0",
		"geneve 11 and ip[ip[0] & 0xf:2] = 1 or mpls 3", "ether host 02:00:00:00:00:01 and ip6 net 2001:db8::/32",
		"tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "- ip[0] % 3 ^ len << 2 >= 1", "wlan type mgt subtype beacon or radio[2] > 1",
		"pppoes 1 and vxlan and llc ui", "net ten and portrange http-90 and inbound and ifname eth0", "byte 0 = 1 and less 5 and ip broadcast",
		"\\ip", "(((", "ip[", "1::2::", "tcp port 99999999999", "net 1.2.3.4/33 mask"} {
		f.Add(s, uint16(i*37), i%2 == 0, []byte{0x45, 0, 0, 40, byte(i)})
	}
	types := []int{1, 0, 101, 113, 276, 9, 127, 105, 228, 229, 108, 163, 119, 192, 10, 6, 7, 8, 122, 226, 240, 147, 51, 104, 107}
	f.Fuzz(func(t *testing.T, expr string, link uint16, live bool, pkt []byte) {
		target := Target{LinkType: types[int(link)%len(types)], Live: live, Resolver: noNames{}}
		p, err := Compile(expr, target)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%q: %v is no *Error", expr, err)
			}
			if e.Pos < 0 || e.Pos > len(expr) || strings.ContainsAny(e.Error(), "\n\r\x1b") {
				t.Fatalf("%q: position %d of %d, message %q", expr, e.Pos, len(expr), e.Error())
			}
			return
		}
		if err := validate(p.Ins); err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		got := p.Match(pkt, len(pkt))
		if _, err := Explain(expr, target); err != nil {
			t.Fatalf("%q compiles and is not explained: %v", expr, err)
		}
		if live {
			return
		}
		all, _ := bpf.Disassemble(p.Ins)
		vm, err := bpf.NewVM(all)
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		n, err := vm.Run(pkt)
		if err != nil || (n > 0) != got {
			t.Fatalf("%q: x/net's machine says %d, %v; ours %v", expr, n, err, got)
		}
	})
}

// FuzzRun holds that no program, also one that nobody compiled, makes Match panic.
func FuzzRun(f *testing.F) {
	f.Add([]byte{0x28, 0, 0, 0, 0, 0, 0, 12, 0x15, 0, 0, 1, 0, 0, 8, 0, 0x06, 0, 0, 0, 0, 4, 0, 0}, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, code, pkt []byte) {
		p := &Program{}
		for ; len(code) >= 8 && len(p.Ins) < 64; code = code[8:] {
			in := bpf.RawInstruction{Op: uint16(code[0]), Jt: code[2], Jf: code[3], K: be32(code[4:])}
			if in.Op == opJa && in.K > 1000 {
				in.K %= 1000 // a jump backwards might never end
			}
			p.Ins = append(p.Ins, in)
		}
		p.Match(pkt, len(pkt))
		for n, in := range p.Ins {
			_ = instructionText(n, in)
		}
	})
}
