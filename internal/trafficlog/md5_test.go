package trafficlog

import (
	"crypto/md5"
	"math/rand/v2"
	"testing"
)

// TestSums compares with the standard library, at every length around the block's, and in
// every mixture of lengths.
func TestSums(t *testing.T) { bothWays(t, testSums) }

func testSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var h hasher
	check := func(messages [][]byte) {
		t.Helper()
		out := make([][md5.Size]byte, len(messages))
		h.sums(out, messages)
		for i, m := range messages {
			if out[i] != md5.Sum(m) {
				t.Fatalf("message %d of %d with %d bytes has the sum %x", i, len(messages), len(m), out[i])
			}
		}
	}
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	var all [][]byte
	for n := range 400 {
		all = append(all, random(n))
	}
	check(all)
	for n := range 40 {
		check(all[:n])
		check(all[n : n+1])
	}
	for range 200 {
		var mixed [][]byte
		for range rng.IntN(60) {
			mixed = append(mixed, random(rng.IntN(1+rng.IntN(3000))))
		}
		check(mixed)
	}
}

func FuzzSums(f *testing.F) {
	f.Add([]byte("abcdefgh"), uint16(3), uint16(60))
	f.Fuzz(func(t *testing.T, data []byte, a, b uint16) {
		var messages [][]byte
		for i := range 20 {
			from := min(int(a)*i, len(data))
			messages = append(messages, data[from:min(from+int(b)+i, len(data))])
		}
		var h hasher
		out := make([][md5.Size]byte, len(messages))
		h.sums(out, messages)
		for i, m := range messages {
			if out[i] != md5.Sum(m) {
				t.Fatalf("message %d of %d bytes", i, len(m))
			}
		}
	})
}

func BenchmarkSums(b *testing.B) {
	for _, size := range []int{40, 500, 1448} {
		messages := make([][]byte, 1000)
		for i := range messages {
			messages[i] = make([]byte, size)
		}
		out := make([][md5.Size]byte, len(messages))
		b.Run("lanes-"+itoa(size), func(b *testing.B) {
			var h hasher
			b.SetBytes(int64(size * len(messages)))
			for b.Loop() {
				h.sums(out, messages)
			}
		})
		b.Run("library-"+itoa(size), func(b *testing.B) {
			b.SetBytes(int64(size * len(messages)))
			for b.Loop() {
				for i, m := range messages {
					out[i] = md5.Sum(m)
				}
			}
		})
	}
}
