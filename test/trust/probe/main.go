//go:build linux && amd64

// Probe enters the sandbox and then tries what must not be possible any more, one attempt
// an argument, and prints what came of each: "ok" or the error. Attempts that the kernel
// answers by ending the process are given alone.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/sandbox"
)

type setup struct {
	User    string
	Write   string // folder that stays writable
	Read    string // file that stays readable
	Outside string // folder that does not
	Connect uint16
	Listen  uint16
	Other   uint16 // a port where somebody listens, and that is not allowed
	Socket  string
	Quiet   bool // no network at all
}

func main() {
	var s setup
	die(json.Unmarshal([]byte(os.Args[1]), &s))
	id, err := sandbox.Invoking(s.User)
	die(err)
	// Threads that exist already must be caught too.
	var parked sync.WaitGroup
	parked.Add(4)
	release := make(chan struct{})
	for range 4 {
		go func() {
			var b [1]byte
			r, _, _ := os.Pipe()
			parked.Done()
			go func() { <-release; _ = r.Close() }()
			_, _ = syscall.Read(int(r.Fd()), b[:0])
			<-release
		}()
	}
	parked.Wait()
	rules := sandbox.Rules{User: id, Access: func() (sandbox.Access, error) {
		a := sandbox.Access{Write: []string{s.Write}, Read: []string{s.Read}, Sockets: []string{filepath.Dir(s.Socket)}}
		if !s.Quiet {
			a.Connect, a.Listen = []uint16{s.Connect}, []uint16{s.Listen}
		}
		return a, nil
	}}
	report, err := sandbox.Enter(rules)
	die(err)
	close(release)
	fmt.Println(report)
	for _, name := range os.Args[2:] {
		try, known := attempts[name]
		if !known {
			die(fmt.Errorf("no attempt %q", name))
		}
		result := "ok"
		if err := try(&s); err != nil {
			result = err.Error()
			if errno, ok := errors.AsType[syscall.Errno](err); ok {
				result = unix.ErrnoName(errno)
			}
		}
		fmt.Printf("%s: %s\n", name, result)
	}
}

func die(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func call(trap uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := syscall.Syscall6(trap, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func raw(trap uintptr, args ...uintptr) func(*setup) error {
	return func(*setup) error { return call(trap, args...) }
}

func socket(family, kind, proto int) func(*setup) error {
	return func(*setup) error {
		fd, err := unix.Socket(family, kind, proto)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}
}

func dial(network, address string) error {
	c, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		err = c.Close()
	}
	return err
}

func listen(port uint16) error {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(int(port)))
	if err == nil {
		err = l.Close()
	}
	return err
}

func local(port uint16) string { return "127.0.0.1:" + strconv.Itoa(int(port)) }

// attempts. The names say what is tried; the test knows what must come of it.
var attempts = map[string]func(*setup) error{
	"write inside": func(s *setup) error {
		name := filepath.Join(s.Write, "new", "file")
		if err := os.Mkdir(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			return err
		}
		if err := errors.Join(os.Truncate(name, 0), os.Rename(name, name+"2"), os.RemoveAll(filepath.Dir(name))); err != nil {
			return err
		}
		return nil
	},
	"read allowed":  func(s *setup) error { _, err := os.ReadFile(s.Read); return err },
	"time zones":    func(*setup) error { _, err := os.ReadFile("/etc/passwd"); return err },
	"new thread":    raw(unix.SYS_GETPID),
	"connect":       func(s *setup) error { return dial("tcp", local(s.Connect)) },
	"listen":        func(s *setup) error { return listen(s.Listen) },
	"unix socket":   func(s *setup) error { return dial("unix", s.Socket) },
	"netlink":       socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE),
	"interfaces":    func(*setup) error { _, err := net.Interfaces(); return err },
	"write outside": func(s *setup) error { return os.WriteFile(filepath.Join(s.Outside, "new"), nil, 0o600) },
	"append outside": func(s *setup) error {
		f, err := os.OpenFile(filepath.Join(s.Outside, "old"), os.O_APPEND|os.O_WRONLY, 0)
		_ = f.Close()
		return err
	},
	"cut outside":    func(s *setup) error { return os.Truncate(filepath.Join(s.Outside, "old"), 0) },
	"mkdir outside":  func(s *setup) error { return os.Mkdir(filepath.Join(s.Outside, "dir"), 0o700) },
	"remove outside": func(s *setup) error { return os.Remove(filepath.Join(s.Outside, "old")) },
	"rename outside": func(s *setup) error {
		return os.Rename(filepath.Join(s.Outside, "old"), filepath.Join(s.Outside, "other"))
	},
	"link outside": func(s *setup) error { return os.Symlink("/", filepath.Join(s.Write, "link")) },
	"read outside": func(s *setup) error { _, err := os.ReadFile(filepath.Join(s.Outside, "old")); return err },
	"list outside": func(s *setup) error { _, err := os.ReadDir(s.Outside); return err },
	"read shadow":  func(*setup) error { _, err := os.ReadFile("/etc/shadow"); return err },
	"own environment": func(*setup) error {
		f, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
		_ = f.Close()
		return err
	},
	"become root":   func(*setup) error { return syscall.Setuid(0) },
	"become group":  func(*setup) error { return syscall.Setgid(0) },
	"join groups":   func(*setup) error { return syscall.Setgroups([]int{0}) },
	"regain rights": raw(unix.SYS_CAPSET, 0, 0),
	"packet socket": socket(unix.AF_PACKET, unix.SOCK_RAW, 0),
	"raw socket":    socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
	"crypto socket": socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0),
	"vsock":         socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0),
	"multipath tcp": socket(unix.AF_INET, unix.SOCK_STREAM, 262),
	"sctp":          socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP),
	"tcp socket":    socket(unix.AF_INET, unix.SOCK_STREAM, 0),
	"udp socket":    socket(unix.AF_INET6, unix.SOCK_DGRAM, 0),
	"connect other": func(s *setup) error { return dial("tcp", local(s.Other)) },
	"listen other":  func(*setup) error { return listen(0) },
	"start program": func(*setup) error { return exec.Command("/bin/true").Run() },
	"new namespace": raw(unix.SYS_UNSHARE, unix.CLONE_NEWUSER),
	"clone3":        raw(unix.SYS_CLONE3, 0, 0),
	"signal parent": func(*setup) error { return unix.Kill(os.Getppid(), 0) },
	"push terminal": raw(unix.SYS_IOCTL, 0, unix.TIOCSTI, 0),
	"set clock":     raw(unix.SYS_CLOCK_SETTIME, 0, 0),
	"core file": func(*setup) error {
		var l unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil || l.Cur != 0 || l.Max != 0 {
			return fmt.Errorf("limit %d %v", l.Max, err)
		}
		if v, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); v != 0 || err != nil {
			return fmt.Errorf("dumpable %d %v", v, err)
		}
		return nil
	},

	"execve":           raw(unix.SYS_EXECVE, 0, 0, 0),
	"execveat":         raw(unix.SYS_EXECVEAT, 0, 0, 0, 0, 0),
	"ptrace":           raw(unix.SYS_PTRACE, unix.PTRACE_ATTACH, 1),
	"process_vm_readv": raw(unix.SYS_PROCESS_VM_READV, 1),
	"mount":            raw(unix.SYS_MOUNT, 0, 0, 0),
	"chroot":           raw(unix.SYS_CHROOT, 0),
	"fsopen":           raw(unix.SYS_FSOPEN, 0, 0),
	"bpf":              raw(unix.SYS_BPF, 0, 0, 0),
	"perf_event_open":  raw(unix.SYS_PERF_EVENT_OPEN, 0),
	"io_uring_setup":   raw(unix.SYS_IO_URING_SETUP, 0, 0),
	"userfaultfd":      raw(unix.SYS_USERFAULTFD, 0),
	"init_module":      raw(unix.SYS_INIT_MODULE, 0, 0, 0),
	"finit_module":     raw(unix.SYS_FINIT_MODULE, ^uintptr(0), 0, 0),
	"keyctl":           raw(unix.SYS_KEYCTL, 0, 0),
	"add_key":          raw(unix.SYS_ADD_KEY, 0, 0),
	"kexec_load":       raw(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0),
	"reboot":           raw(unix.SYS_REBOOT, 0, 0, 0),
	"swapon":           raw(unix.SYS_SWAPON, 0, 0),
	"iopl":             raw(unix.SYS_IOPL, 3),
	"x32 call":         raw(0x40000000 | unix.SYS_GETPID),
	"32-bit call":      func(*setup) error { fmt.Println("answer", call32()); return nil },
}

// call32 makes getpid through the 32-bit entry.
func call32() int32
