package query

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// holds tells whether a comparison holds that came out as c: less than 0, 0 or more.
func (o Op) holds(c int) bool {
	switch o {
	case Eq:
		return c == 0
	case Ne:
		return c != 0
	case Gt:
		return c > 0
	case Ge:
		return c >= 0
	case Lt:
		return c < 0
	default:
		return c <= 0
	}
}

// compareValues orders two values of a type. Numbers are signed; texts compare byte by
// byte; of bytes the longer are the larger, as in Wireshark.
func compareValues(t Type, a, b *Value) int {
	switch t {
	case TypeUint, TypeTime, TypeDuration:
		return cmp.Compare(int64(a.Num), int64(b.Num))
	case TypeBool:
		return cmp.Compare(b2u(a.Num != 0), b2u(b.Num != 0))
	case TypeText:
		return compareText(a, b)
	default:
		if len(a.Bytes) != len(b.Bytes) {
			return len(a.Bytes) - len(b.Bytes)
		}
		return bytes.Compare(a.Bytes, b.Bytes)
	}
}

// compareText compares texts, which stand in Text, or in Bytes when they were put
// together here.
func compareText(a, b *Value) int {
	switch {
	case a.Bytes == nil && b.Bytes == nil:
		return strings.Compare(a.Text, b.Text)
	case a.Bytes != nil && b.Bytes != nil:
		return bytes.Compare(a.Bytes, b.Bytes)
	case a.Bytes == nil:
		return -compareText(b, a)
	case string(a.Bytes) == b.Text:
		return 0
	case string(a.Bytes) < b.Text:
		return -1
	default:
		return 1
	}
}

// sortValues sorts values of a type.
func sortValues(t Type, list []Value) {
	slices.SortFunc(list, func(a, b Value) int { return compareValues(t, &a, &b) })
}

// interval is what lies between two values, both inclusive.
type interval struct{ low, high Value }

// intervalOf returns what a range of a set covers.
func intervalOf(r Range) interval {
	if r.High == nil {
		return interval{r.Low.Value, r.Low.last()}
	}
	return interval{r.Low.Value, r.High.Value}
}

// intervals returns the intervals of a set, sorted and without overlaps.
func intervals(t Type, set []Range) []interval {
	var list []interval
	for _, r := range set {
		if iv := intervalOf(r); compareValues(t, &iv.low, &iv.high) <= 0 {
			list = append(list, iv)
		}
	}
	slices.SortFunc(list, func(a, b interval) int { return compareValues(t, &a.low, &b.low) })
	merged := list[:0]
	for _, iv := range list {
		if n := len(merged); n > 0 && compareValues(t, &iv.low, &merged[n-1].high) <= 0 {
			if compareValues(t, &iv.high, &merged[n-1].high) > 0 {
				merged[n-1].high = iv.high
			}
			continue
		}
		merged = append(merged, iv)
	}
	return merged
}

// inside tells whether a value lies in one of sorted intervals.
func inside(t Type, list []interval, v *Value) bool {
	low, high := 0, len(list)
	for low < high {
		mid := (low + high) / 2
		switch {
		case compareValues(t, v, &list[mid].low) < 0:
			high = mid
		case compareValues(t, v, &list[mid].high) > 0:
			low = mid + 1
		default:
			return true
		}
	}
	return false
}

// against compares a value with what a literal covers: 0 when it lies in the subnet.
func against(t Type, iv *interval, v *Value) int {
	if c := compareValues(t, v, &iv.low); c <= 0 {
		return c
	}
	return max(0, compareValues(t, v, &iv.high))
}
