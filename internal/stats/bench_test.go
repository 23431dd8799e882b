package stats

import (
	"math/rand/v2"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

func BenchmarkApply(b *testing.B) {
	for _, bc := range []struct {
		name string
		rows []packet.Summary
	}{
		{"2 addresses", benchRows(1<<13, 2)},
		{"200 addresses", benchRows(1<<13, 200)},
		{"20k addresses", benchRows(1<<16, 20_000)},
		{"500k addresses", benchRows(1<<20, 500_000)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			c := New()
			c.Apply(bc.rows)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				at := n * 4096 % len(bc.rows)
				c.Apply(bc.rows[at : at+4096])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/packet")
		})
	}
	b.Run("sketch flood", func(b *testing.B) {
		c := newCounters(1024, SketchSize)
		rows := benchRows(4096, 1<<31)
		next := uint32(0)
		for b.Loop() {
			b.StopTimer()
			for i := range rows {
				next++
				rows[i].Outer.Src = v4(next)
			}
			b.StartTimer()
			c.Apply(rows)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/packet")
	})
}

func BenchmarkSnapshot(b *testing.B) {
	for name, rows := range map[string][]packet.Summary{"200 addresses": benchRows(1<<15, 200), "500k addresses": benchRows(1<<21, 500_000)} {
		b.Run(name, func(b *testing.B) {
			c := New()
			c.Apply(rows)
			b.ReportAllocs()
			for b.Loop() {
				c.Snapshot(5)
			}
		})
	}
}

func benchRows(n int, addresses uint32) []packet.Summary {
	rnd := rand.New(rand.NewPCG(1, 2))
	rows := make([]packet.Summary, n)
	for i := range rows {
		rows[i] = row(rnd.Uint32N(addresses), rnd.Uint32N(addresses), 60+rnd.Uint32N(1400))
		rows[i].Time += int64(i) * 1000
	}
	return rows
}
