package filter

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inNamespace runs f on a thread of its own with an empty network namespace, where nothing but the test's packets is.
// Without the privilege the test is skipped, and fails in CI.
func inNamespace(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	done := make(chan struct{})
	var refused error
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and the namespace with it
		if refused = unix.Unshare(unix.CLONE_NEWNET); refused != nil {
			return
		}
		f(t)
	}()
	<-done
	if refused != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no network namespace, and this is CI: %v", refused)
		}
		t.Skipf("no network namespace: %v", refused)
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Errorf("ip %v: %v: %s", args, err, out)
	}
}

// tap is a packet socket with a program attached.
func tap(t *testing.T, kind int, p *Program) (fd int, ok bool) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return 0, false
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	f := make([]unix.SockFilter, len(p.Ins))
	for i, in := range p.Ins {
		f[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}); err != nil {
		t.Errorf("%s: attach: %v", p.Expr, err)
		return 0, false
	}
	const all = unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8&0xff00
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all}); err != nil {
		t.Error(err)
		return 0, false
	}
	return fd, true
}

// received counts what a socket gets: it waits until it has want packets, and a little longer for one too many.
func received(fd, want int) (n int) {
	buf := make([]byte, 2048)
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		wait := 2 * time.Second
		if n >= want {
			wait = 10 * time.Millisecond
		}
		ready, err := unix.Poll(p, int(wait.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || ready == 0 {
			return n
		}
		if _, err := unix.Read(fd, buf); err == nil {
			n++
		}
	}
}

// TestCookedLive sends datagrams over the loopback of a namespace and takes them with a cooked socket, as "any" is
// captured. Each passes the loopback twice: sent and received.
func TestCookedLive(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		ip(t, "link", "set", "lo", "up")
		out, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(out)
		to := &unix.SockaddrInet4{Port: 5353, Addr: [4]byte{127, 0, 0, 1}}
		in, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // so that no ICMP error answers
		if err == nil {
			err = unix.Bind(in, to)
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(in)
		for _, lt := range []int{linkSLL2, linkSLL} {
			hdr := int(layouts[lt].payload)
			for _, c := range []struct {
				expr string
				want int
			}{
				{"udp", 2}, {"udp port 5353", 2}, {"tcp", 0}, {"ip", 2}, {"ip6", 0}, {"arp", 0}, {"not arp", 2}, {"host 127.0.0.1", 2},
				{"src net 127.0.0.0/8 and dst port 5353", 2}, {"host 127.0.0.2", 0}, {"inbound", 1}, {"outbound", 1}, {"inbound and udp", 1},
				{"ifindex 1", 2}, {"ifindex 2", 0}, {"ifname lo", 2}, {"ether proto 0x800", 2}, {"ip[9] = 17", 2}, {"udp[2:2] = 5353", 2},
				{"udp[(ip[0] & 0xf) + 6] = 4", 2}, {"portrange 5000-6000", 2}, {fmt.Sprintf("len = %d", 28+4+hdr), 2}, {"less 10", 0},
				{"ip multicast", 0}, {"udp[8:4] = 0x01020304", 2}, {"(tcp or udp) and not port 22", 2},
			} {
				p, err := Compile(c.expr, Target{LinkType: lt, Live: true})
				if err != nil {
					t.Errorf("%s: %v", c.expr, err)
					continue
				}
				fd, ok := tap(t, unix.SOCK_DGRAM, p)
				if !ok {
					return
				}
				if err := unix.Sendto(out, []byte{1, 2, 3, 4}, 0, to); err != nil {
					t.Error(err)
					return
				}
				if got := received(fd, c.want); got != c.want {
					t.Errorf("%s on %s: %d packets, want %d", c.expr, LinkTypeName(lt), got, c.want)
				}
				_ = unix.Close(fd)
			}
		}
	})
}

// TestVLANLive sends frames with one, two and no VLAN tags through a pair of devices, one of which takes tags out of
// the frame as hardware does, and takes them with a raw socket.
func TestVLANLive(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		ip(t, "link", "add", "va", "type", "veth", "peer", "name", "vb")
		for _, d := range []string{"va", "vb"} {
			_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+d+"/disable_ipv6", []byte("1"), 0o644)
			ip(t, "link", "set", d, "up")
		}
		var ifindex int
		if _, err := fmt.Sscan(readInterface("va"), &ifindex); err != nil {
			t.Error(err)
			return
		}
		send, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(send)
		mac := tcp4[:12]
		tagged := func(tags ...[]byte) []byte {
			f := append([]byte(nil), mac...)
			for _, tag := range tags {
				f = append(f, tag...)
			}
			return append(f, tcp4[12:]...)
		}
		q5, q6, ad := []byte{0x81, 0, 0, 5}, []byte{0x81, 0, 0, 6}, []byte{0x88, 0xa8, 0, 7}
		frames := map[string][]byte{"plain": tagged(), "tag 5": tagged(q5), "tags 5 6": tagged(q5, q6), "tags 7 5": tagged(ad, q5)}
		for _, c := range []struct {
			expr string
			want map[string]bool
		}{
			{"vlan", map[string]bool{"tag 5": true, "tags 5 6": true, "tags 7 5": true}},
			{"not vlan", map[string]bool{"plain": true}},
			{"vlan 5", map[string]bool{"tag 5": true, "tags 5 6": true}},
			{"vlan 5 and tcp port 80", map[string]bool{"tag 5": true}},
			{"vlan and vlan 6 and host 10.0.0.1", map[string]bool{"tags 5 6": true}},
			{"vlan 7 and vlan 5 and tcp", map[string]bool{"tags 7 5": true}},
			{"vlan 6", map[string]bool{}},
			{"tcp port 80 and ifname vb and inbound", map[string]bool{"plain": true, "tag 5": true}},
		} {
			p, err := Compile(c.expr, Target{LinkType: linkEther, Live: true})
			if err != nil {
				t.Errorf("%s: %v", c.expr, err)
				continue
			}
			for name, f := range frames {
				fd, ok := tap(t, unix.SOCK_RAW, p)
				if !ok {
					return
				}
				if err := unix.Sendto(send, f, 0, &unix.SockaddrLinklayer{Ifindex: ifindex}); err != nil {
					t.Error(err)
					return
				}
				want := 0
				if c.want[name] {
					want = 1 // on one device at least; the other one of the pair sees it, too
				}
				if got := received(fd, want); (got > 0) != c.want[name] {
					t.Errorf("%s, %s: %d frames, want some: %v", c.expr, name, got, c.want[name])
				}
				_ = unix.Close(fd)
			}
		}
	})
}

func readInterface(name string) string {
	n, _ := systemResolver.Interface(name)
	return fmt.Sprint(n)
}
