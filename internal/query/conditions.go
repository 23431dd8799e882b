package query

import (
	"fmt"
	"strconv"
)

// left resolves the operand that something is said of.
func (p *parser) left(x *raw) (Operand, error) {
	if p.literal(x) {
		if x.shape == shapeWord {
			return p.field(x) // the error
		}
		return nil, p.refuse(x, p.written(x)+" is a value", "a field; values stand to the right of the comparison")
	}
	return p.resolve(x)
}

// compare reads the right side of a comparison.
func (p *parser) compare(rel relation, left *raw) (Expr, error) {
	x, err := p.left(left)
	if err != nil {
		return nil, err
	}
	if x.Type() == TypeProtocol {
		return nil, p.refuse(left, p.written(left)+" is a protocol and has no value to compare", "contains, matches, or a slice of its bytes: "+p.written(left)+"[0:2]")
	}
	right, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	c := &Compare{Op: rel.op, Quant: rel.quant, Left: x}
	if p.literal(right) {
		if c.Right, err = p.constant(right, wantedBy(x)); err != nil {
			return nil, err
		}
	} else {
		if c.Right, err = p.resolve(right); err != nil {
			return nil, err
		}
		if !comparable(x.Type(), c.Right.Type()) {
			e := &SyntaxError{
				Pos: right.pos, End: right.end,
				What:     fmt.Sprintf("%s is %s, %s %s", p.written(left), x.Type().a(), p.written(right), c.Right.Type().a()),
				Expected: "values of one type",
			}
			if x.Type() == TypeText {
				e.Expected = "text in quotation marks: " + strconv.Quote(p.written(right))
			}
			return nil, e
		}
	}
	if x.Type() == TypeBool && rel.op != Eq && rel.op != Ne {
		if _, ok := c.Right.(*Literal); !ok {
			return nil, p.refuse(right, "flags are compared with == and !=", "")
		}
	}
	if t := p.peek(); relations[t.sign()] != (relation{}) || t.sign() == "==" {
		return nil, p.unexpected(t, "&&, || or the end; comparisons do not chain")
	}
	return c, nil
}

// comparable tells whether values of two types compare.
func comparable(a, b Type) bool {
	if a == b {
		return a != TypeProtocol
	}
	return a == TypeBytes && b.plain() || b == TypeBytes && a.plain()
}

// in reads a set.
func (p *parser) in(quant Quantifier, left *raw) (Expr, error) {
	x, err := p.left(left)
	if err != nil {
		return nil, err
	}
	if x.Type() == TypeProtocol {
		return nil, p.refuse(left, p.written(left)+" is a protocol and has no value to compare", "")
	}
	if !p.take("{") {
		return nil, p.unexpected(p.peek(), "{")
	}
	in := &In{Quant: quant, X: x}
	w := wantedBy(x)
	for {
		r, err := p.rangeOf(w)
		if err != nil {
			return nil, err
		}
		in.Set = append(in.Set, r)
		if p.take("}") {
			return in, nil
		}
		p.take(",") // or a space: both separate, as in older versions of Wireshark
		if t := p.peek(); t.kind == tokenEnd {
			return nil, p.unexpected(t, "a value or }")
		}
	}
}

// rangeOf reads one value or a range of a set.
func (p *parser) rangeOf(w want) (Range, error) {
	low, err := p.setValue(w)
	if err != nil || !p.take("..") {
		return Range{Low: low}, err
	}
	at := p.peek()
	high, err := p.setValue(w)
	if err != nil {
		return Range{}, err
	}
	for _, l := range []*Literal{low, high} {
		if l.subnet() {
			return Range{}, &SyntaxError{Pos: at.pos, End: at.end, What: "a subnet is no end of a range", Expected: "an address"}
		}
	}
	return Range{low, high}, nil
}

func (p *parser) setValue(w want) (*Literal, error) {
	t := p.peek()
	x, err := p.operand()
	if err != nil {
		return nil, err
	}
	if !p.literal(x) {
		return nil, &SyntaxError{Pos: t.pos, End: x.end, What: p.written(x) + " is no value", Expected: w.typ.a()}
	}
	return p.constant(x, w)
}

// contains reads what is looked for.
func (p *parser) contains(quant Quantifier, left *raw) (Expr, error) {
	x, err := p.searched(left, "contains")
	if err != nil {
		return nil, err
	}
	w := want{typ: TypeBytes}
	if x.Type() == TypeText {
		w.typ = TypeText
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	if !p.literal(right) {
		return nil, p.refuse(right, p.written(right)+" is a field", "a value to look for: \"text\" or 47:45:54")
	}
	needle, err := p.constant(right, w)
	if err != nil {
		return nil, err
	}
	if len(needle.Value.Bytes) == 0 {
		return nil, p.refuse(right, "there is nothing to look for", "at least one byte")
	}
	return &Contains{quant, x, needle}, nil
}

// searched resolves the left side of contains and matches.
func (p *parser) searched(left *raw, word string) (Operand, error) {
	x, err := p.left(left)
	if err != nil {
		return nil, err
	}
	t := x.Type()
	if t == TypeIPv4 || t == TypeIPv6 || t != TypeText && !hasBytes(x) {
		return nil, p.refuse(left, p.written(left)+" is "+t.a()+", "+word+" looks into bytes and texts", "a field of bytes, a text or a protocol")
	}
	return x, nil
}

// matches reads a pattern.
func (p *parser) matches(quant Quantifier, left *raw) (Expr, error) {
	x, err := p.searched(left, "matches")
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if t.kind != tokenString {
		return nil, p.unexpected(t, "a pattern in quotation marks, for example r\"^get \"")
	}
	p.at++
	re, n, err := pattern(t.value)
	if p.patterns += n; err == nil && p.patterns > maxPatterns {
		err = errManyPatterns
	}
	if err != nil {
		return nil, &SyntaxError{Pos: t.pos, End: t.end, What: "pattern: " + err.Error()}
	}
	return &Matches{Quant: quant, X: x, Pattern: t.value, re: re}, nil
}
