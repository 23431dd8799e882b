package query

import (
	"strconv"
	"strings"
)

// raw is an operand before its type is known.
type raw struct {
	tok      *token // the field, the literal, the function or the sign
	pos, end int
	shape    shape
	args     []*raw
	spans    []Span
}

type shape uint8

const (
	shapeWord shape = iota // a field, or a literal
	shapeArith
	shapeNegative
	shapeSlice
	shapeLayers
	shapeCall
)

// arithSigns are the operations by how strongly they bind.
var arithSigns = [][]string{{"&"}, {"+", "-"}, {"*", "/", "%"}}

var arithOps = map[string]ArithOp{"&": BitAnd, "+": Add, "-": Sub, "*": Mul, "/": Div, "%": Mod}

// arith reads operations that bind at least as strongly as level.
func (p *parser) arith(level int) (*raw, error) {
	if level == len(arithSigns) {
		return p.operand()
	}
	left, err := p.arith(level + 1)
	for err == nil {
		t := p.peek()
		found := false
		for _, s := range arithSigns[level] {
			found = found || t.sign() == s
		}
		if !found {
			return left, nil
		}
		p.at++
		var right *raw
		if right, err = p.arith(level + 1); err == nil {
			left = &raw{tok: t, pos: left.pos, end: right.end, shape: shapeArith, args: []*raw{left, right}}
		}
	}
	return nil, err
}

// operand reads a field, a literal, a function or an operation in braces, with the slice
// or the layers behind it.
func (p *parser) operand() (*raw, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.peek()
	x := &raw{tok: t, pos: t.pos, end: t.end}
	var err error
	switch {
	case p.take("-"):
		var inner *raw
		if inner, err = p.operand(); err != nil {
			return nil, err
		}
		return &raw{tok: t, pos: t.pos, end: inner.end, shape: shapeNegative, args: []*raw{inner}}, nil
	case p.take("{"):
		if x, err = p.arith(0); err != nil {
			return nil, err
		}
		if !p.take("}") {
			return nil, p.unexpected(p.peek(), "an operation or }")
		}
	case t.kind == tokenWord && t.sign() == "" && p.tokens[p.at+1].text == "(" && p.tokens[p.at+1].kind == tokenSign:
		if x, err = p.call(); err != nil {
			return nil, err
		}
	case t.kind == tokenWord && t.sign() == "" && t.text != "in" && t.text != "contains", t.kind == tokenString, t.kind == tokenChar:
		p.at++
	default:
		return nil, p.unexpected(t, "a field or a value")
	}
	return p.behind(x)
}

// behind reads the slices and the layers behind an operand.
func (p *parser) behind(x *raw) (*raw, error) {
	for n := 0; ; n++ {
		t := p.peek()
		switch {
		case n == maxDepth:
			return nil, p.unexpected(t, "fewer slices")
		case t.kind == tokenIndex:
			p.at++
			spans, err := p.spans(t)
			if err != nil {
				return nil, err
			}
			x = &raw{tok: t, pos: x.pos, end: t.end, shape: shapeSlice, args: []*raw{x}, spans: spans}
		case p.take("#"):
			spans, err := p.layers()
			if err != nil {
				return nil, err
			}
			x = &raw{tok: t, pos: x.pos, end: p.tokens[p.at-1].end, shape: shapeLayers, args: []*raw{x}, spans: spans}
		default:
			return x, nil
		}
	}
}

// layers reads what stands behind #.
func (p *parser) layers() ([]Span, error) {
	t := p.peek()
	p.at++
	if t.kind == tokenIndex {
		return p.spans(t)
	}
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenWord || err != nil {
		p.at--
		return nil, p.unexpected(t, "the number of a layer, or [numbers]")
	}
	return []Span{{n, 1}}, nil
}

// call reads a function and its arguments.
func (p *parser) call() (*raw, error) {
	t := p.peek()
	p.at += 2
	x := &raw{tok: t, pos: t.pos, shape: shapeCall}
	for {
		arg, err := p.arith(0)
		if err != nil {
			return nil, err
		}
		x.args = append(x.args, arg)
		if p.take(",") {
			continue
		}
		x.end = p.peek().end
		if !p.take(")") {
			return nil, p.unexpected(p.peek(), ", or )")
		}
		return x, nil
	}
}

// spans reads the text in brackets: i, i:n, i-j, i:, :n and :, separated by commas.
func (p *parser) spans(t *token) ([]Span, error) {
	var list []Span
	for part := range strings.SplitSeq(t.text, ",") {
		s, ok := span(strings.Join(strings.Fields(part), ""))
		if !ok {
			return nil, &SyntaxError{
				Pos: t.pos, End: t.end, What: strconv.Quote(strings.TrimSpace(part)) + " is no range",
				Expected: "i, i:length, i-j, i:, :length or :",
			}
		}
		list = append(list, s)
	}
	return list, nil
}

func span(s string) (Span, bool) {
	if from, n, ok := strings.Cut(s, ":"); ok {
		start, length, ok := 0, 0, true
		if from != "" {
			start, ok = index(from)
		}
		if n != "" && ok {
			length, ok = index(n)
			ok = ok && length > 0
		}
		return Span{start, length}, ok
	}
	if len(s) > 0 {
		if i := strings.IndexByte(s[1:], '-'); i >= 0 {
			from, ok := index(s[:i+1])
			to, ok2 := index(s[i+2:])
			return Span{from, to - from + 1}, ok && ok2 && to > from && (from < 0) == (to < 0)
		}
	}
	n, ok := index(s)
	return Span{n, 1}, ok
}

// index reads a place in a value; no value is longer than what an int32 can say.
func index(s string) (int, bool) {
	n, err := strconv.ParseInt(s, 0, 32)
	return int(n), err == nil && !strings.ContainsAny(s, "_+")
}
