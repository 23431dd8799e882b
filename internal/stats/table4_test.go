package stats

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCarries counts more packets than a slot holds, and compares the best.
func TestCarries(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var s side
	s.init(MaxExact, SketchSize)
	want := map[uint32]Count{}
	count := func(addr uint32, packets, bytes uint64) {
		s.addMany(addr, packets, bytes)
		c := want[addr]
		c.add(Count{packets, bytes})
		want[addr] = c
	}
	for range 20_000 {
		addr := rng.Uint32N(3_000) // 0.0.0.0 is one of them
		switch rng.IntN(4) {
		case 0:
			count(addr, 1+rng.Uint64N(1<<34), rng.Uint64())
		case 1:
			count(addr, carryBit-1, 1)
		default:
			count(addr, 1+rng.Uint64N(10), 7)
		}
		s.add4([]key4{{addr, 60}, {addr, 61}})
		c := want[addr]
		c.add(Count{2, 121})
		want[addr] = c
	}
	var all []ranked
	for addr, c := range want {
		all = append(all, ranked{lo: mapped | uint64(addr), packets: c.Packets, bytes: c.Bytes})
	}
	slices.SortFunc(all, func(a, b ranked) int { return a.compare(&b) })
	for _, n := range []int{5, topKept, len(all)} {
		for i, got := range s.best(n) {
			if got.number = 0; got != all[i] {
				t.Fatalf("place %d of %d: %+v, want %+v", i+1, n, got, all[i])
			}
		}
	}
	if s.exact.distinct() != uint64(len(all)) {
		t.Errorf("%d addresses, want %d", s.exact.distinct(), len(all))
	}
}
