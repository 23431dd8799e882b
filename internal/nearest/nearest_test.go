package nearest

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	long := strings.Repeat("x", longest+1)
	for _, c := range []struct {
		a, b        string
		limit, want int
	}{
		{"", "", 3, 0},
		{"eth0", "eth0", 3, 0},
		{"eth0", "eth1", 3, 1},
		{"ehto", "eth0", 3, 2},
		{"prot", "port", 3, 1},
		{"tcp.prot", "tcp.port", 3, 1},
		{"host", "hots", 1, 1},
		{"a", "abcd", 3, 3},
		{"abcdef", "uvwxyz", 4, 4},
		{"", "abc", 9, 3},
		{"ca", "abc", 9, 3},
		{long, long, 5, 5},
		{strings.Repeat("a", longest), strings.Repeat("b", longest), 100, longest},
	} {
		if got := Distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%q to %q, limit %d: %d, want %d", c.a, c.b, c.limit, got, c.want)
		}
		if there, back := Distance(c.a, c.b, 99), Distance(c.b, c.a, 99); there != back {
			t.Errorf("%q and %q: %d and %d", c.a, c.b, there, back)
		}
	}
}
