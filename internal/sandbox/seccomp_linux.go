//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The filter is written here rather than taken from a library because of what it must do
// with system calls of another architecture: end the process. A list of refusals that lets
// the 32-bit entry through refuses nothing.

// neverCalls end the process: whoever makes one of them is not this program any more.
var neverCalls = append([]uint32{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
	unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOUNT_SETATTR,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF,
	unix.SYS_OPEN_BY_HANDLE_AT,
}, neverCallsHere...)

// refusedCalls fail with EPERM: a library may try them, and must live with a no.
var refusedCalls = append([]uint32{
	unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID, unix.SYS_SETRESUID, unix.SYS_SETRESGID,
	unix.SYS_SETGROUPS, unix.SYS_SETFSUID, unix.SYS_SETFSGID, unix.SYS_CAPSET,
	unix.SYS_PERSONALITY, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_QUOTACTL, unix.SYS_VHANGUP,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
	unix.SYS_MKNODAT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
	unix.SYS_KCMP, unix.SYS_PIDFD_GETFD, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
}, refusedCallsHere...)

// hotCalls are let through first. Linux 5.11 and newer remember what is let through
// whatever its arguments and do not run the filter for it; older kernels run it each time.
var hotCalls = []uint32{
	unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_FUTEX, unix.SYS_EPOLL_PWAIT,
	unix.SYS_NANOSLEEP, unix.SYS_GETSOCKOPT, unix.SYS_PPOLL, unix.SYS_MADVISE,
}

// namespaceFlags of clone(2) make a new world; without CLONE_THREAD a new process begins.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// Offsets in struct seccomp_data (linux/seccomp.h); both architectures are little-endian.
const (
	offCall = 0
	offArch = 4
	offArg0 = 16
	offArg1 = 24
	offArg2 = 32
)

var (
	kill  = bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}
	allow = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
)

func refuse(errno unix.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

func load(off uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: off, Size: 4} }

// callFilter is the program that the kernel runs at each system call.
func callFilter(a *Access) []bpf.Instruction {
	p := []bpf.Instruction{
		load(offArch),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		kill,
		load(offCall),
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: foreignCalls, SkipFalse: 1},
		kill,
	}
	on := func(call uint32, body ...bpf.Instruction) {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpEqual, Val: call, SkipFalse: uint8(len(body))})
		p = append(p, body...)
	}
	for _, call := range hotCalls {
		on(call, allow)
	}
	starts := len(a.Programs) > 0
	for _, call := range neverCalls {
		if !starts || call != unix.SYS_EXECVE && call != unix.SYS_EXECVEAT {
			on(call, kill)
		}
	}
	for _, call := range refusedCalls {
		if !starts || !slices.Contains(forkCalls, call) {
			on(call, refuse(unix.EPERM))
		}
	}
	// The flags of clone3 are out of the filter's sight; everybody falls back to clone.
	on(unix.SYS_CLONE3, refuse(unix.ENOSYS))
	process := uint32(unix.CLONE_THREAD)
	if starts {
		process = math.MaxUint32 // whatever the flags
	}
	on(unix.SYS_CLONE,
		load(offArg0),
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaceFlags, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: process, SkipTrue: 1},
		refuse(unix.EPERM),
		allow)
	on(unix.SYS_IOCTL,
		load(offArg1),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.TIOCSTI, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.TIOCLINUX, SkipFalse: 1},
		refuse(unix.EPERM),
		allow)
	on(unix.SYS_SOCKET, socketFilter(a)...)
	return append(p, allow)
}

// socketFilter lets Unix sockets and netlink through (the watch on interfaces), and TCP and
// UDP when something needs them. Multipath TCP, which Landlock's rules on ports do not see,
// looks as if this kernel had none.
func socketFilter(a *Access) []bpf.Instruction {
	p := []bpf.Instruction{
		load(offArg0),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_UNIX, SkipFalse: 1},
		allow,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_NETLINK, SkipFalse: 1},
		allow,
	}
	if !a.network() {
		return append(p, refuse(unix.EPERM))
	}
	return append(p,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET6, SkipTrue: 1},
		refuse(unix.EPERM),
		load(offArg2),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_TCP, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 1},
		refuse(unix.EPROTONOSUPPORT),
		allow)
}

// restrictCalls installs the filter on all threads at once.
func restrictCalls(a *Access) error {
	raw, err := bpf.Assemble(callFilter(a))
	if err != nil {
		return fmt.Errorf("assemble the filter: %w", err)
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	install := func(flags uintptr) (uintptr, unix.Errno) {
		other, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
		return other, errno
	}
	// Kernels before 5.16 slow the whole process down for a filter's sake, as if it ran
	// foreign code: this one runs none.
	other, errno := install(unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW)
	if errno == unix.EINVAL {
		other, errno = install(unix.SECCOMP_FILTER_FLAG_TSYNC)
	}
	switch {
	case errno == unix.ENOSYS || errno == unix.EINVAL:
		return fmt.Errorf("%w: this kernel has no seccomp filters", ErrUnsupported)
	case errno != 0:
		return errno
	case other != 0:
		return errors.New("a thread has a filter of its own")
	}
	return nil
}
