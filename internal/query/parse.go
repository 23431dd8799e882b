package query

import (
	"fmt"
	"strconv"
)

// parser turns tokens into a filter's tree. It descends no deeper than maxDepth.
type parser struct {
	text     string
	tokens   []token
	at       int
	depth    int
	patterns int // size of all patterns so far
}

func parse(text string) (*Filter, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens}
	if p.peek().kind == tokenEnd {
		return nil, nil //nolint:nilnil // no text is no filter
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.unexpected(t, "&&, || or the end")
	}
	return newFilter(root), nil
}

func (p *parser) peek() *token { return &p.tokens[p.at] }

// sign tells which operator a token is, "" for none.
func (t *token) sign() string {
	switch t.kind {
	case tokenSign:
		if t.text == "~=" {
			return "!=="
		}
		return t.text
	case tokenWord:
		return operatorWords[t.text]
	default:
		return ""
	}
}

// take takes the next token when it is that sign.
func (p *parser) take(sign string) bool {
	if p.peek().sign() != sign {
		return false
	}
	p.at++
	return true
}

// word takes the next token when it is that word.
func (p *parser) word(w string) bool {
	if t := p.peek(); t.kind != tokenWord || t.text != w {
		return false
	}
	p.at++
	return true
}

// enter counts how deep the parser is.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		t := p.peek()
		return &SyntaxError{Pos: t.pos, End: t.end, What: fmt.Sprintf("more than %d levels of brackets and negations", maxDepth)}
	}
	return nil
}

func (p *parser) unexpected(t *token, expected string) error {
	e := &SyntaxError{Pos: t.pos, End: t.end, Expected: expected, What: "the filter ends too early"}
	if t.kind != tokenEnd {
		e.What = strconv.Quote(p.text[t.pos:t.end]) + " cannot stand here"
	}
	if t.text == "=" {
		e.Expected, e.Candidates = "", []string{"=="}
	}
	return e
}

// or reads a || b || …, the weakest connection.
func (p *parser) or() (Expr, error) {
	return p.chain("||", func(p *parser) (Expr, error) {
		return p.chain("^^", func(p *parser) (Expr, error) {
			return p.chain("&&", (*parser).unary, func(l, r Expr) Expr { return &And{l, r} })
		}, func(l, r Expr) Expr { return &Xor{l, r} })
	}, func(l, r Expr) Expr { return &Or{l, r} })
}

func (p *parser) chain(sign string, side func(*parser) (Expr, error), join func(l, r Expr) Expr) (Expr, error) {
	left, err := side(p)
	for err == nil && p.take(sign) {
		var right Expr
		if right, err = side(p); err == nil {
			left = join(left, right)
		}
	}
	return left, err
}

// unary reads a negation, an expression in parentheses, or a test.
func (p *parser) unary() (Expr, error) {
	not, open := p.take("!"), false
	if !not {
		open = p.take("(")
	}
	if !not && !open {
		return p.test()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if not {
		x, err := p.unary()
		return &Not{x}, err
	}
	x, err := p.or()
	if err == nil && !p.take(")") {
		err = p.unexpected(p.peek(), "&&, || or )")
	}
	return x, err
}

// relation is a comparison as it is written.
type relation struct {
	op    Op
	quant Quantifier
	fixed bool // the sign itself says how many values
}

var relations = map[string]relation{
	"==": {Eq, Any, false}, "!=": {Ne, All, false}, "===": {Eq, All, true}, "!==": {Ne, Any, true},
	">": {Gt, Any, false}, ">=": {Ge, Any, false}, "<": {Lt, Any, false}, "<=": {Le, Any, false},
}

// test reads a condition on values: an operand, and what is said of it.
func (p *parser) test() (Expr, error) {
	quant, quantified := Any, p.peek()
	switch {
	case p.word("any"):
	case p.word("all"):
		quant = All
	default:
		quantified = nil
	}
	at := p.peek()
	left, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if rel, ok := relations[t.sign()]; ok {
		p.at++
		if quantified != nil {
			if rel.fixed {
				return nil, &SyntaxError{Pos: t.pos, End: t.end, What: t.text + " says itself how many values are meant", Expected: "no any or all before it"}
			}
			rel.quant = quant
		}
		return p.compare(rel, left)
	}
	switch {
	case p.take("~"):
		return p.matches(quant, left)
	case p.word("contains"):
		return p.contains(quant, left)
	case p.word("in"):
		return p.in(quant, left)
	case t.sign() == "!" && p.at+1 < len(p.tokens) && p.tokens[p.at+1].text == "in":
		p.at += 2
		x, err := p.in(quant, left)
		return &Not{x}, err
	}
	if quantified != nil {
		return nil, p.unexpected(t, "a comparison: == != > >= < <= in contains matches")
	}
	return p.alone(left, at)
}

// alone makes the test of an operand with which nothing is compared.
func (p *parser) alone(left *raw, at *token) (Expr, error) {
	x, err := p.resolve(left)
	if err != nil {
		return nil, err
	}
	switch x.(type) {
	case *FieldRef, *Slice:
		return &Exists{x}, nil
	case *Arith:
		return &Truth{x}, nil
	}
	return nil, &SyntaxError{Pos: at.pos, End: p.peek().pos, What: "a function alone is no condition", Expected: "a comparison behind it"}
}
