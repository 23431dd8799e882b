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
	units    uint64 // per second, never 0
	factor   uint64 // nanoseconds in a unit; 0: not a whole number
	shift    bool   // there is an offset
	shiftHi  uint64 // the offset in nanoseconds, 128 bits in two's complement
	shiftLow uint64
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
		c.shift = true
		c.shiftHi, c.shiftLow = bits.Mul64(uint64(r.OffsetSeconds), 1e9)
		if r.OffsetSeconds < 0 {
			c.shiftHi -= 1e9
		}
	}
	return c
}

func (c *clock) time(units uint64) int64 {
	if c.factor == 1 && !c.shift && units <= math.MaxInt64 {
		return int64(units)
	}
	return c.convert(units)
}

func (c *clock) convert(units uint64) int64 {
	var hi, ns, carry uint64
	if c.factor != 0 {
		hi, ns = bits.Mul64(units, c.factor)
	} else {
		// Seconds and rest apart, so that neither product is wider than 128 bits.
		hi, ns = bits.Mul64(units/c.units, 1e9)
		restHi, restLo := bits.Mul64(units%c.units, 1e9)
		rest, _ := bits.Div64(restHi, restLo, c.units)
		ns, carry = bits.Add64(ns, rest, 0)
		hi += carry
	}
	ns, carry = bits.Add64(ns, c.shiftLow, 0)
	hi, _ = bits.Add64(hi, c.shiftHi, carry)
	switch {
	case hi == uint64(int64(ns)>>63):
		return int64(ns)
	case int64(hi) < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}
