package flow

import (
	"testing"
	"unsafe"
)

// The memory cap is counted with these sizes, and a record fills whole cache lines.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"record", unsafe.Sizeof(record{}), recordSize},
		{"half", unsafe.Sizeof(half{}), 64},
		{"tally", unsafe.Sizeof(tally{}), 64},
		{"outer", unsafe.Sizeof(outer{}), outerSize},
		{"unacked", unsafe.Sizeof(unacked{}), segmentSize},
		{"offset of id", unsafe.Offsetof(record{}.id), 64},
		{"offset of half", unsafe.Offsetof(record{}.half), 128},
		{"offset of sum", unsafe.Offsetof(record{}.sum), 256},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, c.got, c.want)
		}
	}
}
