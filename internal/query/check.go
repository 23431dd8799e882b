package query

import (
	"strconv"
	"strings"
)

// plain tells whether values are bytes in network order that slices and masks work on.
func (t Type) plain() bool {
	return t == TypeEther || t == TypeIPv4 || t == TypeIPv6 || t == TypeBytes
}

// signed tells whether values are numbers.
func (t Type) signed() bool { return t == TypeUint || t == TypeTime || t == TypeDuration }

// literal tells whether a raw operand is a value that was written down, or made of such.
func (p *parser) literal(x *raw) bool {
	switch x.shape {
	case shapeWord:
		return x.tok.kind != tokenWord || fieldOf(x.tok.text) == nil
	case shapeNegative:
		return p.literal(x.args[0])
	case shapeArith:
		return p.literal(x.args[0]) && p.literal(x.args[1])
	default:
		return false
	}
}

// fieldOf returns the field that a word names; a point before it says that it is one.
func fieldOf(word string) *Field {
	return LookupField(strings.TrimPrefix(word, "."))
}

// resolve turns a raw operand that is no literal into an Operand.
func (p *parser) resolve(x *raw) (Operand, error) {
	switch x.shape {
	case shapeWord:
		return p.field(x)
	case shapeArith:
		return p.arithmetic(x)
	case shapeNegative:
		return nil, p.refuse(x, "a sign stands before numbers only", "a number")
	case shapeLayers:
		return p.layered(x)
	case shapeSlice:
		return p.slice(x)
	default:
		return p.function(x)
	}
}

func (p *parser) refuse(x *raw, what, expected string) error {
	return &SyntaxError{Pos: x.pos, End: x.end, What: what, Expected: expected}
}

// written returns an operand as it stands in the text.
func (p *parser) written(x *raw) string { return p.text[x.pos:x.end] }

// field resolves the name of a field.
func (p *parser) field(x *raw) (Operand, error) {
	if x.tok.kind == tokenWord {
		if f := fieldOf(x.tok.text); f != nil {
			return &FieldRef{Field: f}, nil
		}
		if near := Nearest(x.tok.text); near != nil || !startsLikeNumber(x.tok.text) {
			what := "no field " + strconv.Quote(x.tok.text)
			if why := WhyRefused(x.tok.text); why != "" {
				what += ": " + why
			}
			return nil, &SyntaxError{Pos: x.pos, End: x.end, What: what, Candidates: near}
		}
	}
	return nil, p.refuse(x, p.written(x)+" is a value", "a field; values stand to the right of the comparison")
}

func startsLikeNumber(s string) bool { return digit(s[0]) < 10 || s[0] == ':' }

// layered resolves a field with its layers.
func (p *parser) layered(x *raw) (Operand, error) {
	inner := x.args[0]
	if inner.shape != shapeWord {
		return nil, p.refuse(x, "layers are chosen of a field only", "# directly behind the field's name")
	}
	y, err := p.field(inner)
	if err != nil {
		return nil, err
	}
	ref := y.(*FieldRef)
	if layersOf(ref.Field) == nil {
		return nil, p.refuse(x, ref.Field.Name+" does not stand in a header of its own layer", "no #")
	}
	ref.Layers = x.spans
	return ref, nil
}

// slice resolves a slice of bytes or text.
func (p *parser) slice(x *raw) (Operand, error) {
	if p.literal(x.args[0]) {
		if err := p.missing(x.args[0]); err != nil {
			return nil, err
		}
		return nil, p.refuse(x.args[0], p.written(x.args[0])+" is a value", "a field before the brackets")
	}
	y, err := p.resolve(x.args[0])
	if err != nil {
		return nil, err
	}
	if !hasBytes(y) && y.Type() != TypeText {
		return nil, p.refuse(x, p.written(x.args[0])+" is "+y.Type().a()+" and has no bytes to slice", "a field of bytes, an address, a text or a protocol")
	}
	if ref, ok := y.(*FieldRef); ok && ref.Field.Type == TypeProtocol {
		for _, s := range x.spans {
			if limit := sliceLimit[ref.Field.Name]; limit != 0 && s.From >= 0 && s.From+max(s.Len, 1) > limit {
				return nil, p.refuse(x, p.written(x)+" reaches behind the header", carriedBy(ref.Field.Name))
			}
		}
	}
	return &Slice{X: y, Spans: x.spans}, nil
}

// carriedBy says how to ask for what a header carries.
func carriedBy(protocol string) string {
	if protocol == "udp" {
		return "udp.payload[…] for what it carries"
	}
	return wholeFrame + "[…] for what it carries"
}

// missing returns the error of a name that no field has, or nil when it is no name.
func (p *parser) missing(x *raw) error {
	if x.shape != shapeWord || x.tok.kind != tokenWord {
		return nil
	}
	_, err := p.field(x)
	return err
}

// hasBytes tells whether an operand's values can be looked at as bytes.
func hasBytes(x Operand) bool {
	if ref, ok := x.(*FieldRef); ok && ref.Field.Type == TypeProtocol {
		return bytesOf(ref.Field) != nil
	}
	return x.Type().plain()
}

// function resolves a call.
func (p *parser) function(x *raw) (Operand, error) {
	name := x.tok.text
	kind, ok := functions[name]
	if !ok {
		return nil, &SyntaxError{
			Pos: x.tok.pos, End: x.tok.end, What: "no function " + strconv.Quote(name),
			Candidates: similar(name, functionNames, 3),
		}
	}
	if len(x.args) != 1 && !kind.many {
		return nil, p.refuse(x, name+" takes one field", "")
	}
	c := &Call{Func: name}
	for _, arg := range x.args {
		if p.literal(arg) {
			if err := p.missing(arg); err != nil {
				return nil, err
			}
			return nil, p.refuse(arg, p.written(arg)+" is a value", "a field")
		}
		y, err := p.resolve(arg)
		if err != nil {
			return nil, err
		}
		if !kind.fits(y) {
			return nil, p.refuse(arg, name+" does not take "+p.written(arg)+", which is "+y.Type().a(), kind.takes)
		}
		if len(c.Args) > 0 && c.Args[0].Type() != y.Type() {
			return nil, p.refuse(arg, name+" takes values of one type", c.Args[0].Type().a())
		}
		c.Args = append(c.Args, y)
	}
	return c, nil
}

// functionKind is what a function takes.
type functionKind struct {
	takes string
	many  bool // more than one argument
	fits  func(x Operand) bool
}

var functions = map[string]functionKind{
	"len":   {"bytes, an address or a text", false, func(x Operand) bool { return x.Type().plain() || x.Type() == TypeText }},
	"count": {"a field", false, func(x Operand) bool { _, ok := x.(*FieldRef); return ok }},
	"upper": {"a text", false, func(x Operand) bool { return x.Type() == TypeText }},
	"lower": {"a text", false, func(x Operand) bool { return x.Type() == TypeText }},
	"string": {"a decimal number or an address", false, func(x Operand) bool {
		ref, ok := x.(*FieldRef)
		t := x.Type()
		return ok && (t == TypeUint && ref.Field.Base == Decimal || t.plain() && t != TypeBytes)
	}},
	"max": {"numbers or addresses", true, orders},
	"min": {"numbers or addresses", true, orders},
}

var functionNames = []string{"count", "len", "lower", "max", "min", "string", "upper"}

func orders(x Operand) bool {
	t := x.Type()
	return t.signed() || t.plain() && t != TypeBytes
}
