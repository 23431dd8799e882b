//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/sandbox"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// timeCalls is the argument with which the benchmark starts itself to time system calls.
const timeCalls = "time-calls"

const (
	callsOfRound = 20_000
	callRounds   = 60
)

// calls are those that a capture and a reader make most, as cheap as they can be: what
// the sandbox adds is the same for all that it lets through whatever their arguments, and
// for those whose arguments it looks at.
var calls = []struct {
	name string
	call func(fd int)
}{
	{"read", func(fd int) { var b [1]byte; _, _ = unix.Read(fd, b[:]) }},
	{"write", func(fd int) { _, _ = unix.Write(fd, []byte{0}) }},
	{"futex", func(int) { var word uint32; _, _, _ = unix.Syscall(unix.SYS_FUTEX, 0, 1, uintptr(word)) }},
	{"ioctl", func(fd int) { _, _ = unix.IoctlGetInt(fd, unix.TIOCGPGRP) }},
}

// timeOwnCalls prints what each call takes in this process, before and after it has
// entered the sandbox: the least of many rounds, nanoseconds of the thread's processor
// time.
func timeOwnCalls() error {
	runtime.LockOSThread()
	fd, err := unix.Open("/dev/null", unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	var before []float64
	for _, c := range calls {
		before = append(before, least(c.call, fd))
	}
	if _, err := sandbox.Enter(sandbox.Rules{}); err != nil {
		return err
	}
	for i, c := range calls {
		fmt.Printf("%s %.2f %.2f\n", c.name, before[i], least(c.call, fd))
	}
	return nil
}

func least(call func(int), fd int) float64 {
	best := 0.0
	for range callRounds {
		begin := threadTime()
		for range callsOfRound {
			call(fd)
		}
		took := float64(threadTime()-begin) / callsOfRound
		if best == 0 || took < best {
			best = took
		}
	}
	return best
}

func threadTime() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return ts.Nano()
}

// callCost starts the benchmark again for each sample, and prints what the sandbox adds to
// a call.
func callCost(t *lab.Bench, samples int) {
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("%v", err)
	}
	more := map[string][]float64{}
	plain := map[string][]float64{}
	for range samples {
		out, err := exec.Command(self, timeCalls).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		lines := bufio.NewScanner(strings.NewReader(string(out)))
		for lines.Scan() {
			var name string
			var before, after float64
			if _, err := fmt.Sscan(lines.Text(), &name, &before, &after); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			plain[name], more[name] = append(plain[name], before), append(more[name], after-before)
		}
	}
	for _, c := range calls {
		fmt.Printf("| a system call: %s | %.0f ns | %.0f ns | %.0f ns more | |\n", c.name, median(plain[c.name]), median(plain[c.name])+median(more[c.name]), median(more[c.name]))
	}
}
