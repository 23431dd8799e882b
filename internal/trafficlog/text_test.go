package trafficlog

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestPutUint(t *testing.T) {
	check := func(v uint64) {
		t.Helper()
		var b [24]byte
		if got, want := string(b[:putUint(b[:], v)]), strconv.FormatUint(v, 10); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	for v := range uint64(200_000) {
		check(v)
	}
	for p := uint64(10); p < math.MaxUint64/10; p *= 10 {
		for d := range uint64(3) {
			check(p - d)
			check(p + d)
		}
	}
	check(math.MaxUint64)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500_000 {
		check(rng.Uint64() >> rng.UintN(64))
	}
}

func BenchmarkPutUint(b *testing.B) {
	for _, v := range []uint64{7, 443, 49152, 3_456_789_012, 1_700_000_000_123_456_789} {
		b.Run(strconv.FormatUint(v, 10), func(b *testing.B) {
			var buf [24]byte
			for b.Loop() {
				putUint(buf[:], v)
			}
		})
	}
}

func TestPutPreview(t *testing.T) {
	var all []byte
	for c := range 0x80 {
		if isPrintable[c] {
			all = append(all, byte(c))
		}
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		b := make([]byte, rng.IntN(previewLength+1))
		for i := range b {
			b[i] = all[rng.IntN(len(all))]
			if rng.IntN(3) > 0 {
				b[i] = byte('a' + rng.IntN(26))
			}
		}
		var dst [6*previewLength + 8]byte
		got := string(dst[:putPreview(dst[:], b)])
		want := ""
		for _, c := range b {
			switch q := strconv.Quote(string(rune(c))); {
			case c == '\v':
				want += `\u000b`
			default:
				want += q[1 : len(q)-1]
			}
		}
		if got != want {
			t.Fatalf("%q: %s, want %s", b, got, want)
		}
	}
}
