package capture

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// captured is one packet out of the builder's blocks.
type captured struct {
	iface   uint32
	time    int64
	wireLen uint32
	dir     packet.Direction
	data    []byte
}

// parse reads enhanced packet blocks with the one option that the builder writes.
func parse(t *testing.T, b []byte) []captured {
	t.Helper()
	var list []captured
	for len(b) > 0 {
		n := binary.LittleEndian.Uint32(b[4:])
		capLen := binary.LittleEndian.Uint32(b[20:])
		list = append(list, captured{
			iface:   binary.LittleEndian.Uint32(b[8:]),
			time:    int64(uint64(binary.LittleEndian.Uint32(b[12:]))<<32 | uint64(binary.LittleEndian.Uint32(b[16:]))),
			wireLen: binary.LittleEndian.Uint32(b[24:]),
			data:    bytes.Clone(b[28 : 28+capLen]),
			dir:     packet.Direction(binary.LittleEndian.Uint32(b[28+(capLen+3)&^3+4:])),
		})
		b = b[n:]
	}
	return list
}
