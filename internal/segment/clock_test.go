package segment

import (
	"math"
	"math/big"
	"math/rand"
	"testing"
)

// exactTime is the conversion without limits, in the library's big numbers.
func exactTime(r Resolution, units uint64) int64 {
	per := r.UnitsPerSecond
	if per == 0 {
		per = 1e6
	}
	ns := new(big.Int).Mul(new(big.Int).SetUint64(units), big.NewInt(1e9))
	ns.Div(ns, new(big.Int).SetUint64(per))
	ns.Add(ns, new(big.Int).Mul(big.NewInt(r.OffsetSeconds), big.NewInt(1e9)))
	switch {
	case ns.IsInt64():
		return ns.Int64()
	case ns.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

func TestResolution(t *testing.T) {
	for _, c := range []struct {
		resol byte
		want  uint64
	}{
		{0, 1}, {6, 1e6}, {9, 1e9}, {12, 1e12}, {19, 1e19}, {20, math.MaxUint64}, {127, math.MaxUint64},
		{0x80, 1}, {0x80 | 10, 1024}, {0x80 | 63, 1 << 63}, {0x80 | 64, math.MaxUint64}, {0xff, math.MaxUint64},
	} {
		if got := unitsPerSecond(c.resol); got != c.want {
			t.Errorf("%#x: %d, want %d", c.resol, got, c.want)
		}
	}
}

func TestTimeIsExactOrSaturated(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	units := []uint64{0, 1, 999, 1e9 - 1, 1e9, 1_700_000_000_123_456, 1_700_000_000_123_456_789, math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}
	offsets := []int64{0, 1, -1, 3600, -3600, 1e9, -1e9, 9_223_372_036, -9_223_372_037, 1 << 40, math.MaxInt64, math.MinInt64, math.MinInt64 + 1}
	for resol := range 256 {
		for range 200 {
			units = append(units[:11], rnd.Uint64(), rnd.Uint64()>>rnd.Intn(64))
			offsets = append(offsets[:13], rnd.Int63()-rnd.Int63(), int64(rnd.Uint64()>>rnd.Intn(64)))
			r := Resolution{unitsPerSecond(byte(resol)), offsets[rnd.Intn(len(offsets))]}
			u := units[rnd.Intn(len(units))]
			got, want := r.Time(u), exactTime(r, u)
			if got != want {
				t.Fatalf("%+v of %d: %d, want %d", r, u, got, want)
			}
		}
	}
	if got := (Resolution{}).Time(1_000_001); got != 1_000_001_000 {
		t.Errorf("without a resolution: %d", got)
	}
}
