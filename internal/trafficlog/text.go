package trafficlog

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"time"
)

const hexDigits = "0123456789abcdef"

// hexPairs has the two hex digits of every byte.
var hexPairs = func() (t [256]uint16) {
	for i := range t {
		t[i] = uint16(hexDigits[i>>4]) | uint16(hexDigits[i&15])<<8
	}
	return t
}()

// putHex writes src in lower-case hex at the beginning of dst, which has room for it, and
// returns how many bytes that are.
func putHex(dst, src []byte) int {
	n := 2 * len(src)
	dst = dst[:n]
	if hasLanes && len(src) >= hexBlock {
		hexBlocks(&dst[0], &src[0], len(src)/hexBlock)
		if len(src)%hexBlock > 0 { // the last block again, from the end
			hexBlocks(&dst[n-2*hexBlock], &src[len(src)-hexBlock], 1)
		}
		return n
	}
	for i, c := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], hexPairs[c])
	}
	return n
}

// hexBlock is how many bytes hexBlocks takes at a time.
const hexBlock = 16

// decimals has the digits of the numbers from 0 to 255, and how many they are in the last
// byte.
var decimals = func() (t [256][4]byte) {
	for i := range t {
		t[i][3] = byte(copy(t[i][:], strconv.Itoa(i)))
	}
	return t
}()

// digitPairs has the digits of the numbers from 0 to 99.
var digitPairs = func() (t [100]uint16) {
	for i := range t {
		t[i] = uint16(hexDigits[i/10]) | uint16(hexDigits[i%10])<<8
	}
	return t
}()

// powers are those of ten.
var powers = func() (t [20]uint64) {
	t[0] = 1
	for i := range t[1:] {
		t[i+1] = 10 * t[i]
	}
	return t
}()

// putUint writes v in decimal at the beginning of dst, which has room for 20 bytes, and
// returns how many it wrote.
func putUint(dst []byte, v uint64) int {
	if v < uint64(len(decimals)) {
		d := decimals[v]
		*(*[4]byte)(dst) = d
		return int(d[3])
	}
	n := bits.Len64(v) * 1233 >> 12 // times log10(2)
	if v >= powers[n] {
		n++
	}
	at := n
	for v >= 100 {
		at -= 2
		binary.LittleEndian.PutUint16(dst[at:], digitPairs[v%100])
		v /= 100
	}
	if v >= 10 {
		binary.LittleEndian.PutUint16(dst, digitPairs[v])
	} else {
		dst[0] = byte('0' + v)
	}
	return n
}

// putIPv4 writes four bytes in dotted form at the beginning of dst, which has room for 16
// bytes, and returns how many it wrote.
func putIPv4(dst []byte, a [4]byte) int {
	at := 0
	for _, c := range a {
		d := decimals[c]
		n := int(d[3])
		d[n&3] = '.'
		*(*[4]byte)(dst[at:]) = d
		at += n + 1
	}
	return at - 1
}

// isPrintable has the members of Python's string.printable: digits, letters, punctuation
// and the six kinds of white space.
var isPrintable = func() (t [256]bool) {
	for c := byte(' '); c <= '~'; c++ {
		t[c] = true
	}
	for _, c := range []byte("\t\n\r\v\f") {
		t[c] = true
	}
	return t
}()

// printable tells whether every byte is in Python's string.printable.
func printable(b []byte) bool {
	if blocks := len(b) / 32; hasLanes && blocks > 0 {
		if !printableBlocks(&b[0], blocks) {
			return false
		}
		b = b[blocks*32:]
	}
	for _, c := range b {
		if !isPrintable[c] {
			return false
		}
	}
	return true
}

// appendPreview appends printable bytes as Python's json.dumps writes them.
func appendPreview(dst, b []byte) []byte {
	for _, c := range b {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\v':
			dst = append(dst, `\u000b`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// clock writes times in a zone. It remembers the last second, which most packets share.
type clock struct {
	location *time.Location
	second   int64
	known    bool
	prefix   [20]byte // 2006-01-02T15:04:05.
	offset   []byte   // +00:00, or +00:00:00 where the zone has seconds
}

// longestTime is how long a time is at most, bytes.
const longestTime = 20 + 6 + 9

// put writes nanoseconds since 1970 UTC at the beginning of dst, which has room for
// longestTime, as Python's isoformat(timespec='microseconds') does for an aware datetime,
// and returns how many bytes that are.
func (c *clock) put(dst []byte, t int64) int {
	sec, ns := t/1e9, t%1e9
	if ns < 0 {
		sec--
		ns += 1e9
	}
	if sec != c.second || !c.known {
		c.set(sec)
	}
	*(*[20]byte)(dst) = c.prefix
	micros := uint32(ns) / 1000
	binary.LittleEndian.PutUint16(dst[20:], digitPairs[micros/10000])
	binary.LittleEndian.PutUint16(dst[22:], digitPairs[micros/100%100])
	binary.LittleEndian.PutUint16(dst[24:], digitPairs[micros%100])
	return 26 + copy(dst[26:], c.offset)
}

func (c *clock) set(sec int64) {
	at := time.Unix(sec, 0).In(c.location)
	at.AppendFormat(c.prefix[:0], "2006-01-02T15:04:05.")
	c.prefix[19] = '.'
	_, offset := at.Zone()
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	c.offset = append(c.offset[:0], sign)
	c.offset = appendTwo(c.offset, offset/3600)
	c.offset = appendTwo(append(c.offset, ':'), offset/60%60)
	if s := offset % 60; s != 0 {
		c.offset = appendTwo(append(c.offset, ':'), s)
	}
	c.second, c.known = sec, true
}

func appendTwo(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}
