package filter

// arithPrec is the precedence of a binary arithmetic operator, 0 for every other token. '%' and '^' have none of
// their own in the language: they take everything to their right, and bind tighter than what stands to their left.
func arithPrec(t *token) int {
	switch t.kind {
	case tkShl, tkShr:
		return 3
	case tkOp:
		switch t.num {
		case '|':
			return 1
		case '&':
			return 2
		case '+', '-':
			return 4
		case '*', '/':
			return 5
		case '%', '^':
			return 7
		}
	}
	return 0
}

// relationOf is the comparison that a token stands for; not says that it is the opposite of op.
func relationOf(t *token) (op relop, not, ok bool) {
	switch t.kind {
	case tkGE:
		return opGE, false, true
	case tkLE:
		return opGT, true, true
	case tkNE:
		return opEQ, true, true
	case tkOp:
		switch t.num {
		case '>':
			return opGT, false, true
		case '<':
			return opGE, true, true
		case '=':
			return opEQ, false, true
		}
	}
	return 0, false, false
}

const precUnary = 6

// arith reads an arithmetic expression whose operators bind at least as tightly as prec.
func (p *parser) arith(prec int) *arith {
	return p.arithRest(p.unary(), prec)
}

// arithRest continues an arithmetic expression after its first operand.
func (p *parser) arithRest(left *arith, prec int) *arith {
	for {
		t := p.peek()
		tp := arithPrec(t)
		if tp == 0 || tp < prec {
			return left
		}
		p.i++
		right := tp + 1
		if tp == 7 {
			right = 0
		}
		r := p.arith(right)
		left = &arith{pos: t.pos, op: arithOpOf(t), l: left, r: r}
	}
}

func arithOpOf(t *token) arithOp {
	switch t.kind {
	case tkShl:
		return aShl
	case tkShr:
		return aShr
	}
	switch t.num {
	case '+':
		return aAdd
	case '-':
		return aSub
	case '*':
		return aMul
	case '/':
		return aDiv
	case '%':
		return aMod
	case '&':
		return aAnd
	case '|':
		return aOr
	}
	return aXor
}

// unary reads a number, len, an access to the packet, a negated operand or one in parentheses.
func (p *parser) unary() *arith {
	p.enter()
	defer p.leave()
	t := p.peek()
	switch t.kind {
	case tkNum:
		p.i++
		return &arith{pos: t.pos, op: aNum, num: t.num}
	case tkLen:
		p.i++
		return &arith{pos: t.pos, op: aLen}
	case tkProto:
		p.i++
		return p.access(t)
	case tkOp:
		switch t.num {
		case '-':
			p.i++
			return &arith{pos: t.pos, op: aNeg, l: p.arith(precUnary)}
		case '(':
			p.i++
			a := p.arith(0)
			if !p.isOp(')') {
				p.closing(t)
			}
			return a
		}
	}
	p.unexpected(arithWords)
	return nil
}

// access reads the brackets after a protocol: [offset] or [offset:size].
func (p *parser) access(name *token) *arith {
	open := p.peek()
	if !p.isOp('[') {
		p.unexpected([]string{"["})
	}
	e := &arith{pos: name.pos, op: aLoad, proto: name.proto, size: 1, l: p.arith(0)}
	if p.isOp(':') {
		e.size = p.number("a size: 1, 2 or 4").num
	}
	if !p.isOp(']') {
		p.closing(open)
	}
	return e
}
