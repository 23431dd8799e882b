// Command filter measures the filter compiler over the corpus of the differential test:
//
//	go run ./bench/filter [-n GENERATED] [-v]
//
// How long a compilation takes; whether running a program allocates; and, with tcpdump installed, how long the programs
// take per packet in the machine of golang.org/x/net/bpf, against tcpdump's optimised programs for the same
// expressions on the same packets. The programs are run turn by turn; each figure is the best of the rounds.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/test/filterdiff"
)

func main() {
	n := flag.Int("n", 1000, "generated expressions besides the hand-written ones")
	verbose := flag.Bool("v", false, "list the expressions with the highest ratio")
	flag.Parse()
	if err := run(*n, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(n int, verbose bool) error {
	cases := append(filterdiff.Handwritten(), filterdiff.Generated(1, n)...)
	compileTimes(cases)
	allocations()
	return ratios(cases, verbose)
}

// compileTimes prints the distribution of compilation times, the best of five each.
func compileTimes(cases []filterdiff.Case) {
	var times []time.Duration
	for _, c := range cases {
		t := filter.Target{LinkType: c.LinkType}
		best := time.Duration(0)
		for range 5 {
			start := time.Now()
			if _, err := filter.Compile(c.Expr, t); err != nil {
				best = 0
				break
			}
			if d := time.Since(start); best == 0 || d < best {
				best = d
			}
		}
		if best > 0 {
			times = append(times, best)
		}
	}
	slices.Sort(times)
	at := func(share float64) time.Duration { return times[min(len(times)-1, int(share*float64(len(times))))] }
	fmt.Printf("compile, %d expressions: median %v, 95 %% under %v, 99 %% under %v, longest %v\n",
		len(times), at(0.5), at(0.95), at(0.99), times[len(times)-1])
}

// allocations prints how much a run allocates.
func allocations() {
	p, err := filter.Compile("tcp port 80 and host 10.0.0.1", filter.Target{LinkType: 1})
	if err != nil {
		panic(err)
	}
	k := filterdiff.Packets(1, 1)[0]
	fmt.Printf("run: %v allocations a packet\n", testing.AllocsPerRun(1000, func() { p.Match(k.Data, k.Len) }))
}

// pair is an expression's program and tcpdump's.
type pair struct {
	c            filterdiff.Case
	ours, theirs *bpf.VM
	t, t0        time.Duration
}

func (x *pair) ratio() float64 { return float64(x.t) / float64(x.t0) }

// ratios compares run times with tcpdump's programs.
func ratios(cases []filterdiff.Case, verbose bool) error {
	dir, err := os.MkdirTemp("", "tarrafa-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	d, err := filterdiff.NewTcpdump(dir)
	if err != nil {
		return err
	}
	packets := map[int][][]byte{}
	for _, lt := range filterdiff.LinkTypes {
		for i, p := range filterdiff.Packets(lt, 1) {
			if i%5 == 0 {
				packets[lt] = append(packets[lt], p.Data)
			}
		}
	}
	var pairs []*pair
	seen := map[filterdiff.Case]bool{}
	for _, c := range cases {
		p, err := filter.Compile(c.Expr, filter.Target{LinkType: c.LinkType})
		if err != nil || seen[c] {
			continue
		}
		seen[c] = true
		ins, err := d.Compile(c.LinkType, c.Expr, true)
		if err != nil {
			continue
		}
		x := &pair{c: c}
		if x.ours, err = machine(p.Ins); err != nil {
			return fmt.Errorf("%s: %w", c.Expr, err)
		}
		if x.theirs, err = machine(ins); err != nil {
			continue // an instruction that this machine does not know
		}
		pairs = append(pairs, x)
	}
	for _, x := range pairs {
		ps := packets[x.c.LinkType]
		lap(x.ours, ps) // the packets come into the cache
		for round := range 12 {
			a, b := lap(x.ours, ps), lap(x.theirs, ps)
			if round == 0 || a < x.t {
				x.t = a
			}
			if round == 0 || b < x.t0 {
				x.t0 = b
			}
		}
	}
	var t, t0 time.Duration
	over := 0
	for _, x := range pairs {
		t += x.t
		t0 += x.t0
		if x.ratio() > 1.2 {
			over++
		}
	}
	slices.SortFunc(pairs, func(a, b *pair) int { return cmp.Compare(b.ratio(), a.ratio()) })
	fmt.Printf("run in x/net's machine, %d programs: %.3f of the time of tcpdump's optimised programs, median %.3f; above 1.2: %d programs (%.1f %%)\n",
		len(pairs), float64(t)/float64(t0), pairs[len(pairs)/2].ratio(), over, 100*float64(over)/float64(len(pairs)))
	if verbose {
		for _, x := range pairs[:min(40, len(pairs))] {
			fmt.Printf("%6.2f  %s  %s\n", x.ratio(), filter.LinkTypeName(x.c.LinkType), x.c.Expr)
		}
	}
	return nil
}

func machine(ins []bpf.RawInstruction) (*bpf.VM, error) {
	all, _ := bpf.Disassemble(ins)
	return bpf.NewVM(all)
}

// lap runs a program over all packets.
func lap(vm *bpf.VM, packets [][]byte) time.Duration {
	start := time.Now()
	for _, p := range packets {
		_, _ = vm.Run(p)
	}
	return time.Since(start)
}
