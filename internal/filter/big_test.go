package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// hosts is "host A or host B …" with n different addresses.
func hosts(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(" or ")
		}
		fmt.Fprintf(&b, "host 10.%d.%d.%d", i>>16, i>>8&0xff, i&0xff)
	}
	return b.String()
}

// packetFrom is an IPv4 packet from an address.
func packetFrom(i int) []byte {
	p := append([]byte(nil), tcp4...)
	copy(p[26:], []byte{10, byte(i >> 16), byte(i >> 8), byte(i), 192, 168, 0, 1})
	return p
}

// Lists of addresses need jumps over more than 255 instructions, on both ways of the comparison.
func TestLongPrograms(t *testing.T) {
	for _, n := range []int{1, 40, 200, 500, 700} {
		p, err := Compile(hosts(n), ether)
		if err != nil {
			t.Fatalf("%d hosts: %v", n, err)
		}
		if err := validate(p.Ins); err != nil {
			t.Errorf("%d hosts, %d instructions: %v", n, len(p.Ins), err)
		}
		for i := range n + 50 {
			k := packetFrom(i)
			if got := p.Match(k, len(k)); got != (i < n) {
				t.Errorf("%d hosts: address %d: %v", n, i, got)
			}
		}
		t.Logf("%d hosts: %d instructions", n, len(p.Ins))
	}
}

// Programs that the kernel would refuse are refused with the reason.
func TestTooLarge(t *testing.T) {
	_, err := Compile(hosts(4000), ether)
	var e *Error
	if !errors.As(err, &e) || e.Reason != TooLarge || !strings.Contains(e.Error(), "4096") {
		t.Errorf("4000 hosts: %v", err)
	}
	for _, s := range []string{strings.Repeat("(", 2000) + "tcp" + strings.Repeat(")", 2000), strings.Repeat("not ", 5000) + "tcp",
		strings.Repeat("-", 5000) + "1 = 1", "ip[" + strings.Repeat("ip[", 2000) + "0", strings.Repeat("port (", 3000) + "80"} {
		if _, err := Compile(s, ether); !errors.As(err, &e) {
			t.Errorf("%.30s…: %v", s, err)
		}
	}
	// Not deep, only long.
	if _, err := Compile(strings.Repeat("tcp or ", 500)+"tcp", ether); err != nil {
		t.Error(err)
	}
	if _, err := Compile(strings.Repeat("tcp or ", 50000)+"tcp", ether); !errors.As(err, &e) || e.Reason != TooLarge {
		t.Errorf("50 000 words: %v", err)
	}
	if _, err := Compile(strings.Repeat("x", maxExpr+1), ether); !errors.As(err, &e) {
		t.Errorf("a megabyte: %v", err)
	}
}
