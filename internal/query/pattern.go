package query

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Caps on the size of a pattern, and of all patterns of a filter, when their repetitions
// are written out. Matching takes time proportional to it and to the bytes looked at.
const (
	maxPattern  = 500
	maxPatterns = 1000
)

// pattern compiles a regular expression. As in Wireshark, case does not matter unless the
// pattern says (?-i), and each byte is a character of its own: the expression is over the
// runes 0 to 255, and what it is matched with is read through byteRunes. n is its size.
func pattern(text string) (compiled *regexp.Regexp, n int, err error) {
	if len(text) > maxPattern {
		return nil, 0, errTooLarge
	}
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	re, err := syntax.Parse(string(runes), syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, 0, patternError(err)
	}
	if n = size(re); n > maxPattern {
		return nil, 0, errTooLarge
	}
	compiled, err = regexp.Compile(adapt(re).String())
	return compiled, n, err
}

var (
	errTooLarge     = fmt.Errorf("larger than %d characters with its repetitions written out", maxPattern)
	errManyPatterns = fmt.Errorf("with the others larger than %d characters, repetitions written out", maxPatterns)
)

// patternError puts the library's error into the words of the filter.
func patternError(err error) error {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return err
	}
	what := e.Code.String()
	if e.Code == syntax.ErrInvalidPerlOp {
		what = "no lookahead, lookbehind or other Perl extension"
	}
	if e.Expr == "" || strings.ContainsFunc(e.Expr, func(r rune) bool { return r < ' ' || r >= utf8.RuneSelf }) {
		return errors.New(what)
	}
	return fmt.Errorf("%s: %s", what, e.Expr)
}

// size estimates the length of a pattern with repetitions written out.
func size(re *syntax.Regexp) int {
	n := max(1, len(re.Rune))
	switch re.Op {
	case syntax.OpCapture, syntax.OpConcat, syntax.OpRepeat:
		n = 0
	}
	for _, sub := range re.Sub {
		if n += size(sub); n > maxPattern {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}

// adapt makes the parsed pattern mean what PCRE, which Wireshark uses, makes of it: $
// also matches before a line feed that ends the text, and upper and lower case is known of
// ASCII letters only.
func adapt(re *syntax.Regexp) *syntax.Regexp {
	for i, sub := range re.Sub {
		re.Sub[i] = adapt(sub)
	}
	switch {
	case re.Op == syntax.OpEndText && re.Flags&syntax.WasDollar != 0:
		end := *re
		end.Flags &^= syntax.WasDollar // \z
		feed := &syntax.Regexp{Op: syntax.OpLiteral, Rune: []rune{'\n'}}
		return &syntax.Regexp{Op: syntax.OpConcat, Sub: []*syntax.Regexp{{Op: syntax.OpQuest, Sub: []*syntax.Regexp{feed}}, &end}}
	case re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase != 0:
		return unfold(re)
	}
	return re
}

// unfold takes the indifference to case from the letters of a literal that are not ASCII.
func unfold(re *syntax.Regexp) *syntax.Regexp {
	whole := &syntax.Regexp{Op: syntax.OpConcat}
	for start := 0; start < len(re.Rune); {
		end, ascii := start, re.Rune[start] < utf8.RuneSelf
		for end < len(re.Rune) && (re.Rune[end] < utf8.RuneSelf) == ascii {
			end++
		}
		part := &syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags, Rune: re.Rune[start:end]}
		if !ascii {
			part.Flags &^= syntax.FoldCase
		}
		whole.Sub = append(whole.Sub, part)
		start = end
	}
	if len(whole.Sub) == 1 {
		return whole.Sub[0]
	}
	return whole
}

// byteRunes reads bytes or text as runes, one for each byte.
type byteRunes struct {
	bytes []byte
	text  string
	at    int
}

// ReadRune implements io.RuneReader.
func (b *byteRunes) ReadRune() (r rune, size int, err error) {
	switch {
	case b.at < len(b.bytes):
		r = rune(b.bytes[b.at])
	case b.at < len(b.text):
		r = rune(b.text[b.at])
	default:
		return 0, 0, errEnd
	}
	b.at++
	return r, 1, nil
}

// errEnd ends the reading; which error it is does not matter to regexp.
var errEnd = errors.New("end")
