package app

import (
	"unicode"
	"unicode/utf8"
)

// Printable appends b to dst in a form that is safe to show: letters, marks, numbers,
// punctuation, symbols and the ASCII space stay as they are; everything else is escaped
// the way Go writes it, so that nothing in b can move a cursor, reverse a line or hide.
//
//	\\              a backslash
//	\n \r \t        these three
//	\xNN            a byte that is a control character or not valid UTF-8
//	\uNNNN \UNNNNNNNN  a valid code point that is not to be shown: C1 controls,
//	                bidirectional and zero-width format characters, separators other
//	                than the ASCII space, private and unassigned code points
//
// The result is valid UTF-8 and its length is at most four times that of b. Quotes and
// markup characters are not touched: escaping for HTML or CSV is the job of the writer.
func Printable(dst, b []byte) []byte {
	const hex = "0123456789abcdef"
	for len(b) > 0 {
		c := b[0]
		if c < utf8.RuneSelf {
			switch {
			case c == '\\':
				dst = append(dst, '\\', '\\')
			case c >= ' ' && c < 0x7f:
				dst = append(dst, c)
			case c == '\n':
				dst = append(dst, '\\', 'n')
			case c == '\r':
				dst = append(dst, '\\', 'r')
			case c == '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
			}
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		case unicode.IsPrint(r):
			dst = append(dst, b[:n]...)
		case r < 1<<16:
			dst = append(dst, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			dst = append(dst, '\\', 'U', '0', '0', hex[r>>20&15], hex[r>>16&15],
				hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
		b = b[n:]
	}
	return dst
}
