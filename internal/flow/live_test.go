package flow

import (
	"math/bits"
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
