package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// backgroundNice is the niceness of work that can wait (setpriority(2)).
const backgroundNice = 15

// inBackground keeps the calling goroutine on a thread of its own with a low priority, so
// that capture and statistics come first when the processors are short.
func inBackground() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), backgroundNice)
}
