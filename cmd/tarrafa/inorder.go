package main

import (
	"runtime"
	"sync"
)

// mostWorkers share the work on a file: with more, the reading itself is the limit.
const mostWorkers = 4

// fileWorkers is how many workers share the work on a file.
func fileWorkers() int { return min(runtime.GOMAXPROCS(0), mostWorkers) }

// inOrder does in order what several workers finish in any order. Nobody waits for his
// turn: who finishes what is next does it, with all that was left behind it by others; who
// finishes something else, or comes while somebody is at it, leaves his there.
type inOrder[T any] struct {
	do func(T)

	mu      sync.Mutex
	done    sync.Cond
	next    int64 // the first that is not done
	ready   []left[T]
	working bool // somebody is at it
}

type left[T any] struct {
	what T
	here bool
}

// newInOrder makes an inOrder whose workers may be ahead by so many.
func newInOrder[T any](ahead int, do func(T)) *inOrder[T] {
	o := &inOrder[T]{do: do, ready: make([]left[T], ahead)}
	o.done.L = &o.mu
	return o
}

// wait waits until the worker on number n, from 0, is not too far ahead.
func (o *inOrder[T]) wait(n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n-o.next >= int64(len(o.ready)) {
		o.done.Wait()
	}
}

// finish hands over what number n has come to. Every number must come, once, after wait.
func (o *inOrder[T]) finish(n int64, what T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ready[n%int64(len(o.ready))] = left[T]{what, true}
	if o.working {
		return
	}
	o.working = true
	for {
		at := &o.ready[o.next%int64(len(o.ready))]
		if !at.here {
			break
		}
		what := at.what
		*at = left[T]{}
		o.mu.Unlock()
		o.do(what)
		o.mu.Lock()
		o.next++
		o.done.Broadcast()
	}
	o.working = false
}
