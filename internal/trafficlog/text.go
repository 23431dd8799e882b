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

// putUint writes v in decimal at the beginning of dst, which has room for 24 bytes, and
// returns how many it wrote. Eight digits are found at a time, without a branch; what is
// written behind the number is overwritten by what follows.
func putUint(dst []byte, v uint64) int {
	if v < uint64(len(decimals)) {
		d := decimals[v]
		*(*[4]byte)(dst) = d
		return int(d[3])
	}
	const eight = 1e8
	if v < eight {
		return putFew(dst, uint32(v))
	}
	at := 0
	if v < eight*eight {
		at = putFew(dst, uint32(v/eight))
	} else {
		high := v / eight
		at = putFew(dst, uint32(high/eight))
		putEight(dst[at:], uint32(high%eight))
		at += 8
	}
	putEight(dst[at:], uint32(v%eight))
	return at + 8
}

// putEight writes v, below 10^8, with leading zeros.
func putEight(dst []byte, v uint32) {
	binary.LittleEndian.PutUint64(dst, eightDigits(v)|asciiZeros)
}

// putFew writes v, below 10^8, without leading zeros, and returns how many digits it has.
func putFew(dst []byte, v uint32) int {
	digits := eightDigits(v)
	// The zeros in front are the lowest bytes; the last digit stays, whatever it is.
	zeros := bits.TrailingZeros64(digits|1<<56) &^ 7
	binary.LittleEndian.PutUint64(dst, (digits|asciiZeros)>>zeros)
	return 8 - zeros/8
}

const asciiZeros = 0x3030303030303030

// eightDigits returns the digits of v, below 10^8, a byte each, the first one lowest. It
// divides all parts at once: by 10^4, then two by 100, then four by 10, where the products
// with a rounded reciprocal have room beside each other.
func eightDigits(v uint32) uint64 {
	x := uint64(v/1e4) | uint64(v%1e4)<<32
	hundreds := x * 5243 >> 19 & 0x0000007f_0000007f
	x = hundreds | (x-hundreds*100)<<16
	tens := x * 103 >> 10 & 0x000f_000f_000f_000f
	return tens | (x-tens*10)<<8
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

// putPreview writes printable bytes as Python's json.dumps does at the beginning of dst,
// which has room for six for each and eight more, and returns how many it wrote.
func putPreview(dst, b []byte) int {
	at := 0
	for len(b) >= 8 {
		word := binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(dst[at:], word)
		// The upper bit of a byte is set where it is special, and perhaps above such a one.
		special := (below(word, ' ') | below(word^'"'*eachByte, 1) | below(word^'\\'*eachByte, 1)) & (0x80 * eachByte)
		if special == 0 {
			at, b = at+8, b[8:]
			continue
		}
		n := bits.TrailingZeros64(special) / 8
		at += n
		at += putEscaped(dst[at:], b[n])
		b = b[n+1:]
	}
	for _, c := range b {
		at += putEscaped(dst[at:], c)
	}
	return at
}

// eachByte times a byte is that byte eight times.
const eachByte = 0x0101010101010101

// below has the upper bit of the lowest byte set that is less than n, of bytes less than
// 0x80; other upper bits are set only above it.
func below(word uint64, n uint64) uint64 { return (word - n*eachByte) &^ word }

// putEscaped writes a printable byte as putPreview does.
func putEscaped(dst []byte, c byte) int {
	short := byte(0)
	switch c {
	case '"', '\\':
		short = c
	case '\t':
		short = 't'
	case '\n':
		short = 'n'
	case '\r':
		short = 'r'
	case '\f':
		short = 'f'
	case '\v':
		return copy(dst, `\u000b`)
	default:
		dst[0] = c
		return 1
	}
	dst[0], dst[1] = '\\', short
	return 2
}

// clock writes times in a zone. It remembers the last second, which most packets share.
type clock struct {
	location *time.Location
	second   int64
	known    bool
	prefix   [20]byte // 2006-01-02T15:04:05.
	digits   [24]byte // of the second, at most 10: the nanoseconds' nine behind them make the time's
	digitsN  int
	offset   []byte // +00:00, or +00:00:00 where the zone has seconds
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

// putNanoseconds writes t in decimal at the beginning of dst, which has room for 24 bytes,
// and returns how many it wrote. put has written t before.
func (c *clock) putNanoseconds(dst []byte, t int64) int {
	if t < 1e9 {
		return len(strconv.AppendInt(dst[:0], t, 10))
	}
	*(*[16]byte)(dst) = [16]byte(c.digits[:])
	ns := uint32(t - c.second*1e9)
	dst[c.digitsN] = byte('0' + ns/1e8)
	putEight(dst[c.digitsN+1:], ns%1e8)
	return c.digitsN + 9
}

func (c *clock) set(sec int64) {
	if sec > 0 {
		c.digitsN = putUint(c.digits[:], uint64(sec))
	}
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
