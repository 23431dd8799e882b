//go:build linux

// Sandbox measures what the sandbox costs: the processor time of the same work with and
// without it, in turn, and the median of the ratios. It needs root and works in a network
// namespace of its own:
//
//	go run ./bench/sandbox
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

func main() {
	rounds := flag.Int("rounds", 7, "pairs of runs")
	packets := flag.Int("packets", 1_000_000, "in each live run")
	flag.Parse()
	t := &bench{}
	defer t.cleanUp()
	program, remove, err := lab.Build("./cmd/tarrafa")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(remove)
	ns := lab.NewNamespace(t)
	dir := lab.OpenDir(t)

	var live, read, wall []float64
	var file string
	for i := range *rounds {
		var cost [2]float64
		for side, flags := range order(i) {
			s := capture(t, ns, program, dir, *packets, flags)
			cost[index(side, i)] = s.perPacket
			file = s.kept
		}
		live = append(live, cost[1]/cost[0])
		fmt.Printf("capture  %.0f ns/packet without, %.0f with\n", cost[0], cost[1])
	}
	for i := range *rounds {
		var cpu, took [2]float64
		for side, flags := range order(i) {
			k := index(side, i)
			cpu[k], took[k] = readAgain(t, program, file, flags)
		}
		read, wall = append(read, cpu[1]/cpu[0]), append(wall, took[1]/took[0])
		fmt.Printf("read     %.1f ms without, %.1f with\n", cpu[0]*1e3, cpu[1]*1e3)
	}
	fmt.Printf("| work | with / without, median of %d |\n| live capture, processor time per packet | %.3f |\n| read a capture, processor time | %.3f |\n| read a capture, elapsed | %.3f |\n",
		*rounds, median(live), median(read), median(wall))
}

// order changes who goes first from round to round.
func order(round int) [2][]string {
	without, with := []string{"--no-sandbox"}, []string(nil)
	if round%2 == 1 {
		return [2][]string{with, without}
	}
	return [2][]string{without, with}
}

// index tells which side a run was: 0 without, 1 with.
func index(side, round int) int { return (side + round) % 2 }

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

type sample struct {
	perPacket float64 // processor time, ns
	kept      string
}

func capture(t *bench, ns lab.Namespace, program, dir string, packets int, flags []string) sample {
	args := append([]string{"capture", "-i", "vb", "--view", "none", "--data-dir", filepath.Join(dir, "data"), "udp port 5353"}, flags...)
	r := lab.Start(t, ns.Command(program, args...))
	r.Capturing()
	if _, err := ns.SendUDP(packets, 60, 0); err != nil {
		t.Fatalf("%v", err)
	}
	time.Sleep(100 * time.Millisecond)
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	if m.Ledger.Received != uint64(packets) {
		t.Fatalf("%d packets of %d", m.Ledger.Received, packets)
	}
	return sample{used(r).Seconds() * 1e9 / float64(packets), r.Kept()}
}

// readAgain counts what is in the capture, twenty times over.
func readAgain(t *bench, program, dir string, flags []string) (cpu, elapsed float64) {
	args := append([]string{"stats"}, strings.Split(strings.Repeat(dir+"|", 20), "|")[:20]...)
	begin := time.Now()
	r := lab.Start(t, exec.Command(program, append(args, flags...)...))
	if code := r.Wait(time.Minute); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	return used(r).Seconds(), time.Since(begin).Seconds()
}

func used(r *lab.Run) time.Duration {
	u, _ := r.Cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bench is the lab's test.
type bench struct{ cleanups []func() }

// Helper implements lab.T.
func (*bench) Helper() {}

// Cleanup implements lab.T.
func (b *bench) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }

// Errorf implements lab.T.
func (*bench) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Fatalf implements lab.T.
func (b *bench) Fatalf(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	b.cleanUp()
	os.Exit(1)
}

// Skipf implements lab.T.
func (b *bench) Skipf(format string, args ...any) { b.Fatalf(format, args...) }

func (b *bench) cleanUp() {
	for _, v := range slices.Backward(b.cleanups) {
		v()
	}
}
