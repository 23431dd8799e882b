// Package live_test runs the real program on real traffic, in network namespaces that it
// makes itself: what a user does, and the faults that a user meets.
package live_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tarrafa-live")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "tarrafa")
	cmd := exec.Command("go", "build", "-o", binary, "../../cmd/tarrafa")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build: %v\n%s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// namespace is a network namespace of the test's own with a veth pair (va, vb) and lo.
type namespace string

var namespaces int

func newNamespace(t *testing.T) namespace {
	t.Helper()
	missing := func(format string, args ...any) {
		t.Helper()
		if os.Getenv("CI") != "" {
			t.Fatalf(format, args...)
		}
		t.Skipf(format, args...)
	}
	if os.Geteuid() != 0 {
		missing("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		missing("iproute2 is not installed")
	}
	namespaces++
	ns := namespace(fmt.Sprintf("tflive%d-%d", os.Getpid(), namespaces))
	if out, err := exec.Command("ip", "netns", "add", string(ns)).CombinedOutput(); err != nil {
		missing("make a network namespace: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", string(ns)).Run() })
	ns.sh(t, `ip link set lo up
		ip link add va type veth peer name vb
		sysctl -qw net.ipv6.conf.va.disable_ipv6=1 net.ipv6.conf.vb.disable_ipv6=1
		ip addr add 10.99.0.1/24 dev va
		ip link set va up && ip link set vb up
		ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev va`)
	return ns
}

func (ns namespace) sh(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("ip", "netns", "exec", string(ns), "sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", script, err, out)
	}
	return string(out)
}

// inside runs f on a thread that lives in the namespace, so that its sockets do too.
func (ns namespace) inside(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		// The thread is not given back: it ends with the goroutine.
		lockThread()
		fd, err := os.Open("/run/netns/" + string(ns))
		if err == nil {
			err = setns(int(fd.Fd()))
			fd.Close()
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// sendUDP sends n datagrams of size bytes from va to nobody at 10.99.0.2, with pause
// between hundreds.
func (ns namespace) sendUDP(t *testing.T, n, size int, pause time.Duration) {
	t.Helper()
	ns.inside(t, func() {
		c, err := net.Dial("udp", "10.99.0.2:5353")
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		b := make([]byte, size)
		for i := range n {
			copy(b, strconv.Itoa(i)+"\n")
			if _, err := c.Write(b); err != nil {
				t.Errorf("send %d: %v", i, err)
				return
			}
			if pause > 0 && i%100 == 99 {
				time.Sleep(pause)
			}
		}
	})
}

// run is a running program.
type run struct {
	t      *testing.T
	cmd    *exec.Cmd
	mu     sync.Mutex
	out    bytes.Buffer
	err    bytes.Buffer
	exited chan struct{}
	code   int
}

type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// start runs the program in the namespace.
func (ns namespace) start(t *testing.T, args ...string) *run {
	t.Helper()
	return startCommand(t, exec.Command("ip", append([]string{"netns", "exec", string(ns), binary}, args...)...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *run {
	t.Helper()
	r := &run{t: t, cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = locked{&r.mu, &r.out}, locked{&r.mu, &r.err}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		r.code = cmd.ProcessState.ExitCode()
		close(r.exited)
	}()
	t.Cleanup(func() {
		select {
		case <-r.exited:
		default:
			_ = cmd.Process.Kill()
			<-r.exited
		}
	})
	return r
}

func (r *run) stdout() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

func (r *run) stderr() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err.String()
}

// until waits until the condition holds, and fails the test after ten seconds.
func (r *run) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Fatalf("waited in vain for %s\nstdout:\n%s\nstderr:\n%s", what, r.stdout(), r.stderr())
}

func (r *run) capturing() {
	r.t.Helper()
	r.until("the capture to start", func() bool { return strings.Contains(r.stderr(), "Capturing on") })
}

func (r *run) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// end interrupts the program and returns its exit code.
func (r *run) end() int {
	r.t.Helper()
	r.signal(syscall.SIGINT)
	return r.wait(10 * time.Second)
}

func (r *run) wait(limit time.Duration) int {
	r.t.Helper()
	select {
	case <-r.exited:
		return r.code
	case <-time.After(limit):
		r.t.Fatalf("the program has not ended after %s\nstderr:\n%s", limit, r.stderr())
		return -1
	}
}

// kept returns the capture's folder.
func (r *run) kept() string {
	r.t.Helper()
	m := regexp.MustCompile(`archive (\S+);`).FindStringSubmatch(r.stderr())
	if m == nil {
		r.t.Fatalf("no archive named in:\n%s", r.stderr())
	}
	return m[1]
}

type ledger struct {
	Received  uint64
	Dropped   uint64 `json:"dropped_by_kernel"`
	Skipped   uint64
	Delivered uint64
	Written   uint64
	Lost      uint64
	Followers []struct {
		Name                     string
		Applied, Behind, Expired uint64
	}
}

type meta struct {
	ID, State string
	Segments  []struct {
		Packets uint64
		Bytes   int64
	}
	Ledger   ledger
	Recovery *struct {
		Packets uint64
		TornLen int64 `json:"torn_bytes"`
	}
}

func readMeta(t *testing.T, dir string) meta {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "capture.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m meta
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// balanced checks that every packet of the ledger is in exactly one place.
func balanced(t *testing.T, l ledger) {
	t.Helper()
	if l.Received != l.Delivered+l.Dropped+l.Skipped || l.Delivered != l.Written+l.Lost {
		t.Errorf("the ledger does not balance: %+v", l)
	}
	for _, f := range l.Followers {
		if l.Written != f.Applied+f.Behind+f.Expired {
			t.Errorf("%s does not balance: %+v of %d", f.Name, f, l.Written)
		}
	}
}

// countPackets counts the packets of all segments with the program itself.
func countPackets(t *testing.T, path string) uint64 {
	t.Helper()
	out, err := exec.Command(binary, "stats", "--json", path).Output()
	if err != nil {
		t.Fatalf("stats %s: %v", path, err)
	}
	var d struct{ Packets uint64 }
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	return d.Packets
}

// needs skips the test when a program is missing, and fails it in CI.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed", program)
	}
}
