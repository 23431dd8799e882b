//go:build linux

// Sandbox measures what the sandbox costs: the processor time of the same work with and
// without it, in pairs of short runs whose order changes from pair to pair, so that what
// else the machine does meets both alike. The program has one processor to itself and one
// Go thread at a time, so that no time is spent on waiting for each other: what remains is
// the work and its system calls. The answer is the pseudo-median of the pairs' ratios
// (Hodges and Lehmann) with the 95 % interval that resampling the pairs gives (bootstrap).
// It says whether a cost below the limit is established, refuted or open, and exits with
// 0, 1 or 2.
//
// Starting is measured apart, and taken off: what a capture costs is the time from the
// first packet until nothing is left to do, of all threads; what counting costs is what a
// capture takes more than an empty one. What the sandbox adds to one system call is timed
// in one process, before and after it enters. It needs root and works in a network
// namespace of its own:
//
//	CGO_ENABLED=0 go run ./bench/sandbox
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

func main() {
	rounds := flag.Int("pairs", 40, "pairs of runs")
	packets := flag.Int("packets", 300_000, "in each live run")
	limit := flag.Float64("limit", 0.02, "cost that must not be reached, as a share")
	flag.Parse()
	if flag.Arg(0) == timeCalls {
		if err := timeOwnCalls(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	t := &lab.Bench{}
	program, remove, err := lab.Build("./cmd/tarrafa")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(remove)
	ns := lab.NewNamespace(t)
	dir := lab.OpenDir(t)

	var live, read, start pairs
	var file string
	for i := range *rounds {
		var work, begin [2]float64
		for side, flags := range order(i) {
			k := index(side, i)
			s := capture(t, ns, program, dir, *packets, flags)
			work[k], begin[k] = s.perPacket, s.start
			if file == "" {
				file = s.kept
			} else if s.kept != file {
				_ = os.RemoveAll(s.kept)
			}
		}
		live.add(work)
		start.add(begin)
	}
	none := emptyCapture(t, dir)
	var begin pairs
	for i := range *rounds {
		var cpu, empty [2]float64
		for side, flags := range order(i) {
			k := index(side, i)
			empty[k] = count(t, program, none, 1, flags)
			cpu[k] = count(t, program, file, countTimes, flags) - empty[k]
		}
		read.add(cpu)
		begin.add(empty)
	}
	fmt.Printf("| work, processor time | without | with | with / without, %d pairs | 95 %% interval |\n|---|---|---|---|---|\n", *rounds)
	fmt.Printf("| live capture, a packet | %.0f ns | %.0f ns | %s |\n", median(live.without), median(live.with), live.ratio())
	fmt.Printf("| count a capture %d times | %.0f ms | %.0f ms | %s |\n", countTimes, median(read.without)*1e3, median(read.with)*1e3, read.ratio())
	for _, s := range []struct {
		name string
		p    *pairs
	}{{"start a capture", &start}, {"start a reading command, as root", &begin}} {
		fmt.Printf("| %s | %.1f ms | %.1f ms | %.1f ms more | |\n", s.name, median(s.p.without)*1e3, median(s.p.with)*1e3, (median(s.p.with)-median(s.p.without))*1e3)
	}
	callCost(t, 5)
	t.CleanUp()
	os.Exit(max(verdict("a capture", &live, 1+*limit), verdict("counting", &read, 1+*limit)))
}

// verdict says what the pairs prove about the throughput of some work.
func verdict(work string, p *pairs, limit float64) int {
	low, high := p.interval()
	switch {
	case high < limit:
		fmt.Printf("established: the sandbox costs %s less than %.1f %% (at most %.2f %%)\n", work, (limit-1)*100, (high-1)*100)
		return 0
	case low >= limit:
		fmt.Printf("refuted: the sandbox costs %s at least %.2f %%\n", work, (low-1)*100)
		return 1
	default:
		fmt.Printf("open: %s, between %.2f and %.2f %%; ask again on a quiet machine, or with more -pairs\n", work, (low-1)*100, (high-1)*100)
		return 2
	}
}

// order changes who goes first from pair to pair.
func order(pair int) [2][]string {
	without, with := []string{"--no-sandbox"}, []string(nil)
	if pair%2 == 1 {
		return [2][]string{with, without}
	}
	return [2][]string{without, with}
}

// index tells which side a run was: 0 without, 1 with.
func index(side, pair int) int { return (side + pair) % 2 }

type sample struct {
	perPacket float64 // processor time of all threads, ns
	start     float64 // until it captures, seconds
	kept      string
}

func capture(t *lab.Bench, ns lab.Namespace, program, dir string, packets int, flags []string) sample {
	args := append([]string{"capture", "-i", "vb", "--view", "none", "--no-page", "--data-dir", filepath.Join(dir, "data"), "udp port 5353"}, flags...)
	r := alone(t, ns.Command(program, args...))
	r.Capturing()
	begin := settled(t, r.PID())
	if _, err := ns.SendUDP(packets, 60, 0); err != nil {
		t.Fatalf("%v", err)
	}
	end := settled(t, r.PID())
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	if m.Ledger.Received != uint64(packets) {
		t.Fatalf("%d packets of %d", m.Ledger.Received, packets)
	}
	return sample{float64(end-begin) / float64(packets), begin.Seconds(), r.Kept()}
}

// settled waits until a process has nothing to do and returns the processor time that its
// threads have used.
func settled(t *lab.Bench, pid int) time.Duration {
	const pause, idle = 50 * time.Millisecond, time.Millisecond
	for last := onCPU(t, pid); ; {
		time.Sleep(pause)
		now := onCPU(t, pid)
		if now-last < idle {
			return now
		}
		last = now
	}
}

// onCPU adds up the threads' times on a processor, which the kernel counts in nanoseconds.
func onCPU(t *lab.Bench, pid int) (sum time.Duration) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("no times of threads (CONFIG_SCHED_INFO): %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(b), &ns); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// countTimes makes counting long enough to be measured.
const countTimes = 20

// count counts what is in a capture so many times; it returns the processor time in
// seconds.
func count(t *lab.Bench, program, dir string, times int, flags []string) float64 {
	args := append([]string{"stats"}, slices.Repeat([]string{dir}, times)...)
	r := alone(t, exec.Command(program, append(args, flags...)...))
	if code := r.Wait(time.Minute); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	u, _ := r.Cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}

// emptyCapture writes a capture file without packets.
func emptyCapture(t *lab.Bench, dir string) string {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	name := filepath.Join(dir, "empty.pcap")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	return name
}

// alone starts a command on the last processor, with one Go thread at a time.
func alone(t *lab.Bench, cmd *exec.Cmd) *lab.Run {
	runtime.LockOSThread() // what is started inherits this thread's processors
	defer runtime.UnlockOSThread()
	var all, last unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatalf("%v", err)
	}
	for cpu := 8*len(all) - 1; cpu >= 0 && last.Count() == 0; cpu-- {
		if all.IsSet(cpu) {
			last.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &last); err != nil {
		t.Fatalf("%v", err)
	}
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	r := lab.Start(t, cmd)
	if err := unix.SchedSetaffinity(0, &all); err != nil {
		t.Fatalf("%v", err)
	}
	return r
}
