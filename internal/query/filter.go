package query

import (
	"fmt"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Filter is a display filter, ready to be asked. It is not changed after Parse and may be
// used by many goroutines at once.
type Filter struct {
	root    Expr
	fields  []*Field
	needs   Needs
	program node
	summary summaryNode
	pool    evaluators
}

// Needs says what must be at hand to evaluate a filter fully. A filter that needs nothing
// is answered by [Filter.MatchSummary] but for the packets that a Summary cannot hold
// whole, where it is Unknown.
type Needs struct {
	Bytes     bool // the packet's captured bytes: fields that a Summary does not hold
	Notes     bool // what the flow table, the TCP analysis or the applications found
	Interface bool // the name of the interface, or that there is none
	History   bool // other packets' times: frame.time_delta and its like
}

// Tri is an answer that may be left open.
type Tri uint8

// The answers.
const (
	Unknown Tri = iota
	No
	Yes
)

// SyntaxError says what is wrong with a filter and where.
type SyntaxError struct {
	Pos, End   int      // of the text that is wrong, bytes from the start; equal at the end of the text
	What       string   // what is wrong, without the position
	Expected   string   // what could stand there; may be empty
	Candidates []string // names that were perhaps meant, best first
}

// Error implements error: one line.
func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("display filter, column %d: %s", e.Pos+1, e.What)
	if e.Expected != "" {
		s += "; expected " + e.Expected
	}
	if n := len(e.Candidates); n > 0 {
		list := e.Candidates[n-1]
		if n > 1 {
			list = strings.Join(e.Candidates[:n-1], ", ") + " or " + list
		}
		s += "; did you mean " + list + "?"
	}
	return s
}

// CandidateKind says what a [Candidate] is.
type CandidateKind uint8

// The kinds of candidates.
const (
	CandidateField CandidateKind = iota
	CandidateOperator
	CandidateKeyword
	CandidateValue
	CandidateFunction
)

// Candidate is one way to go on with a filter: Text replaces the bytes from From to To of
// the text that is being completed.
type Candidate struct {
	Text     string
	Kind     CandidateKind
	Type     string // of a field: what its values are
	From, To int
}

// Parse reads a display filter. The error is a *[SyntaxError]. A text of nothing but
// space is no filter: nil.
func Parse(text string) (*Filter, error) { return parse(text) }

// Root returns the filter's expression.
func (f *Filter) Root() Expr { return f.root }

// Fields returns the fields that the filter asks for, each once, in the order of the text.
// The slice is the filter's.
func (f *Filter) Fields() []*Field { return f.fields }

// Needs returns what evaluation needs.
func (f *Filter) Needs() Needs { return f.needs }

// String returns the filter in its canonical form, which parses to the same filter.
func (f *Filter) String() string { return format(f.root) }

// Match tells whether a packet passes. r is only read.
func (f *Filter) Match(r *Row) bool { return f.pool.match(f, r) }

// MatchSummary tells whether a packet passes as far as its Summary alone can tell. Yes
// and No are what [Filter.Match] would say of the packet.
func (f *Filter) MatchSummary(s *packet.Summary) Tri { return f.summary.tri(s) }

// Complete returns ways to go on at byte pos of a filter that is being written, best first.
func Complete(text string, pos int) []Candidate { return complete(text, pos) }
