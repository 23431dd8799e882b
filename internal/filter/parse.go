package filter

// maxDepth bounds the nesting of parentheses, negations and arithmetic: the parser and the generator recurse.
const maxDepth = 500

// parser reads tokens by recursive descent. Errors travel as a panic with compileError up to parse.
type parser struct {
	text  string
	toks  []token
	i     int
	depth int
}

// parse reads the whole text. The tree is nil for an empty expression.
func parse(text string) (e expr, err error) {
	p := &parser{text: text, toks: lex(text)}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case compileError:
			e, err = nil, r.err
		default:
			panic(r)
		}
	}()
	if p.peek().kind == tkEnd {
		return nil, nil
	}
	it := p.conditions(noQual, false)
	if it.kind != itTerm {
		p.unexpected(nil)
	}
	if p.peek().kind != tkEnd {
		p.unexpected(afterTerm)
	}
	return it.e, nil
}

func (p *parser) peek() *token { return &p.toks[p.i] }

func (p *parser) next() *token {
	t := &p.toks[p.i]
	if t.kind != tkEnd && t.kind != tkBad {
		p.i++
	}
	return t
}

// isOp reports whether the next token is the operator character c, and takes it.
func (p *parser) isOp(c byte) bool {
	if t := p.peek(); t.kind == tkOp && t.num == uint32(c) {
		p.i++
		return true
	}
	return false
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.failAt(p.peek(), TooLarge, "nested too deeply")
	}
}

func (p *parser) leave() { p.depth-- }

// itemKind is what an operand turned out to be. An id is a name, number or address that needs qualifiers from its
// left; a number or an arithmetic expression is none of both until what follows decides.
type itemKind uint8

const (
	itTerm itemKind = iota
	itID
	itNum
	itArith
)

// item is an operand with the qualifiers that an id to its right inherits.
type item struct {
	kind itemKind
	e    expr
	q    qual
	num  token  // for itNum
	a    *arith // for itNum and itArith
}

// conditions reads operands joined by "and" and "or", which bind equally and to the left. q is what ids inherit;
// idFirst says whether the first operand may be an id.
func (p *parser) conditions(q qual, idFirst bool) item {
	return p.rest(p.operand(q, idFirst))
}

// operand reads one operand and what makes it whole: a relation's other side, or nothing. The result is a term or an
// id, never a bare number.
func (p *parser) operand(q qual, idAllowed bool) item {
	at := p.peek()
	it := p.settle(p.item(q, idAllowed), at)
	switch it.kind {
	case itArith:
		p.unexpected(relations)
	case itNum:
		if !idAllowed {
			p.lonely(at)
		}
		it = p.numberID(it, q)
	case itID:
		if !idAllowed {
			p.lonely(at)
		}
	}
	return it
}

// settle continues an arithmetic operand with operators, and with a relation if one follows.
func (p *parser) settle(it item, at *token) item {
	if it.kind != itNum && it.kind != itArith {
		return it
	}
	if arithPrec(p.peek()) > 0 {
		it = item{kind: itArith, a: p.arithRest(it.a, 0)}
	}
	op, not, ok := relationOf(p.peek())
	if !ok {
		return it
	}
	t := p.next()
	r := p.arith(0)
	return item{kind: itTerm, q: noQual, e: &relation{pos: at.pos, op: op, not: not, text: t.text, l: it.a, r: r}}
}

// numberID makes an id of a bare number.
func (p *parser) numberID(it item, q qual) item {
	return item{kind: itID, q: q, e: &primitive{pos: it.num.pos, q: p.need(q, &it.num), id: it.num, bits: -1}}
}

// need refuses an id that has no qualifiers to inherit.
func (p *parser) need(q qual, t *token) qual {
	if q.kind == kUndef {
		p.lonely(t)
	}
	return q
}

// item reads the beginning of an operand; numbers and arithmetic come back unsettled.
func (p *parser) item(q qual, idAllowed bool) item {
	p.enter()
	defer p.leave()
	t := p.peek()
	switch t.kind {
	case tkOp:
		switch t.num {
		case '!':
			p.i++
			it := p.operand(q, idAllowed)
			return item{kind: it.kind, q: it.q, e: &negation{pos: t.pos, x: it.e}}
		case '(':
			return p.parens(q, idAllowed)
		case '-':
			return item{kind: itArith, a: p.unary()}
		}
	case tkNum:
		p.i++
		return item{kind: itNum, num: *t, a: &arith{pos: t.pos, op: aNum, num: t.num}}
	case tkLen:
		p.i++
		return item{kind: itArith, a: &arith{pos: t.pos, op: aLen}}
	case tkID, tkIPv4, tkIPv6, tkMAC, tkArc:
		if !idAllowed {
			p.lonely(t)
		}
		return item{kind: itID, e: p.id(q), q: q}
	case tkProto:
		if n := &p.toks[p.i+1]; n.kind == tkOp && n.num == '[' {
			return item{kind: itArith, a: p.unary()}
		}
	}
	e, eq := p.term()
	return item{kind: itTerm, e: e, q: eq}
}

// parens reads what stands in parentheses: conditions, ids that inherit, or arithmetic.
func (p *parser) parens(q qual, idAllowed bool) item {
	open := p.next()
	at := p.peek()
	it := p.settle(p.item(q, idAllowed), at)
	t := p.peek()
	switch {
	case (it.kind == itNum || it.kind == itArith) && p.isOp(')'):
		return it
	case it.kind == itArith:
		p.unexpected(relations)
	case it.kind == itNum:
		if !idAllowed || t.kind != tkAnd && t.kind != tkOr {
			p.unexpected(append([]string{"')'"}, relations...))
		}
		it = p.numberID(it, q)
	case it.kind == itID && !idAllowed:
		p.lonely(at)
	}
	it = p.rest(it)
	if !p.isOp(')') {
		p.closing(open)
	}
	if it.kind == itTerm {
		it.q = q
	}
	it.e = &group{pos: open.pos, x: it.e}
	return it
}

// rest continues conditions whose first operand is read. A list that begins with an id goes on with ids only.
func (p *parser) rest(left item) item {
	for {
		t := p.peek()
		if t.kind != tkAnd && t.kind != tkOr {
			return left
		}
		p.i++
		at := p.peek()
		right := p.operand(left.q, true)
		if left.kind == itID && right.kind != itID {
			p.failAt(at, BadSyntax, "a list of ids in parentheses goes on with ids only", idWords...)
		}
		left = item{kind: left.kind, q: right.q, e: &binary{pos: t.pos, or: t.kind == tkOr, l: left.e, r: right.e}}
	}
}
