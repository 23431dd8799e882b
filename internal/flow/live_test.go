package flow

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"testing"
	"time"
)

// The bits by which the sweep finds the flows that are being counted are those of the
// records, whatever ends flows.
func TestLiveBits(t *testing.T) {
	table := NewTable(Options{Memory: MinMemory})
	notes := make([]Note, 64)
	for i := range 400 {
		rows := flood(len(notes), uint32(i*len(notes)/2)) // each source comes twice
		for j := range rows {
			rows[j].Time = sceneStart + int64(i)*int64(time.Second) + int64(j)
		}
		table.Apply(rows, nil, notes)
		if i%50 == 49 {
			table.Advance(rows[0].Time + int64(20*time.Second))
		}
		var n uint64
		for k := range table.fresh {
			live := table.live[k/64]>>(k%64)&1 != 0
			if live != (table.at(k).bits&bitLive != 0) {
				t.Fatalf("record %d: bit %v", k, live)
			}
		}
		for _, word := range table.live {
			n += uint64(bits.OnesCount64(word))
		}
		if c := table.Counters(); n != c.Live || c.Flows != c.Idle+c.Closed+c.Forced+c.Reused+c.Live || c.Memory > c.Cap {
			t.Fatalf("%d bits: %+v", n, c)
		}
	}
	if c := table.Counters(); c.Idle == 0 || c.Forced == 0 {
		t.Errorf("not all ways to end: %+v", c)
	}
	table.Drain()
	for _, word := range table.live {
		if word != 0 {
			t.Fatal("live after the end")
		}
	}
}

// Flows end at the same packets and times whether the silence is told while it lasts or
// seen in the packets afterwards.
func TestSilenceIsTheSameLiveAndLater(t *testing.T) {
	run := func(live bool) string {
		var b strings.Builder
		table := NewTable(Options{})
		table.ended = func(f *Flow) { fmt.Fprintf(&b, "%d %v at packet %d\n", f.ID, f.End, table.c.Packets) }
		notes := make([]Note, 16)
		now := sceneStart
		for i, gap := range []time.Duration{ms, 3 * time.Second, 59 * time.Second, 7 * time.Second, 75 * time.Second, 15 * time.Minute, time.Second} {
			if live {
				for late := 1500 * ms; late < gap; late += 1700 * ms { // timers are never on time
					table.Advance(now + int64(late))
				}
			}
			now += int64(gap)
			rows := flood(len(notes), uint32(i*10))
			for j := range rows {
				rows[j].Time = now
			}
			table.Apply(rows, nil, notes)
		}
		table.Drain()
		return b.String()
	}
	live, later := run(true), run(false)
	if live != later || !strings.Contains(later, "idle") || !strings.Contains(later, "drained") {
		t.Errorf("live\n%slater\n%s", live, later)
	}
}

// A clock that jumps by decades, forth and back, costs no more than the silence that it
// pretends: after the longest time that flows may be silent there is nothing to look for.
func TestClockThatJumps(t *testing.T) {
	table := NewTable(Options{})
	notes := make([]Note, 1)
	for i, at := range []int64{sceneStart, 1 << 32 * int64(time.Second), 0, math.MaxInt64, math.MinInt64, sceneStart + 1, math.MaxInt64 - 1} {
		rows := flood(1, uint32(i))
		rows[0].Time = at
		before := table.nextTick
		table.Apply(rows, nil, notes)
		if table.nextTick < before {
			t.Errorf("packet %d: silence counts from %d, before from %d", i, table.nextTick, before)
		}
	}
	if c := table.Counters(); c.Packets != 7 {
		t.Errorf("%d packets", c.Packets)
	}
	table.Advance(math.MaxInt64)
}
