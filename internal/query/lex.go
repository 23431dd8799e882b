package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a filter's text. A filter that goes beyond is refused.
const (
	maxText  = 16 << 10 // bytes
	maxDepth = 100      // of parentheses, braces, calls and negations within each other
)

// tokenKind says what a token is.
type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a name, a number, an address: letters, digits and _ . : / -
	tokenString           // "…" or r"…"; value holds what it stands for
	tokenChar             // '…': one byte
	tokenIndex            // [ … ]: the text between the brackets
	tokenSign             // an operator or a bracket
)

// token is a piece of a filter's text.
type token struct {
	kind     tokenKind
	pos, end int
	text     string // as written; of tokenIndex: what is between the brackets
	value    string // of tokenString and tokenChar: the bytes
}

// signs are the tokens that are not words, longest first where one begins another.
var signs = []string{
	"===", "!==", "==", "!=", "~=", ">=", "<=", "&&", "||", "^^", "..",
	"=", ">", "<", "!", "~", "&", "+", "-", "*", "%", "/", "(", ")", "{", "}", ",", "#", ";", "|", "^",
}

// operatorWords are the words that stand for signs.
var operatorWords = map[string]string{
	"and": "&&", "or": "||", "xor": "^^", "not": "!",
	"eq": "==", "any_eq": "==", "all_ne": "!=", "ne": "!=", "all_eq": "===", "any_ne": "!==", "~=": "!==",
	"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "matches": "~", "bitwise_and": "&",
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '.' || c == ':' || c == '/' || c == '-'
}

// lex cuts a filter into tokens; the last one is tokenEnd. On an error the tokens before
// it are returned too.
func lex(text string) ([]token, error) {
	if len(text) > maxText {
		return nil, &SyntaxError{Pos: maxText, End: len(text), What: fmt.Sprintf("the filter is longer than %d bytes", maxText)}
	}
	tokens := make([]token, 0, len(text)/4+4)
	for at := 0; ; {
		for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
			at++
		}
		if at == len(text) {
			return append(tokens, token{kind: tokenEnd, pos: at, end: at}), nil
		}
		t, err := next(text, at)
		if err != nil {
			return tokens, err
		}
		tokens = append(tokens, t)
		at = t.end
	}
}

// next returns the token at a byte of the text that is no space.
func next(text string, at int) (token, error) {
	switch c := text[at]; {
	case c == '"':
		return quoted(text, at, at, false)
	case (c == 'r' || c == 'R') && strings.HasPrefix(text[at+1:], `"`):
		return quoted(text, at, at+1, true)
	case c == '\'':
		return character(text, at)
	case c == '[':
		n := strings.IndexByte(text[at:], ']')
		if n < 0 {
			return token{}, &SyntaxError{Pos: at, End: len(text), What: "[ is not closed", Expected: "]"}
		}
		return token{kind: tokenIndex, pos: at, end: at + n + 1, text: text[at+1 : at+n]}, nil
	case isWordByte(c) && c != '-' && c != '/' && !strings.HasPrefix(text[at:], ".."):
		end := at
		for end < len(text) && isWordByte(text[end]) && !strings.HasPrefix(text[end:], "..") {
			end++
		}
		return token{kind: tokenWord, pos: at, end: end, text: text[at:end]}, nil
	}
	for _, s := range signs {
		if strings.HasPrefix(text[at:], s) {
			return token{kind: tokenSign, pos: at, end: at + len(s), text: s}, nil
		}
	}
	r, n := utf8.DecodeRuneInString(text[at:])
	return token{}, &SyntaxError{Pos: at, End: at + n, What: fmt.Sprintf("%q cannot stand here", r)}
}

// quoted reads a string whose quotation mark stands at open. In a raw one a backslash
// stands for itself.
func quoted(text string, at, open int, raw bool) (token, error) {
	var value []byte
	for i := open + 1; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			return token{kind: tokenString, pos: at, end: i + 1, text: text[at : i+1], value: string(value)}, nil
		case c == '\\' && raw && strings.HasPrefix(text[i+1:], `"`):
			value = append(value, '\\', '"')
			i += 2
		case c == '\\' && !raw:
			var err error
			if value, i, err = escape(text, i, value); err != nil {
				return token{}, err
			}
		default:
			value = append(value, c)
			i++
		}
	}
	return token{}, &SyntaxError{Pos: at, End: len(text), What: "the string is not closed", Expected: `"`}
}

// character reads a byte in apostrophes.
func character(text string, at int) (token, error) {
	bad := &SyntaxError{Pos: at, End: min(len(text), at+4), What: "a byte in apostrophes is one ASCII character or one escape", Expected: `for example 'A' or '\x41'`}
	i := at + 1
	if i >= len(text) || text[i] == '\'' || text[i] >= utf8.RuneSelf {
		return token{}, bad
	}
	value := []byte{text[i]}
	if text[i] == '\\' {
		var err error
		if value, i, err = escape(text, i, nil); err != nil {
			return token{}, err
		}
	} else {
		i++
	}
	if len(value) != 1 || i >= len(text) || text[i] != '\'' {
		return token{}, bad
	}
	return token{kind: tokenChar, pos: at, end: i + 1, text: text[at : i+1], value: string(value)}, nil
}

// escape appends what the escape at text[i], a backslash, stands for, and returns the
// place behind it. The escapes are those of C.
func escape(text string, i int, value []byte) ([]byte, int, error) {
	const plain, meant = `abfnrtv\"'?`, "\a\b\f\n\r\t\v\\\"'?"
	if i+1 < len(text) {
		c := text[i+1]
		if n := strings.IndexByte(plain, c); n >= 0 {
			return append(value, meant[n]), i + 2, nil
		}
		digits, base, most := i+1, 8, 3
		switch c {
		case 'x':
			digits, base, most = i+2, 16, 2
		case 'u':
			digits, base, most = i+2, 16, 4
		case 'U':
			digits, base, most = i+2, 16, 8
		}
		n, end := 0, digits
		for end < len(text) && end < digits+most {
			d := digit(text[end])
			if d >= base {
				break
			}
			n, end = n*base+d, end+1
		}
		switch {
		case end == digits:
		case most > 3 && end-digits == most && utf8.ValidRune(rune(n)):
			return utf8.AppendRune(value, rune(n)), end, nil
		case most <= 3 && n <= 0xff:
			return append(value, byte(n)), end, nil
		}
	}
	return nil, 0, &SyntaxError{
		Pos: i, End: min(i+2, len(text)), What: text[i:min(i+2, len(text))] + " is no escape",
		Expected: `one of \a \b \f \n \r \t \v \\ \" \' \? \xHH \OOO \uHHHH; patterns read well as r"…"`,
	}
}

// digit returns the value of a hexadecimal digit, or 99.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return 99
}
