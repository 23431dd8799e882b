package capture

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/segment"
)

const childVariable = "TARRAFA_TEST_CAPTURE_CHILD"

// TestMain lets the test's program play the unprivileged capture.
func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "dropped":
		captureDropped()
	case "never":
		_, err := Open(Options{Interfaces: []string{"lo"}})
		fmt.Println(err)
	default:
		os.Exit(m.Run())
	}
}

// captureDropped opens a capture on vb, gives up all privileges for ever and tells what it
// sees on standard output.
func captureDropped() {
	die := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	s, err := Open(Options{Interfaces: []string{"vb"}, BufferBytes: 2 << 20, Promiscuous: true, Program: udpPort(53)})
	die(err)
	die(syscall.Setgroups(nil))
	die(syscall.Setgid(65534))
	die(syscall.Setuid(65534)) // clears all capabilities
	if _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); !errors.Is(err, unix.EPERM) {
		die(fmt.Errorf("a new packet socket was not refused: %w", err))
	}
	fmt.Println("dropped")
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			switch lines.Text() {
			case "suspend":
				die(s.Suspend())
			case "resume":
				die(s.Resume())
			}
		}
	}()
	buf := make([]byte, 1<<16)
	b := segment.NewBuilder(buf)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		b.Reset(buf)
		if !s.Fill(b, 10*time.Millisecond) {
			fmt.Println("closed", s.Counters().Received)
			return
		}
		for _, e := range s.Events() {
			fmt.Println(e.Kind, e.Name)
		}
		if b.Packets() > 0 {
			fmt.Println("packets", b.Packets())
		}
		if s.Counters().Delivered == 2 {
			die(s.Close())
		}
	}
}

// Once open, the capture needs no privileges: not for reading, not for suspending,
// not for resuming on an interface that was made anew, not for ending.
func TestWithoutPrivileges(t *testing.T) {
	newNetns(t)
	veth(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=dropped")
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	orders, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	lines := bufio.NewScanner(pipe)
	expect := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
			if !strings.HasPrefix(lines.Text(), "changed") { // links come up when they please
				break
			}
		}
		t.Fatalf("the child says %q, want %q", lines.Text(), want)
	}
	expect("dropped")
	first := newSender(t, "va")
	first.send(t, frame(60, 0, 53))
	expect("packets 1")
	for _, order := range []string{"suspend", "resume"} {
		if _, err := fmt.Fprintln(orders, order); err != nil {
			t.Fatal(err)
		}
		if order == "suspend" {
			expect("suspended vb")
			first.send(t, frame(60, 0, 53))
			first.send(t, frame(60, 0, 54))
			continue
		}
		expect("resumed vb")
		first.send(t, frame(60, 0, 54)) // the filter is the old one
	}
	ip(t, "link set vb down")
	expect("down vb")
	ip(t, "link del va")
	expect("gone vb")
	ip(t, "link add other type veth peer name other2")
	veth(t)
	expect("back vb")
	expect("up vb")
	out := newSender(t, "va")
	out.send(t, frame(60, 0, 54))
	out.send(t, frame(60, 0, 53))
	expect("packets 1")
	expect("closed 2")
}

func TestPermissionDenied(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "capture", "-i", "lo", "tcp port 443")
	cmd.Env = append(os.Environ(), childVariable+"=never")
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	// A folder that others may enter, which t.TempDir is not.
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "capture")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := dir + "/program"
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd.Path = path
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "capture on lo: open a packet socket: operation not permitted; this mends it: sudo " + path +
		" capture -i lo 'tcp port 443'   or once: sudo setcap cap_net_raw,cap_net_admin=eip " + path + "\n"
	if string(out) != want {
		t.Errorf("%swant %s", out, want)
	}
}
