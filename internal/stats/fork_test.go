package stats

import (
	"reflect"
	"testing"
)

// TestFork counts the same with a goroutine for the destinations.
func TestFork(t *testing.T) {
	for _, exact := range []int{MaxExact, 300} {
		rows := traffic(21, 100_000, 4_000)
		alone, forked := newCounters(exact, 64), newCounters(exact, 64)
		for n := 1; len(rows) > 0; n = n*3%2048 + 1 {
			n = min(n, len(rows))
			if len(rows)%5 == 0 {
				forked.Join()
			} else {
				forked.Fork()
			}
			alone.Apply(rows[:n])
			forked.Apply(rows[:n])
			rows = rows[n:]
		}
		forked.Join()
		a, f := alone.Snapshot(1000), forked.Snapshot(1000)
		if exact < MaxExact {
			// In which order addresses of both kinds come to the sketch is up to the blocks.
			if f.Dests.Approximate != a.Dests.Approximate || len(f.Dests.Rows) != len(a.Dests.Rows) {
				t.Errorf("%d destinations, alone %d", len(f.Dests.Rows), len(a.Dests.Rows))
			}
			f.Dests, a.Dests = Top{}, Top{}
		}
		if !reflect.DeepEqual(a, f) {
			t.Errorf("forked:\n%+v\nalone:\n%+v", f, a)
		}
	}
}
