package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/packet"
)

const hexDigits = "0123456789abcdef"

// AppendText appends v, a value of f, as tshark's -T fields prints it.
func (f *Field) AppendText(dst []byte, v Value) []byte {
	switch f.Type {
	case TypeTime:
		return appendTime(dst, int64(v.Num))
	case TypeDuration:
		return appendSeconds(dst, int64(v.Num))
	case TypeEther:
		if len(v.Bytes) != 6 { // an address of another kind of link
			return appendHex(dst, v.Bytes)
		}
		return appendEther(dst, v.Bytes)
	case TypeIPv4:
		return appendIPv4(dst, v.Bytes)
	case TypeIPv6:
		return packet.Addr(v.Bytes).AppendTo(dst, 6)
	case TypeBytes:
		if len(v.Bytes) == 0 {
			return append(dst, "<MISSING>"...) // as tshark says
		}
		return appendHex(dst, v.Bytes)
	case TypeText:
		return appendText(dst, v.Text)
	case TypeProtocol:
		if strings.HasPrefix(f.Name, "tcp.analysis") || strings.HasPrefix(f.Name, "tcp.connection") {
			return append(dst, '1')
		}
		return append(dst, f.Name...)
	}
	if f.Base == Decimal && f.noted() {
		return strconv.AppendInt(dst, int64(v.Num), 10) // tcp.window_size_scalefactor may be negative
	}
	return appendNumber(dst, v.Num, f.Base)
}

// appendText appends foreign text so that nothing in it can act on a terminal. What is
// printable stays as it is.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return app.Printable(dst, []byte(s))
		}
	}
	return append(dst, s...)
}

func appendNumber(dst []byte, n uint64, base Base) []byte {
	if base == Decimal {
		return strconv.AppendUint(dst, n, 10)
	}
	dst = append(dst, '0', 'x')
	for shift := int(base)*8 - 4; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}

// appendSeconds appends nanoseconds as seconds with nine decimals.
func appendSeconds(dst []byte, ns int64) []byte {
	if ns < 0 {
		dst = append(dst, '-')
		ns = -ns
	}
	u := uint64(ns)
	dst = strconv.AppendUint(dst, u/1e9, 10)
	dst = append(dst, '.')
	return appendNanos(dst, u%1e9)
}

// appendNanos appends nine digits.
func appendNanos(dst []byte, n uint64) []byte {
	for div := uint64(1e8); div > 0; div /= 10 {
		dst = append(dst, '0'+byte(n/div%10))
	}
	return dst
}

// appendTime appends a time as tshark does: "Nov 14, 2014 17:16:49.420211000 UTC", in
// the local time zone, the day of the month padded with a space.
func appendTime(dst []byte, ns int64) []byte {
	t := time.Unix(0, ns)
	dst = t.AppendFormat(dst, "Jan _2, 2006 15:04:05.")
	dst = appendNanos(dst, uint64(t.Nanosecond()))
	return t.AppendFormat(dst, " MST")
}

func appendHex(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

func appendEther(dst, mac []byte) []byte {
	for i, c := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

func appendIPv4(dst, ip []byte) []byte {
	for i, c := range ip {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(c), 10)
	}
	return dst
}
