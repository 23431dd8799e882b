//go:build !unix

package flow

import "time"

var started = time.Now()

// cpuTime is the time since the start, where the processor time is not to be had.
func cpuTime() time.Duration { return time.Since(started) }
