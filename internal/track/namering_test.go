package track

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func TestTalkSize(t *testing.T) {
	if n := unsafe.Sizeof(talk{}); n != talkSize {
		t.Errorf("%d bytes, counted as %d", n, talkSize)
	}
}

func TestNameRingKeepsTheNewest(t *testing.T) {
	r := newNameRing(1)
	const n = 20000
	places := make([]uint32, n)
	text := func(i int) string { return fmt.Sprintf("%d%s", i, strings.Repeat("x", i%300)) }
	for i := range n {
		places[i] = r.put([]byte(text(i)))
	}
	if r.bytes() != uint64(r.limit)*nameCell {
		t.Errorf("%d bytes", r.bytes())
	}
	held := 0
	for i := range n {
		got := r.get(places[i])
		if got == nil {
			if held > 0 {
				t.Fatalf("name %d is lost, an older one is not", i)
			}
			continue
		}
		held++
		if want := text(i); string(got) != want[:min(len(want), nameCap)] {
			t.Fatalf("name %d is %q", i, got)
		}
	}
	if held < 500 || r.lost != uint64(n-held) {
		t.Errorf("%d held, %d lost", held, r.lost)
	}
}

func TestWay(t *testing.T) {
	for _, c := range []struct {
		name     string
		segments [][4]uint32 // sequence number, length, want missing, want repeated
	}{
		{"in order", [][4]uint32{{100, 10, 0, 0}, {110, 10, 0, 0}}},
		{"again", [][4]uint32{{100, 10, 0, 0}, {100, 10, 0, 10}, {105, 10, 0, 5}}},
		{"keep-alive", [][4]uint32{{100, 10, 0, 0}, {109, 1, 0, 1}}},
		{"hole filled", [][4]uint32{{100, 10, 0, 0}, {120, 10, 10, 0}, {110, 10, 0, 0}, {110, 10, 0, 10}}},
		{"hole filled from its end", [][4]uint32{{100, 10, 0, 0}, {120, 10, 10, 0}, {115, 5, 0, 0}, {110, 5, 0, 0}, {112, 2, 0, 2}}},
		{"hole filled across its start", [][4]uint32{{100, 10, 0, 0}, {120, 10, 10, 0}, {105, 15, 0, 5}, {112, 2, 0, 2}}},
		{"wrap", [][4]uint32{{0xfffffff8, 8, 0, 0}, {0, 8, 0, 0}, {0xfffffff8, 16, 0, 16}}},
	} {
		var w way
		for i, s := range c.segments {
			if i == 0 {
				w = way{high: s[0] + s[1], hole: s[0] + s[1], after: s[0] + s[1]}
				continue
			}
			missing, repeated := w.take(s[0], s[1])
			if missing != s[2] || repeated != s[3] {
				t.Errorf("%s, segment %d: missing %d, repeated %d", c.name, i, missing, repeated)
			}
		}
	}
}
