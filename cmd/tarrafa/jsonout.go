package main

import (
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// newEncoder makes an encoder of JSON that a terminal may show: characters that it would
// act on are written as \u escapes, which read back as the same text.
func newEncoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(inertJSON{w})
	enc.SetEscapeHTML(false)
	return enc
}

// inertJSON escapes what stands raw in JSON and is not inert. Each Write must be whole
// values, as those of [json.Encoder] are.
type inertJSON struct{ w io.Writer }

// Write implements io.Writer.
func (j inertJSON) Write(p []byte) (int, error) {
	if _, err := j.w.Write(escapeJSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escapeJSON returns line, or a copy in which characters that act are \u escapes. In JSON
// they can stand in strings only.
func escapeJSON(line []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(line); {
		if line[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(line[i:])
		if acts(r) {
			out = append(out, line[from:i]...)
			out = fmt.Appendf(out, `\u%04x`, r)
			from = i + size
		}
		i += size
	}
	if from == 0 {
		return line
	}
	return append(out, line[from:]...)
}

// acts tells whether a terminal or an editor does something for a character other than
// showing it: controls, and those of the direction of text.
func acts(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
		r == 0x200e || r == 0x200f || r == 0x061c || r == 0x2028 || r == 0x2029
}
