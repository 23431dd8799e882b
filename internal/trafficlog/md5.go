package trafficlog

import (
	"crypto/md5"
	"encoding/binary"
)

// lanes is how many MD5 sums are computed side by side. MD5 is a chain in which every
// step waits for the one before: a single sum leaves most of the processor idle, and it is
// the most expensive part of a record by far.
const lanes = 8

// hasher computes the MD5 sums of many payloads.
type hasher struct {
	state [4][lanes]uint32
	data  [lanes]*byte
	lane  [lanes]lane
}

// lane is one message on its way.
type lane struct {
	index  int       // of the message; -1: the lane is idle
	blocks int       // still to be done of what data points to
	tail   int       // blocks in end that come after that
	end    [128]byte // what is behind the last whole block, with MD5's padding
}

// md5Start is the initial state (RFC 1321, section 3.3).
var md5Start = [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}

// sums writes the MD5 sum of each message into the element of out with the same index.
func (h *hasher) sums(out [][md5.Size]byte, messages [][]byte) {
	if !hasLanes || len(messages) < lanes/2 {
		for i, m := range messages {
			out[i] = md5.Sum(m)
		}
		return
	}
	next, busy := 0, 0
	for i := range h.lane {
		if h.fill(i, messages, next) {
			next++
			busy++
		}
	}
	for busy > 0 {
		blocks, worker := 1<<30, 0
		for i := range h.lane {
			if l := &h.lane[i]; l.index >= 0 && l.blocks < blocks {
				blocks, worker = l.blocks, i
			}
		}
		for i := range h.lane {
			if h.lane[i].index < 0 { // an idle lane needs some bytes to work on
				h.data[i] = h.data[worker]
			}
		}
		compress(&h.state, &h.data, blocks)
		for i := range h.lane {
			l := &h.lane[i]
			if l.index < 0 {
				continue
			}
			if l.blocks -= blocks; l.blocks > 0 {
				h.data[i] = h.advance(i, messages[l.index])
				continue
			}
			if l.tail > 0 {
				l.blocks, l.tail, h.data[i] = l.tail, 0, &l.end[0]
				continue
			}
			for word := range 4 {
				binary.LittleEndian.PutUint32(out[l.index][word*4:], h.state[word][i])
			}
			if h.fill(i, messages, next) {
				next++
			} else {
				busy--
			}
		}
	}
	clear(h.data[:]) // the messages belong to the caller
}

// advance returns where a lane goes on.
func (h *hasher) advance(i int, message []byte) *byte {
	l := &h.lane[i]
	if l.tail == 0 {
		return &l.end[64] // the second of two blocks of padding
	}
	return &message[(len(message)/64-l.blocks)*64]
}

// fill starts the next message in a lane; false when there is none.
func (h *hasher) fill(i int, messages [][]byte, next int) bool {
	l := &h.lane[i]
	if next >= len(messages) {
		l.index = -1
		return false
	}
	m := messages[next]
	l.index = next
	for word := range 4 {
		h.state[word][i] = md5Start[word]
	}
	whole := len(m) / 64
	rest := copy(l.end[:], m[whole*64:])
	l.end[rest] = 0x80
	size := 64
	if rest >= 56 {
		size = 128
	}
	clear(l.end[rest+1 : size-8])
	binary.LittleEndian.PutUint64(l.end[size-8:], uint64(len(m))*8)
	if whole > 0 {
		l.blocks, l.tail, h.data[i] = whole, size/64, &m[0]
	} else {
		l.blocks, l.tail, h.data[i] = size/64, 0, &l.end[0]
	}
	return true
}
