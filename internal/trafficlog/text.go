package trafficlog

import (
	"encoding/binary"
	"time"
)

const hexDigits = "0123456789abcdef"

// hexPairs has the four hex digits of every two bytes: 256 KiB, several times as fast as
// digit by digit.
var hexPairs = func() (t [1 << 16]uint32) {
	for i := range t {
		t[i] = uint32(hexDigits[i>>4&15]) | uint32(hexDigits[i&15])<<8 |
			uint32(hexDigits[i>>12])<<16 | uint32(hexDigits[i>>8&15])<<24
	}
	return t
}()

// appendHex appends src in lower-case hex.
func appendHex(dst, src []byte) []byte {
	n := len(dst)
	if need := n + 2*len(src); need > cap(dst) {
		bigger := make([]byte, n, max(need, 2*cap(dst)))
		copy(bigger, dst)
		dst = bigger
	}
	dst = dst[:n+2*len(src)]
	out := dst[n:]
	if blocks := len(src) / 16; hasLanes && blocks > 0 {
		hexBlocks(&out[0], &src[0], blocks)
		src, out = src[blocks*16:], out[blocks*32:]
	}
	for len(src) >= 2 {
		binary.LittleEndian.PutUint32(out, hexPairs[binary.LittleEndian.Uint16(src)])
		src, out = src[2:], out[4:]
	}
	for i, c := range src {
		out[2*i], out[2*i+1] = hexDigits[c>>4], hexDigits[c&15]
	}
	return dst
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

// append appends nanoseconds since 1970 UTC as Python's isoformat(timespec='microseconds')
// does for an aware datetime.
func (c *clock) append(dst []byte, t int64) []byte {
	sec, ns := t/1e9, t%1e9
	if ns < 0 {
		sec--
		ns += 1e9
	}
	if sec != c.second || !c.known {
		c.set(sec)
	}
	dst = append(dst, c.prefix[:]...)
	micros := ns / 1000
	dst = append(dst,
		byte('0'+micros/100000), byte('0'+micros/10000%10), byte('0'+micros/1000%10),
		byte('0'+micros/100%10), byte('0'+micros/10%10), byte('0'+micros%10))
	return append(dst, c.offset...)
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
