package segment

import (
	"io"

	"github.com/tarrafa/tarrafa/internal/words"
)

// DamageError says where a file stops making sense. Every whole packet before that place
// has been delivered.
type DamageError struct {
	Offset  int64  // of the record or block in question, in the uncompressed stream, bytes
	Packets uint64 // delivered before it
	What    string // what is wrong, a sentence without capital or full stop

	// Truncated: nothing is wrong except that the stream ends too early. More bytes may
	// come when the file still grows; see [Reader.Retry].
	Truncated bool
	Need      int64 // Truncated: bytes that the record takes as far as is known; 0: not known
	Have      int64 // Truncated: bytes of it that are there
}

// Error implements error.
func (e *DamageError) Error() string {
	if !e.Truncated {
		return words.Sprintf("damaged at byte %d, after %d packets: %s", e.Offset, e.Packets, e.What)
	}
	s := words.Sprintf("truncated at byte %d, after %d packets", e.Offset, e.Packets)
	if e.Need > 0 {
		s += words.Sprintf(": the record needs %d bytes, %d are there", e.Need, e.Have)
	}
	if e.What != "" {
		s += ": " + e.What
	}
	return s
}

// Unwrap makes a truncated file answer to io.ErrUnexpectedEOF.
func (e *DamageError) Unwrap() error {
	if e.Truncated {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// FormatError says that a stream is not a capture file.
type FormatError struct {
	What string // what it is instead, as a noun phrase: "a PNG image", "an empty file"
	Mend string // what could be done, an imperative sentence; empty when there is nothing
}

// Error implements error.
func (e *FormatError) Error() string {
	s := words.Sprintf("not a capture file: this is %s", e.What)
	if e.Mend != "" {
		s += "; " + e.Mend
	}
	return s
}
