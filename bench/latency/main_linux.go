// Latency measures, on a quiet link, how long a packet takes from the kernel's time stamp
// to its JSON line, and what the capture keeps resident. All traffic stays in a network
// namespace made here; root is needed.
//
//	go run ./bench/latency -n 500 -every 50ms
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	n := flag.Int("n", 500, "packets")
	every := flag.Duration("every", 50*time.Millisecond, "time between packets")
	binary := flag.String("binary", "./tarrafa", "the program")
	flag.Parse()
	if err := run(*binary, *n, *every); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run(binary string, n int, every time.Duration) error {
	ns := fmt.Sprintf("tflat%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		return fmt.Errorf("make a network namespace: %w: %s", err, out)
	}
	defer func() { _ = exec.Command("ip", "netns", "del", ns).Run() }()
	script := `ip link add va type veth peer name vb
		sysctl -qw net.ipv6.conf.va.disable_ipv6=1 net.ipv6.conf.vb.disable_ipv6=1
		ip addr add 10.99.0.1/24 dev va; ip link set va up; ip link set vb up
		ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev va`
	if out, err := exec.Command("ip", "netns", "exec", ns, "sh", "-ec", script).CombinedOutput(); err != nil {
		return fmt.Errorf("set up the link: %w: %s", err, out)
	}
	dir, err := os.MkdirTemp("", "tarrafa-latency")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.Command("ip", "netns", "exec", ns, binary, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--json", "-", "--json-udp", "udp")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(700 * time.Millisecond)
	go send(ns, n, every)
	var delays []time.Duration
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for len(delays) < n && lines.Scan() {
		now := time.Now().UnixNano()
		var r struct {
			Time int64 `json:"time_ns"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		delays = append(delays, time.Duration(now-r.Time))
	}
	rss := resident(cmd.Process.Pid)
	_ = cmd.Process.Signal(syscall.SIGINT)
	for lines.Scan() {
	}
	_ = cmd.Wait()
	slices.Sort(delays)
	at := func(q float64) time.Duration {
		return delays[min(int(q*float64(len(delays))), len(delays)-1)].Round(10 * time.Microsecond)
	}
	fmt.Printf("packet → JSON line, %d packets, one every %s: p50 %s  p99 %s  max %s; resident %s\n", len(delays), every, at(0.5), at(0.99), at(1), rss)
	return nil
}

// send sends datagrams from inside the namespace.
func send(ns string, n int, every time.Duration) {
	runtime.LockOSThread() // the thread stays in the namespace and ends with the goroutine
	f, err := os.Open("/run/netns/" + ns)
	if err != nil {
		return
	}
	if unix.Setns(int(f.Fd()), unix.CLONE_NEWNET) != nil {
		return
	}
	_ = f.Close()
	c, err := net.Dial("udp", "10.99.0.2:5353")
	if err != nil {
		return
	}
	for range n {
		_, _ = c.Write([]byte("hello"))
		time.Sleep(every)
	}
}

func resident(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "?"
}
