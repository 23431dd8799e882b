package segment

import (
	"math"
	"math/bits"
)

// Nanoseconds is the resolution of everything that this package writes.
var Nanoseconds = Resolution{UnitsPerSecond: 1e9}

// unitsPerSecond turns an if_tsresol byte into units per second: 10^n, or 2^n with the
// upper bit set. What does not fit into 64 bits is the greatest number that does.
func unitsPerSecond(resol byte) uint64 {
	n := int(resol & 0x7f)
	if resol&0x80 != 0 {
		if n > 63 {
			return math.MaxUint64
		}
		return 1 << n
	}
	if n > 19 {
		return math.MaxUint64
	}
	u := uint64(1)
	for range n {
		u *= 10
	}
	return u
}

// Time turns a time stamp in the file's units into nanoseconds since 1970-01-01 UTC. It
// rounds down; what int64 cannot hold (before 1677, after 2262) becomes its least or
// greatest value.
func (r Resolution) Time(units uint64) int64 {
	c := newClock(r)
	return c.time(units)
}

// clock is a Resolution made ready for many conversions.
type clock struct {
	units  uint64 // per second, never 0
	factor uint64 // nanoseconds in a unit; 0: not a whole number
	offset int64  // nanoseconds
}

func newClock(r Resolution) clock {
	c := clock{units: r.UnitsPerSecond}
	switch c.units {
	case 1e9:
		c.factor = 1
	case 0, 1e6:
		c.units, c.factor = 1e6, 1e3
	default:
		if 1e9%c.units == 0 {
			c.factor = 1e9 / c.units
		}
	}
	if r.OffsetSeconds != 0 {
		hi, lo := bits.Mul64(magnitude(r.OffsetSeconds), 1e9)
		switch {
		case hi != 0 || lo > math.MaxInt64:
			c.offset = math.MaxInt64
		default:
			c.offset = int64(lo)
		}
		if r.OffsetSeconds < 0 {
			c.offset = -c.offset
		}
	}
	return c
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func (c *clock) time(units uint64) int64 {
	if c.factor == 1 && c.offset == 0 && units <= math.MaxInt64 {
		return int64(units)
	}
	return c.convert(units)
}

func (c *clock) convert(units uint64) int64 {
	var hi, ns uint64
	if c.factor != 0 {
		hi, ns = bits.Mul64(units, c.factor)
	} else {
		// Seconds and rest apart, so that neither product is wider than 128 bits.
		var carry uint64
		hi, ns = bits.Mul64(units/c.units, 1e9)
		restHi, restLo := bits.Mul64(units%c.units, 1e9)
		rest, _ := bits.Div64(restHi, restLo, c.units)
		ns, carry = bits.Add64(ns, rest, 0)
		hi += carry
	}
	return addSaturated(hi, ns, c.offset)
}

// addSaturated returns hi:lo + offset as far as int64 can hold it.
func addSaturated(hi, lo uint64, offset int64) int64 {
	if offset < 0 {
		m := magnitude(offset)
		if hi == 0 && lo < m {
			return int64(lo - m) // ≥ -(2^63-1), for offset is
		}
		var borrow uint64
		lo, borrow = bits.Sub64(lo, m, 0)
		hi -= borrow
	} else {
		var carry uint64
		lo, carry = bits.Add64(lo, uint64(offset), 0)
		hi += carry
	}
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}
