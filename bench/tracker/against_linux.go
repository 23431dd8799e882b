package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// peerLimit ends a program that does not come to an end.
const peerLimit = 15 * time.Minute

// peer is a program that makes flows of a capture.
type peer struct {
	name string
	does string
	pack string // Debian's package
	args []string
}

// peers are what is compared, the program itself first. What they export goes to files
// below dir, to nobody, or to a port of this machine where nobody listens.
func peers(ours, file, dir string) []peer {
	return []peer{
		{ours, "flows, TCP analysis, names; JSON", "", []string{"flows", "--no-sandbox", "--json", file}},
		{ours, "the same, and findings", "", []string{"findings", "--no-sandbox", file}},
		{"tshark", "-z conv,tcp", "tshark", []string{"-n", "-q", "-z", "conv,tcp", "-r", file}},
		{"softflowd", "NetFlow records", "softflowd", []string{"-r", file, "-d", "-n", "127.0.0.1:9", "-p", dir + "/softflowd.pid", "-c", "none"}},
		{"nfpcapd", "nfdump files", "nfdump", []string{"-r", file, "-w", dir}},
		{"argus", "argus records", "argus-server", []string{"-X", "-r", file, "-w", dir + "/argus.out"}},
	}
}

// compare runs the program and others over each file, turn by turn, and prints the fastest
// of three runs and the ratio of processor time.
func compare(files []string) error {
	dir, err := os.MkdirTemp("", "tracker")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ours := filepath.Join(dir, "tarrafa")
	build := exec.Command("go", "build", "-o", ours, "./cmd/tarrafa")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build ./cmd/tarrafa (run this in the repository): %w\n%s", err, out)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Printf("%s, %d MB; processor time, the least of three runs, turn by turn\n", file, info.Size()>>20)
		if err := race(peers(ours, file, dir), ours); err != nil {
			return err
		}
	}
	return nil
}

// cost is what a program's run took.
type cost struct {
	cpu, wall time.Duration
	rss       int64 // kB
	failure   error
}

func race(list []peer, ours string) error {
	best := make([]cost, len(list))
	for round := range 3 {
		for i, p := range list {
			if best[i].failure != nil {
				continue
			}
			c := run(p)
			if round == 0 || c.failure != nil || c.cpu < best[i].cpu {
				best[i] = c
			}
		}
	}
	if best[0].failure != nil {
		return best[0].failure
	}
	for i, p := range list {
		name, b := p.name, best[i]
		if name == ours {
			name = "tarrafa " + p.args[0]
		}
		if b.failure != nil {
			fmt.Printf("  %-18s %v\n", name, b.failure)
			continue
		}
		fmt.Printf("  %-18s %-34s CPU %7.2f s  wall %7.2f s  RSS %5d MB  %6.2f times ours\n",
			name, p.does, b.cpu.Seconds(), b.wall.Seconds(), b.rss>>10, float64(b.cpu)/float64(best[0].cpu))
	}
	return nil
}

// run runs a program once. That it is missing, fails or takes too long is in the cost.
func run(p peer) cost {
	path, err := exec.LookPath(p.name)
	if err != nil {
		return cost{failure: fmt.Errorf("is not installed: apt-get install %s", p.pack)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), peerLimit)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Stderr = &said
	start := time.Now()
	err = cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return cost{failure: fmt.Errorf("was stopped after %v", peerLimit)}
	case err != nil:
		text := bytes.TrimSpace(said.Bytes())
		return cost{failure: fmt.Errorf("%w: %s", err, text[max(0, len(text)-200):])}
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{cpu: time.Duration(u.Utime.Nano() + u.Stime.Nano()), wall: time.Since(start), rss: u.Maxrss}
}
