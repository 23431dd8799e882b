package flow

import (
	"syscall"
	"unsafe"
)

const (
	madviseHugePage = 14 // MADV_HUGEPAGE, madvise(2)
	pageSize        = 4096
)

// HugePages asks the kernel to back a large table with large pages: at millions of
// flows most of the time goes into finding pages, not into reading them. A refusal costs
// speed only.
func HugePages[T any](s []T) {
	var one T
	size := uintptr(len(s)) * unsafe.Sizeof(one)
	if size < 1<<21 {
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), size)
	skip := -uintptr(unsafe.Pointer(&b[0])) & (pageSize - 1)
	_ = syscall.Madvise(b[skip:size&^(pageSize-1)], madviseHugePage)
}
