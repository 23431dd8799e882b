package app

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A fingerprint does not depend on what was fingerprinted before: lists come again, share
// their beginnings, are longer than what is remembered, and push each other out.
func TestFingerprintsRemembered(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	type hello struct{ ciphers, extensions, signatures []uint16 }
	numbers := func(most int) []uint16 {
		list := make([]uint16, rng.IntN(most))
		for i := range list {
			list[i] = uint16(rng.IntN(64) * 17)
		}
		return list
	}
	hellos := make([]hello, 3*memoPlaces)
	for i := range hellos {
		h := hello{numbers(2 * memoLength), numbers(40), nil}
		if len(h.extensions) > 0 && rng.IntN(2) == 0 {
			h.signatures = numbers(20)
		}
		if i > 0 && rng.IntN(3) == 0 { // what is behind the mark in one list is where another ends
			last := hellos[i-1]
			both := slices.Concat(last.extensions, last.signatures)
			cut := rng.IntN(len(both) + 1)
			h.extensions, h.signatures = both[:cut], both[cut:]
			if cut == 0 {
				h.signatures = nil
			}
		}
		hellos[i] = h
	}
	set := func(r *Recognizer, h hello) string {
		r.hello.version = 0x0303
		r.hello.nciphers = copy(r.hello.ciphers[:], h.ciphers)
		r.hello.next = copy(r.hello.extensions[:], h.extensions)
		r.hello.nsigs = copy(r.hello.signatures[:], h.signatures)
		return string(r.fingerprint('t'))
	}
	long := NewRecognizer(Options{})
	known := 0
	for range 4 * len(hellos) {
		h := hellos[min(rng.IntN(len(hellos)), rng.IntN(len(hellos)))]
		if _, ok := long.memo.place(h.ciphers); ok {
			known++
		}
		if got, want := set(long, h), set(NewRecognizer(Options{}), h); got != want {
			t.Fatalf("%+v: %s, and %s for one who sees it first", h, got, want)
		}
	}
	if known < len(hellos)/4 {
		t.Errorf("only %d lists came again", known)
	}
}
