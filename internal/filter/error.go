package filter

import (
	"fmt"
	"strings"

	"github.com/tarrafa/tarrafa/internal/nearest"
)

// Reason classifies an Error.
type Reason uint8

const (
	// BadSyntax means that the text is no expression of the language.
	BadSyntax Reason = iota
	// BadName means that a host, service, protocol or network name, or an address, is unknown or malformed.
	BadName
	// BadUse means that a qualifier, value or range does not fit where it stands.
	BadUse
	// WrongLink means that the link type has nothing that the expression could look at.
	WrongLink
	// Unsupported means that tcpdump would take it and this package does not.
	Unsupported
	// MatchesNothing means that no packet can satisfy the expression.
	MatchesNothing
	// TooLarge means that the program would pass the kernel's limits.
	TooLarge
)

// Error says in one line what is wrong with a filter expression, where, and what would be right.
type Error struct {
	Expr       string   // the whole expression
	Pos        int      // byte offset in Expr of what is wrong; len(Expr) when something is missing at the end
	Near       string   // the word there, "" at the end
	Reason     Reason   // the class of the error
	Message    string   // what is wrong
	Expected   []string // what could stand there, the likeliest first; may be empty
	Suggestion string   // the nearest word, or an expression that says what was probably meant; may be empty
	Err        error    // the cause, if there is one (a resolver's error)
}

// Error is the one-line form: `filter: unknown word "prot" at 5 (expected host, net, port …); did you mean "port"?`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("filter: ")
	b.WriteString(e.Message)
	switch {
	case e.Reason == TooLarge || e.Reason == MatchesNothing:
	case e.Pos >= len(e.Expr) && e.Expr != "":
		b.WriteString(" at the end")
	case e.Near != "" && !strings.Contains(e.Message, quoted(e.Near)):
		fmt.Fprintf(&b, " at %d near %s", e.Pos+1, quoted(e.Near))
	default:
		fmt.Fprintf(&b, " at %d", e.Pos+1)
	}
	if len(e.Expected) > 0 {
		b.WriteString(" (expected ")
		b.WriteString(strings.Join(e.Expected, ", "))
		b.WriteString(")")
	}
	if e.Suggestion != "" {
		b.WriteString("; did you mean ")
		b.WriteString(quoted(e.Suggestion))
		b.WriteString("?")
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// quotedMost is how much of a word a message repeats, bytes.
const quotedMost = 200

// quoted puts quotes around s, or its beginning; what is not plain ASCII is escaped, so that foreign bytes do not reach a
// terminal.
func quoted(s string) string {
	if len(s) > quotedMost {
		s = s[:quotedMost] + "..."
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' {
			return fmt.Sprintf("%q", s)
		}
	}
	return `"` + s + `"`
}

// fail is how the generator leaves the depths of an expression; compileError carries it to generate.
type compileError struct{ err *Error }

// similar returns the word of list closest to s, or "" when none is close: at most one edit in three letters.
func similar(s string, list []string) string {
	s = strings.ToLower(s)
	best, bestCost := "", max(1, len(s)/3)+1
	for _, w := range list {
		if w == s {
			return w
		}
		if c := nearest.Distance(s, w, bestCost); c < bestCost {
			best, bestCost = w, c
		}
	}
	return best
}
