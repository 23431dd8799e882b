package flow

// How many things a onces keeps, and how many share a place: two lines of the cache.
const (
	onceLimit = 1 << 16
	onceWays  = 4
)

// once is something that has happened once.
type once struct {
	hash  uint64 // 0: none
	time  int64
	frame uint64
}

// onces remembers what has happened once, so that what happens a second time is known by
// it: nearly all that a capture shows does not, and would push what does out of a larger
// table. Where the places of a hash are taken the oldest makes room.
type onces struct {
	sets    [][onceWays]once // taken when the first one comes
	evicted uint64
}

// again returns the first time of a hash, which it forgets, and true when it has happened
// before; else it keeps this one.
func (o *onces) again(hash uint64, time int64, frame uint64) (first once, known bool) {
	if o.sets == nil {
		o.sets = make([][onceWays]once, onceLimit/onceWays)
	}
	hash |= 1 // 0 means none
	set := &o.sets[hash>>32%(onceLimit/onceWays)]
	for i := range set {
		if set[i].hash == hash {
			first = set[i]
			copy(set[i:], set[i+1:])
			set[onceWays-1] = once{}
			return first, true
		}
	}
	if set[onceWays-1].hash != 0 {
		o.evicted++
	}
	copy(set[1:], set[:])
	set[0] = once{hash: hash, time: time, frame: frame}
	return once{}, false
}
