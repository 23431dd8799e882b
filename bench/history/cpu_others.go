//go:build !linux

package main

import "time"

var started = time.Now()

// threadTime is the time that has passed: other systems have no clock of a thread here.
func threadTime() time.Duration { return time.Since(started) }
