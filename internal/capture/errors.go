package capture

import (
	"errors"
	"os"
	"strings"

	"github.com/tarrafa/tarrafa/internal/words"
)

// NoSuchInterfaceError tells that there is no interface of the name that was asked for.
type NoSuchInterfaceError struct {
	Name      string
	Nearest   []string // names that look alike, the nearest first; may be empty
	Available []string // all names
}

func (e *NoSuchInterfaceError) Error() string {
	var b strings.Builder
	_, _ = words.Fprintf(&b, "there is no interface %q", e.Name)
	if len(e.Nearest) > 0 {
		_, _ = words.Fprintf(&b, "; did you mean %s?", strings.Join(e.Nearest, words.T(" or ")))
	}
	if len(e.Available) > 0 {
		_, _ = words.Fprintf(&b, " (there are: %s)", strings.Join(e.Available, ", "))
	}
	return b.String()
}

// PermissionError tells that the system does not let this user capture.
type PermissionError struct {
	Op        string // what was tried, as "open a packet socket"
	Interface string
	Commands  []string // each of them, given to a shell, mends it
	Err       error
}

func (e *PermissionError) Error() string {
	s := words.Sprintf("capture on %s: %s: %v", e.Interface, e.Op, e.Err)
	if len(e.Commands) > 0 {
		s += words.T("; this mends it: ") + strings.Join(e.Commands, words.T("   or once: "))
	}
	return s
}

// Unwrap returns the system's error.
func (e *PermissionError) Unwrap() error { return e.Err }

// errEnding is why a capture that was closed is neither suspended nor resumed.
var errEnding = errors.New("the capture has ended")

// OpError tells which step failed on which interface.
type OpError struct {
	Op        string // what was tried, as "map the ring"
	Interface string
	Hint      string // what may help; may be empty
	Err       error
}

func (e *OpError) Error() string {
	s := words.Sprintf("capture on %s: %s: %v", e.Interface, e.Op, e.Err)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// program returns the path of the running program and the words it was started with,
// quoted for a shell.
func program() (path, line string) {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	words := []string{shellQuote(path)}
	for _, a := range os.Args[1:] {
		words = append(words, shellQuote(a))
	}
	return shellQuote(path), strings.Join(words, " ")
}

// shellQuote returns s as one word of a POSIX shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:=,+@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
