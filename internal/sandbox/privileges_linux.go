package sandbox

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// capLast is the highest number that a capability set has room for (capability.h: two
// 32-bit words). The kernel refuses those it does not know with EINVAL.
const capLast = 63

// Secure bits (linux/securebits.h, capabilities(7)): root's user number means nothing any
// more, and nobody can change that.
const (
	secureNoRoot                  = 1 << 0
	secureNoRootLocked            = 1 << 1
	secureKeepCapsLocked          = 1 << 5
	secureNoAmbient               = 1 << 6
	secureNoAmbientLocked         = 1 << 7
	secureBits            uintptr = secureNoRoot | secureNoRootLocked | secureKeepCapsLocked | secureNoAmbient | secureNoAmbientLocked
)

// allThreads runs a system call on every thread of the process. Pointers in the arguments
// stay alive and where they are.
//
//go:uintptrescapes
func allThreads(trap, a1, a2, a3 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall(trap, a1, a2, a3)
	return threadsError(errno)
}

func allThreadsPrctl(option int, a2, a3 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, uintptr(option), a2, a3, 0, 0, 0)
	return threadsError(errno)
}

func threadsError(errno syscall.Errno) error {
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return fmt.Errorf("%w: this program was built with cgo, which keeps a system call from reaching all threads (build with CGO_ENABLED=0)", ErrUnsupported)
	default:
		return errno
	}
}

// forgetRoot takes away what would give root its power back: capabilities gained by
// executing a program. Only who may do so can, and who may not has nothing to lose.
func forgetRoot() error {
	own, err := capabilities()
	if err != nil {
		return err
	}
	if own.effective&(1<<unix.CAP_SETPCAP) == 0 {
		return nil
	}
	for c := uintptr(0); c <= capLast; c++ {
		err := allThreadsPrctl(unix.PR_CAPBSET_DROP, c, 0)
		if errors.Is(err, unix.EINVAL) {
			break
		}
		if err != nil {
			return fmt.Errorf("sandbox: empty the bounding set: %w", err)
		}
	}
	if err := allThreadsPrctl(unix.PR_SET_SECUREBITS, secureBits, 0); err != nil {
		return fmt.Errorf("sandbox: lock the secure bits: %w", err)
	}
	return nil
}

// capabilitySets are the calling thread's.
type capabilitySets struct{ effective, permitted, inheritable uint64 }

func capabilities() (capabilitySets, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return capabilitySets{}, fmt.Errorf("sandbox: read the capabilities: %w", err)
	}
	join := func(low, high uint32) uint64 { return uint64(high)<<32 | uint64(low) }
	return capabilitySets{
		effective:   join(data[0].Effective, data[1].Effective),
		permitted:   join(data[0].Permitted, data[1].Permitted),
		inheritable: join(data[0].Inheritable, data[1].Inheritable),
	}, nil
}

// dropCapabilities leaves only those of keep that are there, on all threads.
func dropCapabilities(keep uint64) error {
	own, err := capabilities()
	if err != nil {
		return err
	}
	keep &= own.permitted
	if err := allThreadsPrctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("sandbox: clear the ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(keep), Permitted: uint32(keep)},
		{Effective: uint32(keep >> 32), Permitted: uint32(keep >> 32)},
	}
	if err := allThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); err != nil {
		return fmt.Errorf("sandbox: drop the capabilities: %w", err)
	}
	if own, err = capabilities(); err != nil {
		return err
	}
	if own.effective|own.permitted|own.inheritable != keep {
		return fmt.Errorf("sandbox: capabilities %x are left after all were dropped", own.permitted)
	}
	return nil
}

// hideMemory keeps the process's memory, with passwords and packets, out of core files and
// away from other processes of the same user.
func hideMemory() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("sandbox: switch core files off: %w", err)
	}
	if err := allThreadsPrctl(unix.PR_SET_DUMPABLE, 0, 0); err != nil {
		return fmt.Errorf("sandbox: hide the memory: %w", err)
	}
	return nil
}
