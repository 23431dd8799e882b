package capture

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// readStats adds the kernel's counters, which restart when read, to the totals. The source's
// mutex is held. It allocates nothing, which the wrapper in golang.org/x/sys does.
func (r *ring) readStats() {
	size := uint32(unix.SizeofTpacketStatsV3)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(r.fd), unix.SOL_PACKET, unix.PACKET_STATISTICS,
		uintptr(unsafe.Pointer(&r.stats)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return
	}
	r.received += uint64(r.stats.Packets) // the dropped ones are in it
	r.dropped += uint64(r.stats.Drops)
	r.freezes += uint64(r.stats.Freeze_q_cnt)
}
