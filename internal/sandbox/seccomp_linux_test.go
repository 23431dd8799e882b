//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// answer runs the filter over a call as the kernel would.
func answer(t *testing.T, a *Access, arch, call uint32, args ...uint32) int {
	t.Helper()
	vm, err := bpf.NewVM(callFilter(a))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64) // struct seccomp_data; the machine here reads words big-endian
	binary.BigEndian.PutUint32(data[offCall:], call)
	binary.BigEndian.PutUint32(data[offArch:], arch)
	for i, v := range args {
		binary.BigEndian.PutUint32(data[offArg0+8*i:], v)
	}
	n, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Every call has the answer of the list that it is in, and is in one list only.
func TestCallFilter(t *testing.T) {
	allowed, killed := int(unix.SECCOMP_RET_ALLOW), int(unix.SECCOMP_RET_KILL_PROCESS)
	refused := int(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	quiet, starter, online := &Access{}, &Access{Programs: []string{"/usr"}}, &Access{Connect: []uint16{5432}}
	for _, list := range []struct {
		name  string
		calls []uint32
		want  int
	}{{"hot", hotCalls, allowed}, {"never", neverCalls, killed}, {"refused", refusedCalls, refused}} {
		for i, call := range list.calls {
			if got := answer(t, quiet, auditArch, call); got != list.want {
				t.Errorf("%s call %d: %#x, want %#x", list.name, call, got, list.want)
			}
			if got := answer(t, quiet, auditArch+1, call); got != killed {
				t.Errorf("%s call %d of another architecture: %#x", list.name, call, got)
			}
			if slices.Contains(list.calls[:i], call) {
				t.Errorf("%s call %d is listed twice", list.name, call)
			}
		}
	}
	for _, tc := range []struct {
		name   string
		access *Access
		call   uint32
		args   []uint32
		want   int
	}{
		{"openat", quiet, unix.SYS_OPENAT, nil, allowed},
		{"x32 read", quiet, foreignCalls | unix.SYS_READ, nil, killed},
		{"a thread", quiet, unix.SYS_CLONE, []uint32{unix.CLONE_VM | unix.CLONE_THREAD}, allowed},
		{"a process", quiet, unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD)}, refused},
		{"a process of who starts programs", starter, unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD)}, allowed},
		{"a thread in a new network", starter, unix.SYS_CLONE, []uint32{unix.CLONE_THREAD | unix.CLONE_NEWNET}, refused},
		{"clone3", quiet, unix.SYS_CLONE3, nil, int(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))},
		{"execve of who starts programs", starter, unix.SYS_EXECVE, nil, allowed},
		{"push into the terminal", quiet, unix.SYS_IOCTL, []uint32{0, unix.TIOCSTI}, refused},
		{"size of the terminal", quiet, unix.SYS_IOCTL, []uint32{0, unix.TIOCGWINSZ}, allowed},
		{"unix socket", quiet, unix.SYS_SOCKET, []uint32{unix.AF_UNIX, unix.SOCK_STREAM, 0}, allowed},
		{"packet socket", online, unix.SYS_SOCKET, []uint32{unix.AF_PACKET, unix.SOCK_RAW, 0}, refused},
		{"tcp without a network", quiet, unix.SYS_SOCKET, []uint32{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP}, refused},
		{"tcp", online, unix.SYS_SOCKET, []uint32{unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_TCP}, allowed},
		{"multipath tcp", online, unix.SYS_SOCKET, []uint32{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, int(unix.SECCOMP_RET_ERRNO | uint32(unix.EPROTONOSUPPORT))},
	} {
		if got := answer(t, tc.access, auditArch, tc.call, tc.args...); got != tc.want {
			t.Errorf("%s: %#x, want %#x", tc.name, got, tc.want)
		}
	}
}
