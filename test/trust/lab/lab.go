// Package lab runs the real program on real traffic in network namespaces of its own, for
// the tests of trust, faults and endurance.
package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// T is what the lab needs of a test: [testing.T], or the soak's own.
type T interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Missing skips the test, or fails it in CI: there everything must be installed.
func Missing(t T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Needs says which programs the test cannot do without.
func Needs(t T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Missing(t, "%s is not installed", p)
		}
	}
}

// NeedsRoot says that the test makes interfaces or gives up root.
func NeedsRoot(t T) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "this test needs root")
	}
}

// Build builds a command of this repository into a folder that everybody may enter, and
// returns the program's path and how to remove it.
func Build(pkg string) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "tarrafa-lab-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	path = filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}

// OpenDir returns a temporary folder that any user may write to.
func OpenDir(t T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tarrafa-lab-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Run is a running program.
type Run struct {
	Cmd *exec.Cmd

	t      T
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

// Start starts a command. It is killed when the test ends and it has not.
func Start(t T, cmd *exec.Cmd) *Run {
	t.Helper()
	r := &Run{t: t, Cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = locked{&r.mu, &r.out}, locked{&r.mu, &r.err}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v", err)
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

// PID is the program's process: ip netns exec replaces itself by it.
func (r *Run) PID() int { return r.Cmd.Process.Pid }

// Stdout is what the program has printed so far.
func (r *Run) Stdout() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

// Stderr is what the program has said so far.
func (r *Run) Stderr() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err.String()
}

// Until waits until the condition holds, and fails the test after twenty seconds.
func (r *Run) Until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Fatalf("waited in vain for %s\nstdout:\n%s\nstderr:\n%s", what, r.Stdout(), r.Stderr())
}

// Says waits until the program says something on standard error.
func (r *Run) Says(text string) {
	r.t.Helper()
	r.Until(text, func() bool { return strings.Contains(r.Stderr(), text) })
}

// Capturing waits until the capture runs.
func (r *Run) Capturing() {
	r.t.Helper()
	r.Says("Capturing on")
}

// Signal sends a signal to the program.
func (r *Run) Signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.Cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("%v", err)
	}
}

// End interrupts the program and returns its exit code.
func (r *Run) End() int {
	r.t.Helper()
	r.Signal(syscall.SIGINT)
	return r.Wait(20 * time.Second)
}

// Exited tells whether the program has ended.
func (r *Run) Exited() bool {
	select {
	case <-r.exited:
		return true
	default:
		return false
	}
}

// Wait waits for the program's end and returns its exit code.
func (r *Run) Wait(limit time.Duration) int {
	r.t.Helper()
	select {
	case <-r.exited:
		return r.code
	case <-time.After(limit):
		r.t.Fatalf("the program has not ended after %s\nstderr:\n%s", limit, r.Stderr())
		return -1
	}
}

var keptIn = regexp.MustCompile(`archive (\S+);`)

// Kept returns the capture's folder.
func (r *Run) Kept() string {
	r.t.Helper()
	m := keptIn.FindStringSubmatch(r.Stderr())
	if m == nil {
		r.t.Fatalf("no archive named in:\n%s", r.Stderr())
		return ""
	}
	return m[1]
}

// Ledger is the account in capture.json.
type Ledger struct {
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

// Meta is what a test wants of capture.json.
type Meta struct {
	ID, State string
	Segments  []struct {
		Packets uint64
		Bytes   int64
	}
	Ledger   Ledger
	Recovery *struct {
		Packets uint64
		Torn    int64  `json:"torn_bytes"`
		Dropped uint64 `json:"dropped_by_kernel"`
	}
}

// ReadMeta reads a capture's capture.json.
func ReadMeta(t T, dir string) Meta {
	t.Helper()
	var m Meta
	b, err := os.ReadFile(filepath.Join(dir, "capture.json"))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	return m
}

// Balanced checks that every packet of the ledger is in exactly one place.
func Balanced(t T, l Ledger) {
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

// CountPackets counts the packets of a capture with the program itself.
func CountPackets(t T, program, path string) uint64 {
	t.Helper()
	out, err := exec.Command(program, "stats", "--json", path).Output()
	var d struct{ Packets uint64 }
	if err == nil {
		err = json.Unmarshal(out, &d)
	}
	if err != nil {
		t.Fatalf("stats %s: %v", path, err)
	}
	return d.Packets
}
