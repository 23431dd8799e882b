package web

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBitmap(t *testing.T) {
	for _, share := range []float64{0, 0.001, 0.3, 1} {
		var b bitmap
		var want []uint64
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range uint64(20_000) {
			set := rng.Float64() < share
			if set {
				want = append(want, i)
			}
			b.add(set)
		}
		if got := b.find(nil, 0, 1<<20); !slices.Equal(got, want) || b.count != uint64(len(want)) {
			t.Fatalf("share %v: %d positions, want %d", share, len(got), len(want))
		}
		for range 200 {
			k := rng.IntN(len(want) + 3)
			n := rng.IntN(70)
			lo, hi := min(k, len(want)), min(k+n, len(want))
			if got := b.find(nil, uint64(k), n); !slices.Equal(got, want[lo:hi]) {
				t.Fatalf("share %v: %d from %d: %v, want %v", share, n, k, got, want[lo:hi])
			}
		}
	}
}

func TestNiceBucket(t *testing.T) {
	for span, want := range map[time.Duration]time.Duration{
		0: time.Millisecond, time.Second: 2 * time.Millisecond, time.Minute: 100 * time.Millisecond, time.Hour: 10 * time.Second,
		24 * time.Hour: 200 * time.Second, 365 * 24 * time.Hour: 24 * time.Hour, 100 * 365 * 24 * time.Hour: 61 * 24 * time.Hour,
	} {
		if got := niceBucket(span, 600); got != want {
			t.Errorf("%v: %v, want %v", span, got, want)
		}
	}
}
