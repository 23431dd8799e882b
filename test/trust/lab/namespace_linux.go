package lab

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace with a veth pair (va, vb) and lo.
type Namespace string

var namespaces atomic.Uint32

// Link makes the pair of interfaces; it can be called again after one was deleted.
const Link = `ip link add va type veth peer name vb
	sysctl -qw net.ipv6.conf.va.disable_ipv6=1 net.ipv6.conf.vb.disable_ipv6=1
	ip addr add 10.99.0.1/24 dev va
	ip link set va up && ip link set vb up
	ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev va`

// NewNamespace makes a namespace that is deleted when the test ends.
func NewNamespace(t T) Namespace {
	t.Helper()
	NeedsRoot(t)
	Needs(t, "ip", "sysctl")
	ns := Namespace(fmt.Sprintf("tflab%d-%d", os.Getpid(), namespaces.Add(1)))
	if out, err := exec.Command("ip", "netns", "add", string(ns)).CombinedOutput(); err != nil {
		Missing(t, "make a network namespace: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", string(ns)).Run() })
	ns.Sh(t, "ip link set lo up\n"+Link)
	return ns
}

// Command returns a command that runs in the namespace.
func (ns Namespace) Command(program string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", string(ns), program}, args...)...)
}

// Sh runs a shell script in the namespace.
func (ns Namespace) Sh(t T, script string) {
	t.Helper()
	if out, err := ns.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v: %s", script, err, out)
	}
}

// Inside runs f on a thread that lives in the namespace, so that its sockets do too.
func (ns Namespace) Inside(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is not given back: it ends with the goroutine.
		runtime.LockOSThread()
		fd, err := os.Open("/run/netns/" + string(ns))
		if err == nil {
			err = unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET)
			_ = fd.Close()
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// SendUDP sends n datagrams of size bytes from va to nobody at 10.99.0.2, with pause
// between hundreds, and returns how many it sent.
func (ns Namespace) SendUDP(n, size int, pause time.Duration) (sent int, err error) {
	err = ns.Inside(func() error {
		c, err := net.Dial("udp", "10.99.0.2:5353")
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		b := make([]byte, size)
		for i := range n {
			copy(b, strconv.Itoa(i)+"\n")
			if _, err := c.Write(b); err != nil {
				return err
			}
			sent++
			if pause > 0 && i%100 == 99 {
				time.Sleep(pause)
			}
		}
		return nil
	})
	return sent, err
}

// MustSend is SendUDP for tests in which nothing can go wrong.
func (ns Namespace) MustSend(t T, n, size int, pause time.Duration) {
	t.Helper()
	if sent, err := ns.SendUDP(n, size, pause); err != nil {
		t.Errorf("sent %d of %d: %v", sent, n, err)
	}
}
