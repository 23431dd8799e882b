//go:build !amd64

package trafficlog

// hasLanes and hasSixteen tell whether this processor has what the assembler code for
// AMD64 needs.
var hasLanes, hasSixteen = false, false

func compress(*[4][lanes]uint32, *[lanes]*byte, int, int) {}
