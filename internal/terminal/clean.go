package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// maxForeign is how much of a foreign text is looked at, bytes: no line is longer.
const maxForeign = 1024

// clean returns text that came from outside (an error of a server, a filter, a path) in
// a form that a terminal cannot obey: control characters, escape sequences, bidirectional
// controls, invisible characters and broken UTF-8 each become one visible mark, and not
// more than one combining mark follows a letter.
func clean(s string) string {
	if len(s) > maxForeign {
		s = s[:maxForeign]
	}
	var b strings.Builder
	marks := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == utf8.RuneError && size <= 1:
			r = '�'
		case r == '\n', r == '\t':
			r = ' '
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > 1 || b.Len() == 0 {
				continue
			}
			b.WriteRune(r)
			continue
		case !unicode.IsPrint(r):
			r = '·'
		}
		marks = 0
		b.WriteRune(r)
	}
	return b.String()
}

// preview returns foreign bytes as ASCII: what cannot be printed is a dot.
func preview(data []byte) string {
	out := make([]byte, len(data))
	for i, c := range data {
		if c < ' ' || c > '~' {
			c = '.'
		}
		out[i] = c
	}
	return string(out)
}

// fit cuts a text that is wider than width columns and marks the cut at its end.
func fit(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, "…")
}

// fitLeft keeps the end of a text: of a path it tells more.
func fitLeft(s string, width int) string {
	w := ansi.StringWidth(s)
	if w <= width {
		return s
	}
	if width <= 1 {
		return fit("…", width)
	}
	return "…" + end(s, w, width-1)
}

// end returns at most the last width columns of a text that is w columns wide. A
// character of two columns that would be cut in half is left out.
func end(s string, w, width int) string {
	tail := ansi.TruncateLeft(s, w-width, "")
	if ansi.StringWidth(tail) > width {
		tail = ansi.TruncateLeft(s, w-width+1, "")
	}
	return tail
}

// fitMiddle keeps both ends of a text: of an address both tell something.
func fitMiddle(s string, width int) string {
	w := ansi.StringWidth(s)
	if w <= width {
		return s
	}
	if width <= 2 {
		return fit(s, width)
	}
	head := (width - 1) / 2
	tail := width - 1 - head
	return ansi.Truncate(s, head, "") + "…" + end(s, w, tail)
}

// left pads or cuts a text to width columns.
func left(s string, width int) string {
	s = fit(s, width)
	return s + spaces(width-ansi.StringWidth(s))
}

// right is left with the text at the right end.
func right(s string, width int) string {
	s = fit(s, width)
	return spaces(width-ansi.StringWidth(s)) + s
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }
