package flow

import "math/bits"

// RTTBuckets is how many buckets an [RTT] has.
const RTTBuckets = 16

// RTT is a small distribution of round trip times. Bucket i counts times below
// 32 µs << i; the last one takes all that is longer (above about 0.5 s). Buckets stop at
// 65 535.
type RTT struct {
	Sum     uint64 // µs
	Count   uint32
	Min     uint32 // µs, rounded down
	Max     uint32 // µs, rounded down
	_       uint32
	Buckets [RTTBuckets]uint16
}

// RTTLimit returns the upper bound of a bucket in nanoseconds; the last bucket has none
// and returns 0.
func RTTLimit(bucket int) int64 {
	if bucket >= RTTBuckets-1 {
		return 0
	}
	return 32000 << bucket
}

// add counts one time. Negative times (a clock that was set back) are not counted.
func (r *RTT) add(ns int64) {
	if ns < 0 {
		return
	}
	us := uint32(min(ns/1000, 1<<32-1))
	if r.Count == 0 || us < r.Min {
		r.Min = us
	}
	r.Max = max(r.Max, us)
	r.Sum += uint64(us)
	r.Count++
	b := &r.Buckets[min(bits.Len32(us>>5), RTTBuckets-1)]
	if *b != 1<<16-1 {
		*b++
	}
}

// Mean returns the average in nanoseconds, 0 without a sample.
func (r *RTT) Mean() int64 {
	if r.Count == 0 {
		return 0
	}
	return int64(r.Sum) * 1000 / int64(r.Count)
}

// Quantile returns an upper bound of the q-quantile (0 < q ≤ 1) in nanoseconds: the limit
// of the bucket in which it lies, or the maximum when that is lower. 0 without a sample.
func (r *RTT) Quantile(q float64) int64 {
	var total uint64
	for _, n := range r.Buckets {
		total += uint64(n)
	}
	if total == 0 {
		return 0
	}
	limit := int64(r.Max)*1000 + 999
	var seen uint64
	for i, n := range r.Buckets {
		seen += uint64(n)
		if float64(seen) >= q*float64(total) {
			if l := RTTLimit(i); l != 0 {
				return min(l, limit)
			}
			break
		}
	}
	return limit
}
