package filter

import (
	"errors"
	"strings"
	"testing"
)

// ether is the target that most tests compile for.
var ether = Target{LinkType: linkEther}

// tcp4 is a whole TCP packet in an Ethernet frame: 10.0.0.1:1234 → 10.0.0.2:80, SYN.
var tcp4 = []byte{
	0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00,
	0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
	0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		expr string
		want bool
	}{
		{"", true},
		{"ip", true}, {"ip6", false}, {"arp", false}, {"tcp", true}, {"udp", false},
		{"host 10.0.0.1", true}, {"src host 10.0.0.2", false}, {"dst host 10.0.0.2", true}, {"host 10.0.0.3", false},
		{"net 10.0.0.0/8", true}, {"net 10", true}, {"net 11", false}, {"net 10.0.0.0 mask 255.0.0.0", true},
		{"port 80", true}, {"src port 80", false}, {"tcp dst port 80 or 443", true}, {"udp port 80", false},
		{"portrange 79-81", true}, {"portrange 81-90", false}, {"port (80 or 443)", true},
		{"not tcp", false}, {"! udp and tcp", true}, {"(tcp or udp) and port 80", true},
		{"tcp[tcpflags] & tcp-syn != 0", true}, {"tcp[13] = 2", true}, {"tcp[0:2] > 1234", false},
		{"ether host 02:00:00:00:00:01", true}, {"ether dst 02:00:00:00:00:01", false},
		{"ip[8] = 64 and len = 54", true}, {"less 54", true}, {"greater 55", false},
		{"ip proto 6", true}, {"ip proto \\tcp", true}, {"ether proto 0x800", true}, {"ether proto \\ip", true},
		{"host 10.0.0.1 and not port 22 and 443 or 80", true},
	} {
		t.Run(c.expr, func(t *testing.T) {
			p, err := Compile(c.expr, ether)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Match(tcp4, len(tcp4)); got != c.want {
				var b strings.Builder
				_ = p.Dump(&b, DumpText)
				t.Errorf("Match = %v, want %v\n%s", got, c.want, b.String())
			}
		})
	}
}

func TestErrorHasPosition(t *testing.T) {
	_, err := Compile("tcp prot 80", ether)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *Error", err)
	}
	if e.Pos != 4 || e.Near != "prot" || e.Suggestion != "port" && e.Suggestion != "proto" {
		t.Errorf("got %+v", e)
	}
}
