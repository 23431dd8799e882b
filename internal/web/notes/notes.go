// Package notes keeps what a reader marks and comments in a capture: a small file of JSON
// beside it. The capture itself and its index are never changed.
package notes

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of the notes of one capture.
const (
	MaxPackets = 10_000  // packets with a note
	MaxComment = 4096    // bytes of one comment
	maxText    = 2 << 20 // bytes of all comments together
	maxFile    = 4 << 20 // bytes of the file: a longer one is not ours
)

// Note is what a reader left at a packet, or at the capture. The zero Note is none.
type Note struct {
	Marked  bool   `json:"marked"`
	Comment string `json:"comment"` // of harmless characters
}

// Remark is the note as a comment in a capture file; empty: there is none.
func (n Note) Remark() string {
	if n.Comment == "" && n.Marked {
		return "marked"
	}
	return n.Comment
}

// PacketNote is a Note with the number of its packet.
type PacketNote struct {
	Number uint64 `json:"number"`
	Note
}

// Change says what becomes of a note. What is nil stays as it is.
type Change struct {
	Marked  *bool   `json:"marked"`
	Comment *string `json:"comment"`
}

// apply returns the note as it is afterwards.
func (c Change) apply(n Note) Note {
	if c.Marked != nil {
		n.Marked = *c.Marked
	}
	if c.Comment != nil {
		n.Comment = Clean(*c.Comment)
	}
	return n
}

// constError is an error without a place to change it.
type constError string

// Error implements error.
func (e constError) Error() string { return string(e) }

// Errors of changes.
const (
	ErrFull constError = "there is no room for more notes in this capture"
	ErrLong constError = "a comment has at most 4096 bytes"
)

// ReadOnlyError says why the notes of a capture cannot be changed.
type ReadOnlyError struct{ Err error }

// Error implements error.
func (e *ReadOnlyError) Error() string { return "notes cannot be written: " + e.Err.Error() }

// Unwrap returns the reason.
func (e *ReadOnlyError) Unwrap() error { return e.Err }

// Clean makes a text harmless for every place where it is shown: what is no UTF-8, control
// characters other than line feed and tab, and characters that change the direction of the
// text become U+FFFD. Space at both ends goes.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return utf8.RuneError
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	return strings.TrimSpace(s)
}
