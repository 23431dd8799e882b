package app

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestPartialAgainstNaive inserts random pieces and compares with a plain array.
func TestPartialAgainstNaive(t *testing.T) {
	const size = 600
	rng := rand.New(rand.NewPCG(11, 12))
	for range 2000 {
		var p pool
		p.init(1, size)
		q, _, _ := p.take(kindTLS, 0)
		var have [size]bool
		var want [size]byte
		dropped := false
		for range 1 + rng.IntN(60) {
			off, n := rng.IntN(size+100)-50, rng.IntN(40)
			piece := make([]byte, n)
			for i := range piece {
				piece[i] = byte(rng.Uint32())
			}
			if q.insert(int64(off), piece) {
				dropped = true
				break
			}
			for i, b := range piece {
				if at := off + i; at >= 0 && at < size && !have[at] {
					have[at], want[at] = true, b
				}
			}
			if rng.IntN(10) == 0 {
				k := rng.IntN(q.n + 1)
				q.discard(k)
				copy(have[:], have[k:])
				copy(want[:], want[k:])
				clear(have[size-k:])
			}
		}
		n := 0
		for n < size && have[n] {
			n++
		}
		if q.n != n && !dropped {
			t.Fatalf("contiguous %d, want %d", q.n, n)
		}
		if !bytes.Equal(q.buf[:q.n], want[:q.n]) {
			t.Fatal("bytes differ: the first copy must win")
		}
	}
}

func TestPoolEvictsOldest(t *testing.T) {
	var p pool
	p.init(3, 64)
	var handles []uint32
	for i := range 5 {
		_, h, evicted := p.take(kindTLS, uint32(i))
		if evicted != (i >= 3) || h == 0 {
			t.Fatalf("take %d: evicted %v, handle %#x", i, evicted, h)
		}
		handles = append(handles, h)
	}
	for i, h := range handles {
		if held := p.get(h) != nil; held != (i >= 2) {
			t.Errorf("message %d: held %v", i, held)
		}
	}
	p.release(handles[3])
	p.release(handles[3]) // void by now
	p.release(0)
	p.release(0xffffffff)
	if p.used != 2 {
		t.Errorf("%d in use", p.used)
	}
	if _, _, evicted := p.take(kindTLS, 9); evicted {
		t.Error("a free slot was not used")
	}
}

// TestFlowStateIsSmall: it lies in every flow's record.
func TestFlowStateIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(FlowState{}); n > 16 {
		t.Errorf("FlowState has %d bytes", n)
	}
}

// TestPoolUnderFlood: more unfinished messages than buffers; memory stays, all is counted,
// and a flow whose buffer was taken away goes on.
func TestPoolUnderFlood(t *testing.T) {
	r := NewRecognizer(Options{Partials: 8, PartialBytes: 2048})
	whole := record(exampleHello(t), maxRecord)
	flows := make([]FlowState, 100)
	for i := range flows {
		if o := r.Segment(&flows[i], &Segment{Transport: 6, FromClient: true, Payload: whole[:100]}); o != OutcomePartial {
			t.Fatalf("flow %d: %v", i, o)
		}
	}
	found := 0
	for i := range flows {
		if r.Segment(&flows[i], &Segment{Transport: 6, FromClient: true, Seq: 100, Payload: whole[100:]}) == OutcomeFields {
			found++
		}
	}
	c := r.Counters()
	if found != 8 || c.PartialsEvicted != 92 || c.PartialsLost != 92 || c.PartialsStarted != 100 || c.PartialsFinished != 8 {
		t.Errorf("found %d, %+v", found, c)
	}
	// A flow that ends gives its buffer back.
	var st FlowState
	r.Segment(&st, &Segment{Transport: 6, FromClient: true, Payload: whole[:100]})
	before := r.Partials()
	r.Release(&st)
	if r.Partials() != before-1 {
		t.Error("nothing was released")
	}
}
