package live_test

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func lockThread() { runtime.LockOSThread() }

func setns(fd int) error { return unix.Setns(fd, unix.CLONE_NEWNET) }
