package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// missing skips the test, in CI it fails it.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// netns is a network namespace that lives as long as the test.
type netns struct{ file *os.File }

// newNetns moves the test's thread into a network namespace of its own, with lo up and no
// IPv6 chatter. The thread ends with the test.
func newNetns(t *testing.T) netns {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		missing(t, "iproute2", err)
	}
	runtime.LockOSThread()
	// One processor, so that frames arrive in the order in which they are sent.
	var one, allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err == nil {
		for cpu := range 1024 {
			if allowed.IsSet(cpu) {
				one.Set(cpu)
				break
			}
		}
		_ = unix.SchedSetaffinity(0, &one)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		missing(t, "make a network namespace (needs CAP_SYS_ADMIN and CAP_NET_RAW)", err)
	}
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	for _, scope := range []string{"all", "default"} {
		// A kernel without IPv6 has no chatter either.
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+scope+"/disable_ipv6", []byte("1"), 0)
	}
	ip(t, "link set lo up")
	return netns{f}
}

// enter moves the test's thread into n.
func (n netns) enter(t *testing.T) {
	t.Helper()
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

// path names n for the ip command.
func (n netns) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// ip runs iproute2's ip in the thread's namespace.
func ip(t *testing.T, args string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
	return string(out)
}

// veth makes the pair va, vb in the thread's namespace, both up and with a link.
func veth(t *testing.T) {
	t.Helper()
	ip(t, "link add va type veth peer name vb")
	ip(t, "link set va up")
	ip(t, "link set vb up")
	linked(t, "va")
	linked(t, "vb")
}

// linked waits until an interface that is up has its link. The kernel drops silently what
// is sent before.
func linked(t *testing.T, name string) InterfaceInfo {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; {
		list, err := List()
		if err != nil {
			t.Fatal(err)
		}
		info, err := lookup(list, name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Running {
			// The link's state is told just before the queue is switched on, both under one lock.
			ip(t, "link set "+name+" up")
			return info
		}
		if time.Now().After(end) {
			t.Fatalf("%s has no link", name)
		}
	}
}

// sender sends frames as they are.
type sender struct {
	fd int
	to unix.SockaddrLinklayer
}

func newSender(t *testing.T, name string) *sender {
	t.Helper()
	info := linked(t, name)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return &sender{fd, unix.SockaddrLinklayer{Ifindex: info.Index}}
}

func (s *sender) send(t *testing.T, frame []byte) {
	t.Helper()
	for {
		err := unix.Sendto(s.fd, frame, 0, &s.to)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}

// open captures with a small ring. The source is closed and drained at the end of the test.
func open(t *testing.T, o Options) Source {
	t.Helper()
	if o.BufferBytes == 0 {
		o.BufferBytes = 8 << 20
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { drain(t, s) })
	return s
}

// drain closes s and returns what it still delivers.
func drain(t *testing.T, s Source) []captured {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	var list []captured
	buf := make([]byte, 1<<20)
	b := segment.NewBuilder(buf)
	for more := true; more; {
		b.Reset(buf)
		more = s.Fill(b, time.Second)
		list = append(list, parse(t, b.Bytes())...)
	}
	c := s.Counters()
	if c.Received != c.Delivered+c.Skipped+c.Dropped {
		t.Errorf("the counters do not balance: %+v", c)
	}
	return list
}

// take reads from s until it has n packets or 5 s have passed.
func take(t *testing.T, s Source, n int) []captured {
	t.Helper()
	var list []captured
	buf := make([]byte, 1<<20)
	b := segment.NewBuilder(buf)
	for end := time.Now().Add(5 * time.Second); len(list) < n && time.Now().Before(end); {
		b.Reset(buf)
		s.Fill(b, 100*time.Millisecond)
		list = append(list, parse(t, b.Bytes())...)
	}
	return list
}

// tcpdump is the peer that the tests compare with.
type tcpdump struct {
	cmd  *exec.Cmd
	file string
	said *bytes.Buffer
}

// startTcpdump captures in the thread's namespace and returns once it does.
func startTcpdump(t *testing.T, args ...string) *tcpdump {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		missing(t, "tcpdump", err)
	}
	d := &tcpdump{file: filepath.Join(t.TempDir(), "peer.pcap"), said: new(bytes.Buffer)}
	args = append([]string{"-U", "-Z", "root", "--immediate-mode", "--nano", "-w", d.file}, args...)
	d.cmd = exec.CommandContext(t.Context(), path, args...)
	said, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for !strings.Contains(d.said.String(), "listening on") {
		n, err := said.Read(buf)
		d.said.Write(buf[:n])
		if err != nil {
			_ = d.cmd.Wait()
			t.Fatalf("tcpdump: %s", d.said)
		}
	}
	return d
}

// stop ends tcpdump once its file holds n packets, after two seconds in any case, and returns
// them.
func (d *tcpdump) stop(t *testing.T, n int) []captured {
	t.Helper()
	var list []captured
	for end := time.Now().Add(2 * time.Second); ; {
		list = readPcap(t, d.file)
		if len(list) >= n || time.Now().After(end) {
			break
		}
		runtime.Gosched()
	}
	_ = d.cmd.Process.Signal(os.Interrupt)
	_ = d.cmd.Wait()
	return readPcap(t, d.file)
}

// readPcap reads a little-endian nanosecond pcap file.
func readPcap(t *testing.T, file string) []captured {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, recordHeader = 24, 16
	var list []captured
	for b = b[min(fileHeader, len(b)):]; len(b) >= recordHeader; {
		n := recordHeader + int(binary.LittleEndian.Uint32(b[8:]))
		if n > len(b) {
			break
		}
		list = append(list, captured{
			time:    int64(binary.LittleEndian.Uint32(b))*1e9 + int64(binary.LittleEndian.Uint32(b[4:])),
			wireLen: binary.LittleEndian.Uint32(b[12:]),
			data:    b[recordHeader:n],
		})
		b = b[n:]
	}
	return list
}

// sendQuiet sends without an allocation.
func sendQuiet(s *sender, frame []byte) error {
	return unix.Sendto(s.fd, frame, unix.MSG_DONTWAIT, &s.to)
}
