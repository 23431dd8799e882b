package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	// foreignCalls: there is no second ABI with this architecture's mark.
	foreignCalls = 0x40000000
)

var neverCallsHere, refusedCallsHere, forkCalls []uint32
