//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package trafficlog

import (
	"fmt"
	"os"
	"syscall"
)

// identity names a file whatever it is called: device and inode.
func identity(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	}
	return ""
}

// alone tells whether no other program writes this record: its last line may be cut then,
// since nobody is just writing it.
func alone(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// share says that this program writes the file, for as long as it is open. Others may too.
func share(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) }
