package filter

// What can stand at a place, for messages: the likeliest words, not the whole grammar.
var (
	termWords  = []string{"a protocol", "host", "net", "port", "src", "dst", "not", "("}
	idWords    = []string{"a name", "a number", "an address"}
	afterTerm  = []string{"and", "or", "the end"}
	relations  = []string{"=", "!=", "<", ">", "<=", ">="}
	arithWords = []string{"a number", "len", "a packet access such as tcp[13]", "("}
)

// failAt leaves the parser with an error at t.
func (p *parser) failAt(t *token, r Reason, msg string, expected ...string) {
	panic(compileError{&Error{Expr: p.text, Pos: t.pos, Near: p.text[t.pos:t.end], Reason: r, Message: msg, Expected: expected}})
}

// unexpected leaves the parser because the next token cannot stand where it does.
func (p *parser) unexpected(expected []string) {
	t := p.peek()
	e := &Error{Expr: p.text, Pos: t.pos, Near: p.text[t.pos:t.end], Expected: expected}
	switch t.kind {
	case tkBad:
		e.Message, e.Expected = t.msg, nil
	case tkEnd:
		e.Message = "something is missing"
	case tkID:
		e.Message = "unexpected word " + quoted(t.text)
		e.Suggestion = nearest(t.text, keywordList)
	default:
		e.Message = "unexpected " + quoted(e.Near)
	}
	panic(compileError{e})
}

// closing leaves the parser because the bracket at open is not closed where it should be.
func (p *parser) closing(open *token) {
	want := ")"
	if open.num == '[' {
		want = "]"
	}
	p.unexpected([]string{want})
}

// lonely leaves the parser because an id stands where none can: the commonest mistake, so it is told in full.
func (p *parser) lonely(t *token) {
	e := &Error{Expr: p.text, Pos: t.pos, Near: p.text[t.pos:t.end]}
	switch t.kind {
	case tkBad:
		e.Message = t.msg
	case tkID:
		e.Message = "unknown word " + quoted(t.text)
		e.Suggestion = nearest(t.text, keywordList)
		if e.Suggestion == "" {
			e.Suggestion = "host " + t.text
		}
	case tkNum:
		e.Message, e.Suggestion = "a number without a qualifier", "port "+t.text
	case tkMAC:
		e.Message, e.Suggestion = "a MAC address without a qualifier", "ether host "+t.text
	case tkIPv4, tkIPv6:
		e.Message, e.Suggestion = "an address without a qualifier", "host "+t.text
		if p.i+2 < len(p.toks) && p.toks[p.i].kind == t.kind {
			if s := &p.toks[p.i+1]; s.kind == tkOp && s.num == '/' {
				e.Suggestion = "net " + t.text + "/" + p.toks[p.i+2].text
			}
		}
	default:
		p.unexpected(termWords)
	}
	panic(compileError{e})
}

// missingID leaves the parser because qualifiers have nothing to qualify.
func (p *parser) missingID(q qual, typed bool) {
	want := map[kind]string{kDefault: "a host", kHost: "a host", kNet: "a network", kPort: "a port",
		kPortRange: "a port range such as 6000-6008", kProto: "a protocol number or \\name",
		kProtoChain: "a protocol", kGateway: "a host"}[q.kind]
	t := p.peek()
	expected := []string{want}
	if !typed {
		expected = append([]string{"host", "net", "port", "portrange"}, want)
	}
	if t.kind == tkProto || t.kind == tkNum || t.kind == tkBad || t.kind == tkEnd || t.kind == tkID || t.kind == tkOp {
		if q.kind == kProto && t.kind == tkProto {
			panic(compileError{&Error{Expr: p.text, Pos: t.pos, Near: t.text, Expected: expected,
				Message: "a keyword as a name needs a backslash", Suggestion: "proto \\" + t.text}})
		}
		p.unexpected(expected)
	}
	panic(compileError{&Error{Expr: p.text, Pos: t.pos, Near: p.text[t.pos:t.end], Expected: expected,
		Message: "unexpected " + quoted(p.text[t.pos:t.end]), Suggestion: ""}})
}
