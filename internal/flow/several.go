package flow

// How many values a values keeps, and how many share a place: half a line of the cache.
const (
	valueLimit = 1 << 17
	valueWays  = 4
)

// values remembers which things have been seen lately. Where the places of a hash are
// taken the one that was not seen for longest makes room.
type values struct {
	sets    [][valueWays]uint64 // taken when the first one comes; 0: none
	evicted uint64
}

// known reports that a hash was seen before, and keeps it.
func (v *values) known(hash uint64) bool {
	if v.sets == nil {
		v.sets = make([][valueWays]uint64, valueLimit/valueWays)
	}
	hash |= 1 // 0 means none
	set := &v.sets[hash>>32%(valueLimit/valueWays)]
	last := valueWays - 1
	for i := range set {
		if set[i] == hash {
			last = i
			break
		}
	}
	known := set[last] == hash
	if !known && set[last] != 0 {
		v.evicted++
	}
	copy(set[1:last+1], set[:last])
	set[0] = hash
	return known
}

// several counts different things. The number is exact as long as the Watch's values
// remember them; when they have forgotten, things that come again count twice, which the
// sketch keeps within half of the truth up to a thousand.
type several struct {
	n      uint32
	sketch distinct
}

// add counts a thing of an owner and reports whether it is a new one.
func (s *several) add(v *values, owner, thing uint64) bool {
	s.sketch.add(thing)
	if v.known(owner*0x9e3779b97f4a7c15 ^ thing) {
		return false
	}
	s.n++
	return true
}

// distinctMax is the largest number that a distinct tells.
const distinctMax = 1419

func (s *several) count() int {
	about := s.sketch.count()
	if about == distinctMax || int(s.n) <= about+about/2+8 {
		return int(s.n)
	}
	return about
}
