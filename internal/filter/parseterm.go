package filter

// term reads a primitive that begins with a keyword, with its ids. The second value is what an id after it inherits.
func (p *parser) term() (expr, qual) {
	t := p.peek()
	switch t.kind {
	case tkProto:
		p.i++
		return p.afterProto(t)
	case tkSrc, tkDst, tkAddr, tkHost, tkNet, tkPort, tkPortRange, tkGateway, tkProtoWord, tkProtoChain:
		return p.head(t, pDefault)
	}
	return p.special(pDefault), noQual
}

// afterProto reads what follows a protocol's name: qualifiers and an id, a special primitive, or nothing.
func (p *parser) afterProto(name *token) (expr, qual) {
	switch n := p.peek(); n.kind {
	case tkSrc, tkDst, tkAddr, tkHost, tkNet, tkPort, tkPortRange, tkGateway, tkProtoWord, tkProtoChain:
		return p.head(name, name.proto)
	case tkBroadcast, tkMulticast, tkType, tkSubtype, tkDir:
		e := p.special(name.proto)
		e.pos = name.pos
		return e, noQual
	}
	return &abbreviation{pos: name.pos, proto: name.proto}, noQual
}

// head reads direction and type qualifiers and the id that they belong to.
func (p *parser) head(at *token, pr proto) (expr, qual) {
	q := qual{proto: pr}
	typed := true
	switch t := p.peek(); t.kind {
	case tkSrc, tkDst, tkAddr:
		q.dir = p.direction()
		switch p.peek().kind {
		case tkHost, tkNet, tkPort, tkPortRange:
			q.kind = kindOf(p.next())
		default:
			typed = false
		}
	default:
		q.kind = kindOf(p.next())
	}
	if !p.startsID() {
		p.missingID(q, typed)
	}
	e := p.ids(q)
	if pe, ok := e.(*primitive); ok {
		pe.pos = at.pos
	}
	return e, q
}

// direction reads src, dst, their pairs, or one of the 802.11 address words.
func (p *parser) direction() dir {
	t := p.next()
	other := tkDst
	d := dSrc
	switch t.kind {
	case tkAddr:
		return dir(t.num)
	case tkDst:
		other, d = tkSrc, dDst
	}
	join := p.peek().kind
	if join != tkAnd && join != tkOr {
		return d
	}
	p.i++
	if p.peek().kind != other {
		p.unexpected([]string{map[tok]string{tkSrc: "src", tkDst: "dst"}[other]})
	}
	p.i++
	if join == tkAnd {
		return dAnd
	}
	return dOr
}

// kindOf is the type qualifier that a token is.
func kindOf(t *token) kind {
	switch t.kind {
	case tkHost:
		return kHost
	case tkNet:
		return kNet
	case tkPort:
		return kPort
	case tkPortRange:
		return kPortRange
	case tkGateway:
		return kGateway
	case tkProtoChain:
		return kProtoChain
	}
	return kProto
}

// startsID reports whether the next token can begin an id.
func (p *parser) startsID() bool {
	switch t := p.peek(); t.kind {
	case tkNum, tkID, tkIPv4, tkIPv6, tkMAC, tkArc:
		return true
	case tkOp:
		return t.num == '!' || t.num == '('
	}
	return false
}

// ids reads one id, a negated one, or a list in parentheses: "port (80 or 443)".
func (p *parser) ids(q qual) expr {
	p.enter()
	defer p.leave()
	t := p.peek()
	switch {
	case p.isOp('!'):
		return &negation{pos: t.pos, x: p.ids(q)}
	case p.isOp('('):
		e := p.ids(q)
		for {
			j := p.peek()
			if j.kind != tkAnd && j.kind != tkOr {
				break
			}
			p.i++
			e = &binary{pos: j.pos, or: j.kind == tkOr, l: e, r: p.ids(q)}
		}
		if !p.isOp(')') {
			p.closing(t)
		}
		return &group{pos: t.pos, x: e}
	}
	return p.id(q)
}

// id reads a single id.
func (p *parser) id(q qual) expr {
	t := p.next()
	e := &primitive{pos: t.pos, q: p.need(q, t), id: *t, bits: -1}
	switch t.kind {
	case tkNum, tkID, tkMAC, tkArc:
	case tkIPv4:
		switch {
		case p.isOp('/'):
			e.bits = p.prefixLength()
		case p.peek().kind == tkMask:
			p.i++
			if p.peek().kind != tkIPv4 {
				p.unexpected([]string{"a netmask such as 255.255.255.0"})
			}
			e.mask = *p.next()
		}
	case tkIPv6:
		if p.isOp('/') {
			e.bits = p.prefixLength()
		}
	default:
		p.i--
		p.unexpected(idWords)
	}
	return e
}

// prefixLength reads the number after the slash; anything above 128 is as wrong as 129.
func (p *parser) prefixLength() int {
	return int(min(p.number("a prefix length").num, 129))
}

// number reads a number; what names it in the error.
func (p *parser) number(what string) *token {
	if p.peek().kind != tkNum {
		p.unexpected([]string{what})
	}
	return p.next()
}

// optionalNumber reads a number, which may stand in parentheses, if one is there.
func (p *parser) optionalNumber(what string) (uint32, bool) {
	switch t := p.peek(); {
	case t.kind == tkNum:
		return p.next().num, true
	case p.isOp('('):
		p.enter()
		defer p.leave()
		n, ok := p.optionalNumber(what)
		if !ok {
			p.unexpected([]string{what})
		}
		if !p.isOp(')') {
			p.closing(t)
		}
		return n, true
	}
	return 0, false
}

// special reads the primitives that have a syntax of their own.
func (p *parser) special(pr proto) *special {
	t := p.peek()
	e := &special{pos: t.pos, word: t.kind, proto: pr}
	switch t.kind {
	case tkBroadcast, tkMulticast, tkInbound, tkOutbound, tkPppoed:
		p.i++
	case tkLess, tkGreater:
		p.i++
		e.num, e.has = p.number("a length in bytes").num, true
	case tkIfindex:
		p.i++
		e.num, e.has = p.number("an interface number").num, true
	case tkVlan:
		p.i++
		e.num, e.has = p.optionalNumber("a VLAN id")
	case tkMpls:
		p.i++
		e.num, e.has = p.optionalNumber("an MPLS label")
	case tkPppoes:
		p.i++
		e.num, e.has = p.optionalNumber("a PPPoE session id")
	case tkGeneve, tkVxlan:
		p.i++
		e.num, e.has = p.optionalNumber("a network identifier (VNI)")
	case tkByte:
		p.i++
		p.byteTest(e)
	case tkLLC:
		p.i++
		if n := p.peek(); n.kind == tkID || n.kind == tkRnr {
			e.name, e.has = *p.next(), true
		}
	case tkIfname:
		p.i++
		if p.peek().kind != tkID {
			p.unexpected([]string{"an interface name"})
		}
		e.name = *p.next()
	case tkType:
		p.i++
		e.name = *p.nameOrNumber("an 802.11 frame type")
		if p.peek().kind == tkSubtype {
			p.i++
			e.sub, e.has = *p.nameOrNumber("an 802.11 frame subtype"), true
		}
	case tkSubtype:
		p.i++
		if p.peek().kind != tkID {
			p.unexpected([]string{"an 802.11 frame subtype"})
		}
		e.sub, e.has = *p.next(), true
	case tkDir:
		p.i++
		e.name = *p.nameOrNumber("nods, tods, fromds or dstods")
	case tkForeign, tkRnr:
		p.failAt(t, Unsupported, "the word "+quoted(t.text)+" is for ATM, SS7 or pf captures, which are not supported")
	default:
		p.unexpected(termWords)
	}
	e.end = p.toks[p.i-1].end
	return e
}

func (p *parser) nameOrNumber(what string) *token {
	if k := p.peek().kind; k != tkNum && k != tkID {
		p.unexpected([]string{what})
	}
	return p.next()
}

// byteTest reads "byte OFFSET OP VALUE".
func (p *parser) byteTest(e *special) {
	e.num = p.number("a byte offset").num
	t := p.peek()
	if t.kind == tkOp {
		switch t.num {
		case '&', '|', '<', '>', '=':
			e.op = byte(t.num)
		}
	}
	if e.op == 0 {
		p.unexpected([]string{"&", "|", "<", ">", "="})
	}
	p.i++
	e.num2, e.has = p.number("a value").num, true
}
