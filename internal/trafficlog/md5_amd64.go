package trafficlog

import (
	"math"

	"golang.org/x/sys/cpu"
)

// hasLanes tells whether this processor has AVX2: several MD5 sums side by side, and text
// in large steps. hasSixteen tells whether it has AVX-512 too: twice as many sums.
var (
	hasLanes   = cpu.X86.HasAVX2
	hasSixteen = cpu.X86.HasAVX2 && cpu.X86.HasAVX512F
)

// md5Constants are the 64 additive constants of RFC 1321, section 3.4.
var md5Constants = func() (k [64]uint32) {
	for i := range k {
		k[i] = uint32(math.Floor(math.Abs(math.Sin(float64(i+1))) * (1 << 32)))
	}
	return k
}()

// md5Repeated has each constant once for each of eight lanes.
var md5Repeated = func() (k [64][8]uint32) {
	for i := range k {
		for j := range k[i] {
			k[i][j] = md5Constants[i]
		}
	}
	return k
}()

// md5Eight works blocks of 64 bytes of the first eight lanes' data into their state (a, b,
// c, d, each for all lanes). blocks must not be 0. AVX2.
//
//go:noescape
func md5Eight(state *[4][lanes]uint32, data *[lanes]*byte, blocks int, constants *[64][8]uint32)

// md5Sixteen does the same for sixteen lanes. AVX-512.
//
//go:noescape
func md5Sixteen(state *[4][lanes]uint32, data *[lanes]*byte, blocks int, constants *[64]uint32)

// compress works blocks of the data of the first width lanes into their state.
func compress(state *[4][lanes]uint32, data *[lanes]*byte, width, blocks int) {
	if width > 8 {
		md5Sixteen(state, data, blocks, &md5Constants)
	} else {
		md5Eight(state, data, blocks, &md5Repeated)
	}
}
