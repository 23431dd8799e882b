package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// foreignCalls is the bit that marks calls of the x32 ABI.
	foreignCalls = 0x40000000
)

var (
	neverCallsHere   = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT}
	forkCalls        = []uint32{unix.SYS_FORK, unix.SYS_VFORK}
	refusedCallsHere = []uint32{unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_MKNOD}
)
