package filter

// What can stand at a place, for messages: the likeliest words, not the whole grammar.
var (
	termWords  = []string{"a protocol", "host", "net", "port", "src", "dst", "not", "'('"}
	idWords    = []string{"a name", "a number", "an address"}
	afterTerm  = []string{"and", "or", "the end"}
	relations  = []string{"=", "!=", "<", ">", "<=", ">="}
	arithWords = []string{"a number", "len", "a packet access such as tcp[13]", "'('"}
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
		e.Suggestion = similar(t.text, keywordList)
	default:
		e.Message = "unexpected " + quoted(e.Near)
	}
	panic(compileError{e})
}

// closing leaves the parser because the bracket at open is not closed where it should be.
func (p *parser) closing(open *token) {
	want := "')'"
	if open.num == '[' {
		want = "']'"
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
		e.Suggestion = similar(t.text, keywordList)
		if s, ok := displayFilter(t.text, p.valueAfter()); ok {
			e.Message = quoted(t.text) + " belongs to Wireshark's display filters, this is a capture filter"
			e.Suggestion = s
		} else if e.Suggestion == "" {
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

// displayFilters are fields of Wireshark's display filters with what says the same here.
var displayFilters = map[string]string{
	"ip.addr": "host", "ip.src": "src host", "ip.dst": "dst host", "ip.host": "host", "ipv6.addr": "host", "ipv6.src": "src host",
	"ipv6.dst": "dst host", "eth.addr": "ether host", "eth.src": "ether src", "eth.dst": "ether dst", "eth.type": "ether proto",
	"tcp.port": "tcp port", "tcp.srcport": "tcp src port", "tcp.dstport": "tcp dst port", "udp.port": "udp port",
	"udp.srcport": "udp src port", "udp.dstport": "udp dst port", "ip.proto": "ip proto", "vlan.id": "vlan", "frame.len": "len =",
	"tcp.flags.syn": "tcp[tcpflags] & tcp-syn != 0", "tcp.flags.reset": "tcp[tcpflags] & tcp-rst != 0",
	"tcp.flags.fin": "tcp[tcpflags] & tcp-fin != 0", "dns": "port 53", "http": "tcp port 80", "tls": "tcp port 443", "ssl": "tcp port 443",
}

// displayFilter translates a field of Wireshark's display filters and the value that it is compared with.
func displayFilter(field, value string) (string, bool) {
	s, ok := displayFilters[field]
	if ok && value != "" && s[len(s)-1] != '0' && field != "dns" && field != "tls" && field != "ssl" {
		s += " " + value
	}
	return s, ok
}

// valueAfter is what follows a comparison sign after the word at hand.
func (p *parser) valueAfter() string {
	if p.i+2 >= len(p.toks) {
		return ""
	}
	if op := p.toks[p.i+1]; op.kind != tkOp || op.num != '=' {
		return ""
	}
	switch v := p.toks[p.i+2]; v.kind {
	case tkNum, tkIPv4, tkIPv6, tkMAC, tkID:
		return v.text
	}
	return ""
}
