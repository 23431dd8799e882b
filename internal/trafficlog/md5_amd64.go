package trafficlog

import (
	"math"

	"golang.org/x/sys/cpu"
)

// hasLanes tells whether this processor has AVX2: several MD5 sums side by side, and text
// in large steps.
var hasLanes = cpu.X86.HasAVX2

// md5Constants are the 64 additive constants of RFC 1321, section 3.4, once for each lane.
var md5Constants = func() (k [64][lanes]uint32) {
	for i := range k {
		c := uint32(math.Floor(math.Abs(math.Sin(float64(i+1))) * (1 << 32)))
		for j := range k[i] {
			k[i][j] = c
		}
	}
	return k
}()

// md5Blocks works blocks of 64 bytes of each lane's data into the lane's state (a, b, c, d,
// each for all lanes). blocks must not be 0. AVX2.
//
//go:noescape
func md5Blocks(state *[4][lanes]uint32, data *[lanes]*byte, blocks int, constants *[64][lanes]uint32)

func compress(state *[4][lanes]uint32, data *[lanes]*byte, blocks int) {
	md5Blocks(state, data, blocks, &md5Constants)
}
