package filter

import "fmt"

// maxExpr bounds an expression in bytes: tcpdump users join files of addresses, nobody writes more than this.
const maxExpr = 1 << 20

// lex splits expr into tokens; the last one is tkEnd. Text that is no token becomes one tkBad token with a message,
// and lexing stops there.
//
// At each place the longest candidate wins, and among equally long ones a keyword goes before an address, an address
// before a number, a number before a name. So 1.2.3.4 is an address, 1.2.3.4.5 a name, 001122334455 a MAC address.
func lex(expr string) []token {
	toks := make([]token, 0, 8+len(expr)/4)
	if len(expr) > maxExpr {
		return append(toks, token{kind: tkBad, msg: fmt.Sprintf("expression is longer than %d bytes", maxExpr)})
	}
	for i := 0; ; {
		for i < len(expr) && isSpace(expr[i]) {
			i++
		}
		if i == len(expr) {
			return append(toks, token{kind: tkEnd, pos: i, end: i})
		}
		t := lexOne(expr, i)
		toks = append(toks, t)
		if t.kind == tkBad {
			return toks
		}
		i = t.end
	}
}

// lexOne reads the token that begins at i, which is no white space.
func lexOne(s string, i int) token {
	c := s[i]
	if isAlnum(c) || c == ':' {
		if t, ok := lexWord(s, i); ok {
			return t
		}
	}
	two := ""
	if i+1 < len(s) {
		two = s[i : i+2]
	}
	t := token{pos: i, end: i + 2, text: two}
	switch two {
	case "&&":
		t.kind = tkAnd
		return t
	case "||":
		t.kind = tkOr
		return t
	case ">=":
		t.kind = tkGE
		return t
	case "<=":
		t.kind = tkLE
		return t
	case "!=":
		t.kind = tkNE
		return t
	case "==":
		t.kind, t.num = tkOp, '='
		return t
	case "<<":
		t.kind = tkShl
		return t
	case ">>":
		t.kind = tkShr
		return t
	}
	t.end, t.text = i+1, s[i:i+1]
	switch c {
	case '+', '-', '*', '/', '%', ':', '[', ']', '!', '<', '>', '(', ')', '&', '|', '^', '=':
		t.kind, t.num = tkOp, uint32(c)
		return t
	case '\\':
		j := i + 1
		for j < len(s) && !isEscapeEnd(s[j]) {
			j++
		}
		if j > i+1 {
			return token{kind: tkID, pos: i, end: j, text: s[i+1 : j]}
		}
		t.kind, t.msg = tkBad, "nothing after the backslash"
		return t
	case '$':
		n := hexRun(s, i+1, 2)
		if n > 0 {
			return token{kind: tkArc, pos: i, end: i + 1 + n, text: s[i : i+1+n]}
		}
	}
	t.kind = tkBad
	if c < ' ' || c >= 0x7f {
		t.msg = "a character that no filter expression has"
	} else {
		t.msg = "a character that cannot stand here: " + quoted(t.text)
	}
	return t
}

// lexWord reads what begins with a letter, a digit or a colon: keyword, address, number or name.
func lexWord(s string, i int) (token, bool) {
	id := nameRun(s, i)
	best, kind := 0, tkBad
	try := func(n int, k tok) {
		if n > best {
			best, kind = n, k
		}
	}
	colon := colonAhead(s, i)
	if colon || isHex(s[i]) {
		try(macLen(s, i), tkMAC)
	}
	if isDigit(s[i]) {
		n := numberLen(s, i)
		try(n, tkNum)
		try(dottedLen(s, i, n), tkIPv4)
	}
	if colon {
		try(ipv6Len(s, i), tkIPv6)
		if n := brokenMACLen(s, i); n > best {
			return token{kind: tkBad, pos: i, end: i + n, text: s[i : i+n],
				msg: quoted(s[i:i+n]) + " begins like a MAC or IPv6 address and is none"}, true
		}
	}
	if id > 0 && id >= best {
		w, ok := keywords[s[i:i+id]]
		if ok {
			return token{kind: w.kind, pos: i, end: i + id, num: w.num, proto: w.proto, text: s[i : i+id]}, true
		}
	}
	try(id, tkID)
	if best == 0 {
		return token{}, false
	}
	t := token{kind: kind, pos: i, end: i + best, text: s[i : i+best]}
	if kind == tkNum {
		n, err := parseNumber(t.text)
		if err != "" {
			t.kind, t.msg = tkBad, err
		}
		t.num = n
	}
	return t, true
}

// nameRun is the length of the name at i: it ends in a letter, a digit or a dot.
func nameRun(s string, i int) int {
	if !isAlnum(s[i]) {
		return 0
	}
	n := 1
	for j := i + 1; j < len(s); j++ {
		switch c := s[j]; {
		case isAlnum(c) || c == '.':
			n = j + 1 - i
		case c == '-' || c == '_':
		default:
			return n
		}
	}
	return n
}

// parseNumber reads decimal, 0-octal and 0x-hexadecimal as C does, up to 32 bits. The second value is what is wrong.
func parseNumber(s string) (uint32, string) {
	base, digits := uint64(10), s
	if len(s) > 1 && s[0] == '0' {
		base, digits = 8, s[1:]
		if s[1] == 'x' || s[1] == 'X' {
			base, digits = 16, s[2:]
		}
	}
	var n uint64
	for i := 0; i < len(digits); i++ {
		d := uint64(hexVal(digits[i]))
		if d >= base {
			return 0, "number " + s + " begins with 0 and so is octal, but has a digit above 7"
		}
		n = n*base + d
		if n > 0xffffffff {
			return 0, "number " + s + " does not fit into 32 bits"
		}
	}
	return uint32(n), ""
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isEscapeEnd(c byte) bool {
	return c == ' ' || c == '!' || c == '(' || c == ')' || c == '\n' || c == '\t'
}
func isDigit(c byte) bool { return c-'0' < 10 }
func isAlnum(c byte) bool { return c-'0' < 10 || c|0x20-'a' < 26 }
func isHex(c byte) bool   { return c-'0' < 10 || c|0x20-'a' < 6 }

// hexVal is the value of a hexadecimal digit.
func hexVal(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
