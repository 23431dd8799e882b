package trafficlog

import (
	"crypto/md5"
	"encoding/binary"
	"math/bits"
)

// lanes is how many MD5 sums are computed side by side at most. MD5 is a chain in which
// every step waits for the one before: a single sum leaves most of the processor idle, and
// it is the most expensive part of a record by far.
const lanes = 16

// hasher computes the MD5 sums of many payloads. Those of about the same length go
// together, so that no lane is idle for long.
type hasher struct {
	order []uint32 // of the messages: those of one class of lengths behind each other
	from  [lengthClasses + 1]uint32
	state [4][lanes]uint32
	data  [lanes]*byte
	lane  [lanes]lane
}

// lane is one message on its way.
type lane struct {
	whole int       // blocks of the message still to be done
	tail  int       // blocks of end that come after them
	end   [128]byte // what is behind the last whole block, with MD5's padding
}

// md5Start is the initial state (RFC 1321, section 3.3).
var md5Start = [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}

// sums writes the MD5 sum of each message into the element of out with the same index.
func (h *hasher) sums(out [][md5.Size]byte, messages [][]byte) {
	width := 8
	if hasSixteen {
		width = lanes
	}
	if !hasLanes || len(messages) < width/2 {
		for i, m := range messages {
			out[i] = md5.Sum(m)
		}
		return
	}
	h.sort(messages)
	for order := h.order; len(order) > 0; {
		n := min(width, len(order))
		if n < width/4 {
			for _, i := range order {
				out[i] = md5.Sum(messages[i])
			}
			break
		}
		h.together(out, messages, order[:n], width)
		order = order[n:]
	}
	clear(h.data[:]) // the messages belong to the caller
}

// Lengths up to exactBlocks blocks have a class each; there are four classes between a
// power of two and the next for longer ones.
const (
	exactBlocks   = 32
	lengthClasses = exactBlocks + 4*32
)

// lengthClass returns the class of a message with so many whole blocks: longer ones have
// higher classes.
func lengthClass(blocks int) int {
	if blocks < exactBlocks {
		return blocks
	}
	n := bits.Len32(uint32(blocks)) // 6 and more
	return exactBlocks + (n-6)*4 + blocks>>(n-3)&3
}

// sort sets order, with the longest messages first.
func (h *hasher) sort(messages [][]byte) {
	if len(messages) > cap(h.order) {
		h.order = make([]uint32, len(messages), 2*len(messages))
	}
	h.order = h.order[:len(messages)]
	clear(h.from[:])
	for _, m := range messages {
		h.from[lengthClass(len(m)/64)]++
	}
	at := uint32(0)
	for i := len(h.from) - 1; i >= 0; i-- {
		h.from[i], at = at, at+h.from[i]
	}
	for i, m := range messages {
		place := &h.from[lengthClass(len(m)/64)]
		h.order[*place] = uint32(i)
		*place++
	}
}

// together computes the sums of the messages with the given numbers, at most width.
func (h *hasher) together(out [][md5.Size]byte, messages [][]byte, numbers []uint32, width int) {
	for i, number := range numbers {
		h.start(i, messages[number])
	}
	for busy := len(numbers); busy > 0; {
		blocks, worker := 1<<30, 0
		for i := range numbers {
			l := &h.lane[i]
			if n := l.whole; n > 0 && n < blocks {
				blocks, worker = n, i
			}
		}
		for i := range width { // an idle lane needs some bytes to work on
			if i >= len(numbers) || h.lane[i].whole == 0 {
				h.data[i] = h.data[worker]
			}
		}
		compress(&h.state, &h.data, width, blocks)
		for i, number := range numbers {
			l := &h.lane[i]
			if l.whole == 0 {
				continue
			}
			l.whole -= blocks
			switch {
			case l.whole > 0 && l.tail > 0:
				m := messages[number]
				h.data[i] = &m[(len(m)/64-l.whole)*64]
			case l.whole > 0:
				h.data[i] = &l.end[64] // the second of two blocks of padding
			case l.tail > 0:
				l.whole, l.tail, h.data[i] = l.tail, 0, &l.end[0]
			default:
				for word := range 4 {
					binary.LittleEndian.PutUint32(out[number][word*4:], h.state[word][i])
				}
				busy--
			}
		}
	}
}

// start makes a lane ready for a message.
func (h *hasher) start(i int, m []byte) {
	l := &h.lane[i]
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
		l.whole, l.tail, h.data[i] = whole, size/64, &m[0]
	} else {
		l.whole, l.tail, h.data[i] = size/64, 0, &l.end[0]
	}
}
