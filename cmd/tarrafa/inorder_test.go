package main

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// What is finished in any order is done in order, once, by one at a time, and nobody is
// further ahead than agreed.
func TestInOrder(t *testing.T) {
	const all, ahead = 3000, 4
	var done []int64
	var busy, next atomic.Int64
	o := newInOrder(ahead, func(n int64) {
		if busy.Add(1) > 1 {
			t.Error("two at a time")
		}
		runtime.Gosched()
		done = append(done, n)
		busy.Add(-1)
	})
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			for n := next.Add(1) - 1; n < all; n = next.Add(1) - 1 {
				o.wait(n)
				o.mu.Lock()
				if n >= o.next+ahead {
					t.Errorf("%d is worked on, and %d is not done", n, o.next)
				}
				o.mu.Unlock()
				for range rng.IntN(20) {
					runtime.Gosched()
				}
				o.finish(n, n)
			}
		})
	}
	wg.Wait()
	if len(done) != all || !slices.IsSorted(done) {
		t.Errorf("%d of %d, in order: %v", len(done), all, slices.IsSorted(done))
	}
}
