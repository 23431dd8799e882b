//go:build linux

// Stalled measures what pages cost a capture that are open and take nothing: the same flood
// with and without eight of them, turn by turn. It says for each side how many packets a
// second were kept, how many the kernel dropped, the processor time a packet and the
// resident memory, and exits with 1 when the stalled pages change the rate by 1 % or more,
// add drops, or 50 MB. It needs root and works in a network namespace of its own:
//
//	go run ./bench/stalled
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// Limits of the promise.
const (
	rateLimit   = 0.01
	memoryLimit = 50 << 20
)

const (
	address = "127.0.0.1:7447" // of the page, in the namespace
	token   = "of the bench"
)

func main() {
	rounds := flag.Int("pairs", 5, "pairs of runs")
	clients := flag.Int("clients", 8, "pages that take nothing")
	rate := flag.Int("rate", 200_000, "packets a second")
	seconds := flag.Int("seconds", 6, "of each run")
	size := flag.Int("size", 60, "bytes of each datagram's payload")
	flag.Parse()
	t := &lab.Bench{}
	program, remove, err := lab.Build("./cmd/tarrafa")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(remove)
	ns := lab.NewNamespace(t)
	ns.Sh(t, "ip link set lo up")
	dir := lab.OpenDir(t)
	var sides [2]side
	for i := range *rounds {
		for turn := range 2 {
			k := (turn + i) % 2 // who goes first changes
			sides[k].add(measure(t, ns, program, dir, k**clients, *rate, *size, time.Duration(*seconds)*time.Second))
		}
	}
	t.CleanUp()
	fmt.Printf("| stalled pages | offered/s | kept/s, median | kept of sent | dropped by kernel | ns of processor a packet | resident MB |\n|---|---|---|---|---|---|---|\n")
	for k, name := range []string{"none", fmt.Sprint(*clients)} {
		s := &sides[k]
		fmt.Printf("| %s | %.0f | %.0f | %.4f %% | %d | %.0f | %.1f |\n", name, median(s.offered), median(s.rate), 100*float64(s.kept)/float64(max(s.sent, 1)), s.dropped, median(s.cpu), median(s.rss)/(1<<20))
	}
	without, with := &sides[0], &sides[1]
	// The rate that is kept, against the one that was offered: what the generator did
	// differently from run to run is not the capture's.
	change := 1 - float64(with.kept)/float64(max(with.sent, 1))/(float64(without.kept)/float64(max(without.sent, 1)))
	growth := median(with.rss) - median(without.rss)
	fmt.Printf("change of the rate %+.3f %%, added drops %+d, memory %+.1f MB, processor time %+.1f %%\n",
		-100*change, int64(with.dropped)-int64(without.dropped), growth/(1<<20), 100*(median(with.cpu)/median(without.cpu)-1))
	if change >= rateLimit || with.dropped > without.dropped || growth >= memoryLimit {
		fmt.Println("the promise is not kept in this run")
		os.Exit(1)
	}
	fmt.Println("the promise is kept: less than 1 %, no added drops, less than 50 MB")
}

// side is the runs with, or without, stalled pages.
type side struct {
	offered, rate, cpu, rss []float64
	sent, kept, dropped     uint64
}

func (s *side) add(r result) {
	s.offered = append(s.offered, float64(r.sent)/r.took.Seconds())
	s.rate = append(s.rate, float64(r.kept)/r.took.Seconds())
	s.cpu = append(s.cpu, float64(r.cpu)/float64(max(r.kept, 1)))
	s.rss = append(s.rss, float64(r.rss))
	s.sent += r.sent
	s.kept += r.kept
	s.dropped += r.dropped
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

type result struct {
	sent, kept, dropped uint64
	took                time.Duration // of the sending
	cpu                 time.Duration
	rss                 uint64 // bytes, the most during the run
}

func measure(t *lab.Bench, ns lab.Namespace, program, dir string, clients, rate, size int, length time.Duration) result {
	cmd := ns.Command(program, "capture", "-i", "vb", "--view", "none", "--listen", address, "--sharkd", "off", "--data-dir", filepath.Join(dir, "data"), "udp port 5353")
	cmd.Env = append(os.Environ(), "TARRAFA_TOKEN="+token)
	r := lab.Start(t, cmd)
	r.Capturing()
	stop := make(chan struct{})
	var ready []chan error
	for range clients {
		c := make(chan error, 1)
		ready = append(ready, c)
		go stall(ns, c, stop)
	}
	for _, c := range ready {
		if err := <-c; err != nil {
			t.Fatalf("a page: %v", err)
		}
	}
	begun := time.Now()
	sent := offer(t, ns, rate, size, length)
	took := time.Since(begun)
	rss := memory(t, r.PID())
	close(stop)
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	u, ok := r.Cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatalf("no account of the process")
	}
	_ = os.RemoveAll(r.Kept())
	return result{
		sent: sent, kept: m.Ledger.Written, dropped: m.Ledger.Dropped, took: took,
		cpu: time.Duration(u.Utime.Nano() + u.Stime.Nano()), rss: rss,
	}
}

// offer sends at a rate, a burst every two milliseconds.
func offer(t *lab.Bench, ns lab.Namespace, rate, size int, length time.Duration) (sent uint64) {
	const beat = 2 * time.Millisecond
	begun := time.Now()
	for {
		elapsed := time.Since(begun)
		if elapsed >= length {
			return sent
		}
		if due := uint64(elapsed.Seconds()*float64(rate)) - sent; due > 0 {
			n, err := ns.SendUDP(int(min(due, 20_000)), size, 0)
			if err != nil {
				t.Fatalf("%v", err)
			}
			sent += uint64(n)
		}
		time.Sleep(beat)
	}
}

// memory returns the most that was resident of a process.
func memory(t *lab.Bench, pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("%v", err)
	}
	for line := range strings.Lines(string(text)) {
		var kib uint64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatalf("no resident size of process %d", pid)
	return 0
}
