package stats

// RecentSeconds is how many of the newest seconds are known one by one.
const RecentSeconds = 128

// MaxBuckets is the most points that a [Series] over the whole time has.
const MaxBuckets = 4096

// resetAfter is how many seconds in a row may fall behind the newest RecentSeconds
// before they are believed: the clock was set back, or one time stamp lay far ahead.
const resetAfter = 16

const second = int64(1e9)

// Point is what was seen in one stretch of a [Series].
type Point = Count

// Series is traffic over time. Point i covers Width seconds from Start + i × Width.
type Series struct {
	Start  int64   `json:"start"` // seconds since 1970-01-01 UTC
	Width  int64   `json:"width"` // of one point, seconds
	Points []Point `json:"points"`
}

// timeline collects the packets of the current second and hands each finished second to
// both series, so that the work per packet is one comparison and two additions.
type timeline struct {
	from   int64 // ns: start of the current second
	sec    int64 // the current second
	open   bool
	now    Count
	recent recent
	whole  buckets
}

func (t *timeline) add(time int64, size uint64) {
	if uint64(time-t.from) >= uint64(second) || !t.open {
		t.turn(time)
	}
	t.now.Packets++
	t.now.Bytes += size
}

// turn makes the second that holds time the current one.
func (t *timeline) turn(time int64) {
	t.flush()
	t.sec = floorDiv(time, second)
	t.from, t.open = t.sec*second, true
}

func (t *timeline) flush() {
	if t.now.Packets == 0 {
		return
	}
	t.recent.add(t.sec, t.now)
	t.whole.add(t.sec, t.now)
	t.now = Count{}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// recent is a ring of the newest seconds.
type recent struct {
	used   bool
	newest int64 // second
	ring   [RecentSeconds]Count
	late   uint64 // packets that were older than the ring
	behind int    // late seconds in a row
}

func (r *recent) add(sec int64, n Count) {
	if r.used && sec <= r.newest-RecentSeconds {
		r.late += n.Packets
		r.behind++
		if r.behind < resetAfter {
			return
		}
		r.used = false
	}
	r.behind = 0
	if !r.used || sec-r.newest >= RecentSeconds {
		r.ring = [RecentSeconds]Count{}
		r.newest, r.used = sec, true
	}
	for r.newest < sec {
		r.newest++
		r.ring[r.newest&(RecentSeconds-1)] = Count{}
	}
	r.ring[sec&(RecentSeconds-1)].add(n)
}

func (r *recent) series() Series {
	s := Series{Width: 1}
	if !r.used {
		return s
	}
	s.Start = r.newest - RecentSeconds + 1
	s.Points = make([]Point, RecentSeconds)
	for i := range s.Points {
		s.Points[i] = r.ring[(s.Start+int64(i))&(RecentSeconds-1)]
	}
	return s
}

// buckets covers any time with at most MaxBuckets points: when they do not suffice, two
// become one. The width is a power of two of seconds.
type buckets struct {
	width  int64
	base   int64 // number of the first bucket: floor(second / width)
	points []Point
}

func (b *buckets) add(sec int64, n Count) {
	if len(b.points) == 0 {
		if b.points == nil {
			b.points = make([]Point, 0, MaxBuckets)
		}
		b.width, b.base = 1, sec
	}
	b.reach(sec, sec)
	b.points[floorDiv(sec, b.width)-b.base].add(n)
}

// reach makes room for the seconds from lo to hi.
func (b *buckets) reach(lo, hi int64) {
	last := b.base + int64(len(b.points)) - 1
	first := b.base
	if len(b.points) == 0 {
		first, last = floorDiv(lo, b.width), floorDiv(hi, b.width)
	}
	for {
		first, last = min(first, floorDiv(lo, b.width)), max(last, floorDiv(hi, b.width))
		if last-first < MaxBuckets {
			break
		}
		b.coarsen()
		first, last = floorDiv(first, 2), floorDiv(last, 2)
	}
	n := len(b.points)
	shift := 0
	if n > 0 {
		shift = int(b.base - first)
	}
	b.points = b.points[:last-first+1]
	if shift > 0 {
		copy(b.points[shift:], b.points[:n])
		clear(b.points[:shift])
	}
	clear(b.points[shift+n:])
	b.base = first
}

func (b *buckets) coarsen() {
	base := floorDiv(b.base, 2)
	n := 0
	for i := range b.points {
		p := b.points[i]
		at := int(floorDiv(b.base+int64(i), 2) - base)
		if at == n {
			b.points[at] = p
			n++
		} else {
			b.points[at].add(p)
		}
	}
	b.points = b.points[:n]
	b.base = base
	b.width *= 2
}

func (b *buckets) series() Series {
	s := Series{Start: b.base * b.width, Width: b.width}
	if len(b.points) > 0 {
		s.Points = append([]Point(nil), b.points...)
	}
	return s
}

// merge adds another timeline's points. What is too old for our newest seconds is left
// out of them and counted late.
func (t *timeline) merge(o *timeline) {
	t.flush()
	o.flush()
	t.whole.merge(&o.whole)
	t.recent.late += o.recent.late
	theirs := o.recent.series()
	for i, n := range theirs.Points {
		sec := theirs.Start + int64(i)
		switch {
		case n.Packets == 0:
		case t.recent.used && sec <= t.recent.newest-RecentSeconds:
			t.recent.late += n.Packets
		default:
			t.recent.add(sec, n)
		}
	}
}

// merge adds another's points, after making ours at least as wide: a point cannot be split.
func (b *buckets) merge(o *buckets) {
	if len(b.points) == 0 {
		b.width, b.base = o.width, o.base
		b.points = append(make([]Point, 0, MaxBuckets), o.points...)
		return
	}
	for b.width < o.width {
		b.coarsen()
	}
	for i, n := range o.points {
		if n.Packets > 0 {
			b.add((o.base+int64(i))*o.width, n)
		}
	}
}
