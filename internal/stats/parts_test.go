package stats

import (
	"reflect"
	"sync"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// share gives rows to n Parts in runs, each run to whoever comes, and joins them.
func share(rows []packet.Summary, p *Parts, n int) *Counters {
	const run = 700
	runs := make(chan []packet.Summary, len(rows)/run+1)
	for len(rows) > 0 {
		k := min(run, len(rows))
		runs <- rows[:k]
		rows = rows[k:]
	}
	close(runs)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for r := range runs {
				p.At(i).Apply(r)
			}
		})
	}
	wg.Wait()
	return p.Join()
}

// withoutSeries is what Parts and Counters must agree on.
func withoutSeries(c *Counters, n int) *Snapshot {
	s := c.Snapshot(n)
	s.Recent, s.Late = Series{}, 0
	return s
}

func TestPartsCountWhatOneCounts(t *testing.T) {
	rows := traffic(22, 30_000, 3_000)
	for i := range rows {
		rows[i].Number = uint64(i) + 1
		if i%7 == 0 { // more EtherTypes than have a place of their own
			rows[i].Outer, rows[i].EtherType = packet.Tuple{}, uint16(i*i%4099)
		}
	}
	alone := New()
	alone.Apply(rows)
	if alone.etherX.Packets == 0 {
		t.Fatal("no EtherTypes beyond the first")
	}
	for _, n := range []int{1, 3} {
		for _, addresses := range []int{10, 1000, partAddresses} { // tables that are emptied often, sometimes, never
			p := newParts(n, New(), addresses)
			got := share(rows, p, n)
			if p.Lost() {
				t.Error("lost")
			}
			for _, top := range []int{5, 300, 10_000} {
				if g, w := withoutSeries(got, top), withoutSeries(alone, top); !reflect.DeepEqual(g, w) {
					t.Errorf("%d parts of %d addresses, top %d:\n%+v\nalone:\n%+v", n, addresses, top, g, w)
				}
			}
			if got.Outcomes() != alone.Outcomes() {
				t.Errorf("outcomes %v, alone %v", got.Outcomes(), alone.Outcomes())
			}
		}
	}
}

func TestPartsSayThatOrderCounts(t *testing.T) {
	rows := traffic(23, 20_000, 4_000)
	for i := range rows {
		rows[i].Number = uint64(i) + 1
	}
	known := New()
	known.Apply(rows)
	distinct := int(max(known.src.exact.distinct(), known.dst.exact.distinct()))
	for _, room := range []int{distinct - 1, distinct} {
		p := newParts(2, newCounters(room, 64), 500)
		share(rows, p, 2)
		if want := room < distinct; p.Lost() != want {
			t.Errorf("room for %d of %d addresses: lost %v", room, distinct, p.Lost())
		}
	}
}

func TestPartDoesNotAllocate(t *testing.T) {
	rows := traffic(24, 4_096, 500)
	p := newParts(1, New(), 100)
	p.At(0).Apply(rows)
	if n := testing.AllocsPerRun(20, func() { p.At(0).Apply(rows) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParts(b *testing.B) {
	for name, rows := range map[string][]packet.Summary{"200 addresses": benchRows(1<<13, 200), "20k addresses": benchRows(1<<16, 20_000)} {
		b.Run(name, func(b *testing.B) {
			p := NewParts(1).At(0)
			p.Apply(rows)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				at := n * 4096 % len(rows)
				p.Apply(rows[at : at+4096])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/packet")
		})
	}
}
