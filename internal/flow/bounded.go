package flow

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// bounded is a map from 64-bit hashes to values with a fixed number of places. When it is
// full the value that was not looked at for longest makes room (CLOCK). Two keys with the
// same hash share a value: with 64 secret bits that does not happen by chance.
type bounded[V any] struct {
	slots   slots
	entries []boundedEntry[V]
	limit   int
	hand    int
	evicted uint64
}

type boundedEntry[V any] struct {
	hash  uint64
	ref   bool
	value V
}

// newBounded returns a table for limit values. It allocates them as they come.
func newBounded[V any](limit int) bounded[V] {
	return bounded[V]{slots: newSlots(16), limit: max(limit, 1)}
}

// get returns the value of a hash, nil when there is none. It is valid until the next
// call of put.
func (b *bounded[V]) get(hash uint64) *V {
	h := uint32(hash)
	for i := h & b.slots.mask; ; i = (i + 1) & b.slots.mask {
		c := b.slots.cell[i]
		if c == 0 {
			return nil
		}
		if uint32(c>>32) == h {
			if e := &b.entries[uint32(c)-1]; e.hash == hash {
				e.ref = true
				return &e.value
			}
		}
	}
}

// put returns the value of a hash, a zero one and true when it was not there.
func (b *bounded[V]) put(hash uint64) (v *V, fresh bool) {
	if v := b.get(hash); v != nil {
		return v, false
	}
	i := len(b.entries)
	if i < b.limit {
		if i == cap(b.entries) {
			b.entries = append(make([]boundedEntry[V], 0, min(b.limit, max(64, 4*i))), b.entries...)
		}
		b.entries = append(b.entries, boundedEntry[V]{})
	} else {
		for b.entries[b.hand].ref {
			b.entries[b.hand].ref = false
			b.hand = (b.hand + 1) % b.limit
		}
		i = b.hand
		b.hand = (b.hand + 1) % b.limit
		b.slots.remove(uint32(b.entries[i].hash), uint32(i))
		b.evicted++
	}
	e := &b.entries[i]
	*e = boundedEntry[V]{hash: hash, ref: true}
	if b.slots.full() {
		b.slots.grow()
	}
	b.slots.insert(uint32(hash), uint32(i))
	return &e.value, true
}

// mixer hashes a few words with a secret.
type mixer struct{ a, b uint64 }

func newMixer() mixer { return mixer{rand.Uint64() | 1, rand.Uint64() | 1} }

func (m mixer) words(x, y, z uint64) uint64 {
	h, l := bits.Mul64(x^m.a, y^m.b)
	h, l = bits.Mul64(h^l^z, m.a^bits.RotateLeft64(m.b, 17))
	return h ^ l
}

// bytes hashes up to 256 bytes and their number.
func (m mixer) bytes(b []byte) uint64 {
	h := uint64(len(b)) ^ m.b
	for len(b) >= 8 {
		x := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		hi, lo := bits.Mul64(h^x, m.a)
		h = hi ^ lo
		b = b[8:]
	}
	var x uint64
	for i, c := range b {
		x |= uint64(c) << (8 * i)
	}
	return m.words(h, x, uint64(len(b)))
}

// distinct estimates how many different hashes it was shown, up to about a thousand, in
// 32 bytes (linear counting).
type distinct [4]uint64

// add shows a hash and reports whether it is new to the sketch.
func (d *distinct) add(hash uint64) bool {
	i := hash >> 56
	bit := uint64(1) << (i & 63)
	if d[i>>6]&bit != 0 {
		return false
	}
	d[i>>6] |= bit
	return true
}

func (d *distinct) count() int {
	ones := 0
	for _, w := range d {
		ones += bits.OnesCount64(w)
	}
	if ones == 256 {
		return distinctMax // the estimate for 255 of 256
	}
	return int(math.Round(-256 * math.Log(1-float64(ones)/256)))
}

// rhythm is what the intervals between repeated events look like: all of them at first,
// then mostly the latest rhythmMemory, so that what becomes regular is seen.
type rhythm struct {
	last     int64 // ns
	n        uint32
	mean, m2 float64 // seconds; Welford's running variance
}

const rhythmMemory = 64

// beat notes an event. It ignores a clock that runs back.
func (r *rhythm) beat(now int64) {
	if r.last != 0 && now > r.last {
		if r.n < rhythmMemory {
			r.n++
		} else {
			r.m2 -= r.m2 / rhythmMemory
		}
		x := float64(now-r.last) / 1e9
		d := x - r.mean
		r.mean += d / float64(r.n)
		r.m2 += d * (x - r.mean)
	}
	r.last = now
}

// spread returns the standard deviation relative to the mean.
func (r *rhythm) spread() float64 {
	if r.n < 2 || r.mean <= 0 {
		return math.Inf(1)
	}
	return math.Sqrt(r.m2/float64(r.n-1)) / r.mean
}
