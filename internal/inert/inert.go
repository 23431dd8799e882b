// Package inert keeps text from acting on the terminal, editor or spreadsheet that shows it.
package inert

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Acts tells whether a terminal or an editor does something for a character other than
// showing it: controls of ASCII (line ends and tabs too) and of ISO 6429's second set, the
// marks and overrides of the direction of text (UAX #9), and Unicode's line separators.
func Acts(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
		r == 0x200e || r == 0x200f || r == 0x061c
}

// JSON returns text, or a copy in which characters that act are \u escapes: in JSON they
// can stand in strings only, where an escape reads back as the same character. ASCII
// controls are left, which are white space where they are allowed at all. The text must
// be valid UTF-8, as encoding/json's is.
func JSON(text []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(text); {
		if text[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if Acts(r) {
			out = append(out, text[from:i]...)
			out = fmt.Appendf(out, `\u%04x`, r)
			from = i + size
		}
		i += size
	}
	if from == 0 {
		return text
	}
	return append(out, text[from:]...)
}

// Cell returns text with an apostrophe before it when a spreadsheet would take it, as a cell
// of a CSV file, for a formula (CWE-1236).
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
