package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// feed counts one packet of 100 bytes at each time given in seconds.
func feed(seconds ...int64) *timeline {
	t := new(timeline)
	for _, s := range seconds {
		t.add(s*second+5, 100)
	}
	t.flush()
	return t
}

func TestRecent(t *testing.T) {
	for _, tc := range []struct {
		name    string
		seconds []int64
		newest  int64
		tail    []uint64 // packets of the newest seconds, newest last
		late    uint64
	}{
		{"in order", []int64{100, 100, 101, 103}, 103, []uint64{2, 1, 0, 1}, 0},
		{"a little out of order", []int64{100, 103, 101, 103}, 103, []uint64{1, 1, 0, 2}, 0},
		{"a long silence", []int64{100, 1000}, 1000, []uint64{0, 0, 1}, 0},
		{"one packet too old", []int64{1000, 500, 1001}, 1001, []uint64{0, 1, 1}, 1},
		{"before 1970", []int64{-3, -2, -2}, -2, []uint64{0, 1, 2}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &feed(tc.seconds...).recent
			s := r.series()
			if len(s.Points) != RecentSeconds || s.Start+RecentSeconds-1 != tc.newest {
				t.Fatalf("%d points from %d, newest %d expected", len(s.Points), s.Start, tc.newest)
			}
			got := make([]uint64, len(tc.tail))
			for i := range got {
				got[i] = s.Points[RecentSeconds-len(got)+i].Packets
			}
			if !slices.Equal(got, tc.tail) || r.late != tc.late {
				t.Errorf("tail %v, late %d; want %v, %d", got, r.late, tc.tail, tc.late)
			}
		})
	}
}

// TestRecentBelievesTheClock: one time stamp in the far future does not stop the series
// for ever.
func TestRecentBelievesTheClock(t *testing.T) {
	seconds := []int64{100, 4_000_000_000}
	for i := range int64(40) {
		seconds = append(seconds, 101+i)
	}
	r := &feed(seconds...).recent
	if r.newest != 140 || r.late != resetAfter {
		t.Errorf("newest %d, late %d", r.newest, r.late)
	}
}

func TestBuckets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	random := func(n int, span int64) []int64 {
		s := make([]int64, n)
		for i := range s {
			s[i] = rnd.Int64N(span) - span/3
		}
		return s
	}
	backwards := make([]int64, 10_000)
	for i := range backwards {
		backwards[i] = int64(-i)
	}
	for _, tc := range []struct {
		name    string
		seconds []int64
		width   int64
	}{
		{"one", []int64{7}, 1},
		{"just fits", []int64{0, MaxBuckets - 1}, 1},
		{"just does not", []int64{0, MaxBuckets}, 2},
		{"backwards", backwards, 4},
		{"an hour, any order", random(5000, 3600), 1},
		{"a century, any order", random(5000, 100*365*86400), 1 << 20},
		{"the ends of time", []int64{math.MinInt64 / second, 0, math.MaxInt64/second - 1}, 1 << 23},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := &feed(tc.seconds...).whole
			s := b.series()
			if s.Width != tc.width || len(s.Points) > MaxBuckets {
				t.Fatalf("%d points of %d s, want width %d", len(s.Points), s.Width, tc.width)
			}
			want := make([]uint64, len(s.Points))
			for _, sec := range tc.seconds {
				want[floorDiv(sec-s.Start, s.Width)]++
			}
			for i, p := range s.Points {
				if p.Packets != want[i] || p.Bytes != 100*want[i] {
					t.Fatalf("point %d holds %v, want %d packets", i, p, want[i])
				}
			}
			if first, last := s.Points[0], s.Points[len(s.Points)-1]; first.Packets == 0 && s.Width == 1 || last.Packets == 0 {
				t.Errorf("empty at an end: %v … %v", first, last)
			}
		})
	}
}

func TestBucketsMerge(t *testing.T) {
	for _, tc := range []struct {
		name string
		a, b []int64
	}{
		{"same width", []int64{1, 2, 3}, []int64{2, 9}},
		{"theirs wider", []int64{5_000, 5_001}, []int64{0, 9_000}},
		{"ours wider", []int64{0, 90_000}, []int64{5, 6}},
		{"far apart", []int64{0}, []int64{1 << 30}},
		{"theirs empty", []int64{4}, nil},
		{"ours empty", nil, []int64{4, 40_000}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := feed(tc.a...), feed(tc.b...)
			a.merge(b)
			sum := uint64(0)
			for _, p := range a.whole.points {
				sum += p.Packets
			}
			if sum != uint64(len(tc.a)+len(tc.b)) || len(a.whole.points) > MaxBuckets {
				t.Errorf("%d packets in %d points of %d s", sum, len(a.whole.points), a.whole.width)
			}
			if a.recent.behind != 0 {
				t.Error("merging counted as a clock that was set back")
			}
		})
	}
}

func TestNoTime(t *testing.T) {
	c := New()
	rows := traffic(1, 10, 10)
	for i := range rows {
		rows[i].Time = 0
	}
	c.Apply(rows)
	if s := c.Snapshot(1); s.Timed != 0 || s.First != 0 || s.Last != 0 || len(c.Whole().Points) != 0 {
		t.Errorf("packets without time made a time: %+v", s)
	}
}
