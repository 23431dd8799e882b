package flow

import (
	"math"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// aConnection is opened, used and closed, one packet a millisecond from a time on.
func aConnection(client string, at time.Duration) []segment {
	server := "10.0.0.9:80"
	return []segment{
		{after: at, src: client, dst: server, flags: "S", seq: 100, window: 1000},
		{after: ms, src: server, dst: client, flags: "SA", seq: 500, ack: 101, window: 1000},
		{after: ms, src: client, dst: server, flags: "A", seq: 101, ack: 501, window: 1000},
		{after: ms, src: client, dst: server, flags: "PA", seq: 101, ack: 501, window: 1000, length: 10},
		{after: ms, src: server, dst: client, flags: "FA", seq: 501, ack: 111, window: 1000},
		{after: ms, src: client, dst: server, flags: "FA", seq: 111, ack: 502, window: 1000},
	}
}

// A flow whose packets come again and again with their old times is one flow: it ages by the
// time at which they were heard.
func TestOldTimesAgeByTheCapturesClock(t *testing.T) {
	sc := &scene{}
	for _, g := range aConnection("10.0.0.1:1000", 0) {
		sc.add(g)
	}
	again := sc.rows[len(sc.rows)-1]
	for range 40 { // every 5 s of the clock, for 200 s
		for _, g := range aConnection("10.0.0.2:2000", 5*time.Second) {
			sc.add(g)
		}
		again.Number = uint64(len(sc.rows) + 1)
		sc.rows = append(sc.rows, again)
	}
	var ends []Flow
	table := NewTable(Options{Ended: func(f *Flow) { ends = append(ends, *f) }})
	sc.apply(table)
	table.Drain()
	var first []Flow
	for _, f := range ends {
		if f.Stream == 0 {
			first = append(first, f)
		}
	}
	if len(first) != 1 || first[0].Packets() != 46 || first[0].Start != sc.rows[0].Time || first[0].Last != sc.rows[5].Time {
		t.Errorf("%d flows: %+v", len(first), first)
	}
	if c := table.Counters(); c.BackInTime != 0 || c.LateLost != 0 {
		t.Errorf("%+v", c)
	}
	if len(table.late) != 0 {
		t.Errorf("%d times are kept behind the end", len(table.late))
	}
}

// Start and Last are the earliest and the latest time, in whatever order packets come.
func TestTimesOutOfOrder(t *testing.T) {
	sc := &scene{}
	for _, g := range aConnection("10.0.0.1:1000", 0) {
		sc.add(g)
	}
	low, high := sc.rows[0].Time-7, sc.rows[5].Time+9
	sc.rows[2].Time, sc.rows[4].Time = low, high
	table := NewTable(Options{})
	notes := sc.apply(table)
	var f Flow
	if !table.Get(&notes[5], &f) || f.Start != low || f.Last != high || f.Duration() != high-low {
		t.Errorf("from %d to %d, want %d to %d", f.Start, f.Last, low, high)
	}
	if want := sc.rows[5].Time - high; notes[5].TimeDelta != want {
		t.Errorf("delta %d, want %d", notes[5].TimeDelta, want)
	}
	// The next packet makes up for it.
	next := sc.rows[5]
	next.Time = high + 1
	table.Apply([]packet.Summary{next}, nil, notes)
	if len(table.late) != 0 || !table.Get(&notes[0], &f) || f.Last != high+1 {
		t.Errorf("%d times kept, last %d", len(table.late), f.Last)
	}
}

// A clock that was set back goes on from there: what is silent then ends.
func TestClockSetBack(t *testing.T) {
	table := NewTable(Options{})
	notes := make([]Note, 64)
	at := sceneStart
	feed := func(count int, source uint32) {
		for range count {
			rows := flood(len(notes), source)
			for i := range rows {
				at += int64(ms)
				rows[i].Time = at
			}
			table.Apply(rows, nil, notes)
		}
	}
	feed(40, 0)
	at -= int64(time.Hour)
	feed(40, 1000) // 2560 packets
	if table.clock.now != at {
		t.Errorf("the clock is %v ahead", time.Duration(table.clock.now-at))
	}
	idle := table.Counters().Idle
	at += int64(2 * time.Minute)
	feed(600, 2000)
	if n := table.Counters().Idle - idle; n < 64 {
		t.Errorf("%d flows ended of those that are silent", n)
	}
	if c := table.Counters(); c.Memory > c.Cap {
		t.Errorf("%+v", c)
	}
}

// However many flows bring old times, what is kept of them is bounded and counted.
func TestLateFlowsAreBounded(t *testing.T) {
	table := NewTable(Options{Memory: MinMemory})
	notes := make([]Note, 64)
	for i := range 2000 {
		rows := flood(len(notes), uint32(i*len(notes)))
		for j := range rows {
			rows[j].Time = sceneStart
			if j%8 != 0 {
				rows[j].Time -= int64(time.Minute)
			}
		}
		table.Apply(rows, nil, notes)
		if c := table.Counters(); len(table.late) > int(table.limit/lateShare) || c.Memory > c.Cap {
			t.Fatalf("%d kept: %+v", len(table.late), c)
		}
	}
	if table.Counters().LateLost == 0 {
		t.Error("nothing was lost")
	}
}

func TestClockAtTheEdges(t *testing.T) {
	c := newClock()
	for _, at := range []int64{math.MinInt64, 0, math.MinInt64 + 5, math.MaxInt64, math.MinInt64} {
		c.hear(at)
	}
	if c.now != math.MaxInt64 {
		t.Errorf("%+v", c)
	}
	for range setBack {
		c.hear(math.MinInt64)
	}
	if c.now != math.MinInt64 || c.floor != math.MinInt64 {
		t.Errorf("%+v", c)
	}
}
