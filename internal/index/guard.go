package index

import "encoding/binary"

// The decoders believe the counts in their input and make room for them. These look at
// the counts first: no page makes more than its rows.

// deltaHolds tells whether DELTA_BINARY_PACKED data say that they are n values.
func deltaHolds(b []byte, n int) bool {
	for range 2 { // block size, miniblocks in a block
		v, k := binary.Uvarint(b)
		if k <= 0 || v > 1<<16 {
			return false
		}
		b = b[k:]
	}
	v, k := binary.Uvarint(b)
	return k > 0 && v == uint64(n)
}

// hybridHolds tells whether data in the RLE and bit-packing hybrid are about n values: at
// least n, and less than eight more.
func hybridHolds(b []byte, bits, n int) bool {
	if bits < 0 || bits > 32 {
		return false
	}
	total := uint64(0)
	for len(b) > 0 {
		head, k := binary.Uvarint(b)
		if k <= 0 || head > 1<<32 {
			return false
		}
		b = b[k:]
		var size, count uint64
		if head&1 == 1 {
			count = head >> 1 * 8
			size = head >> 1 * uint64(bits)
			// The last run may be cut off where its padding would be.
			size = min(size, uint64(len(b)))
		} else {
			count, size = head>>1, uint64(bits+7)/8
			if size > uint64(len(b)) {
				return false
			}
		}
		total += count
		b = b[size:]
		if total >= uint64(n)+8 {
			return false
		}
	}
	return total >= uint64(n)
}
