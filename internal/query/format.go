package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// How strongly expressions bind, for parentheses.
const (
	bindOr = iota
	bindXor
	bindAnd
	bindTest
)

// format writes an expression in canonical form.
func format(x Expr) string { return string(appendExpr(nil, x, bindOr)) }

func appendExpr(dst []byte, x Expr, bind int) []byte {
	switch x := x.(type) {
	case *Or:
		return appendPair(dst, x.Left, " || ", x.Right, bindOr, bind)
	case *Xor:
		return appendPair(dst, x.Left, " ^^ ", x.Right, bindXor, bind)
	case *And:
		return appendPair(dst, x.Left, " && ", x.Right, bindAnd, bind)
	case *Not:
		switch x.X.(type) {
		case *Not, *Exists:
			return appendExpr(append(dst, '!'), x.X, bindTest)
		}
		return append(appendExpr(append(dst, "!("...), x.X, bindOr), ')')
	case *Exists:
		return appendOperand(dst, x.X)
	case *Truth:
		return appendOperand(dst, x.X)
	case *Compare:
		return appendCompare(dst, x)
	case *In:
		return appendSet(dst, x)
	case *Contains:
		dst = appendOperand(appendQuantifier(dst, x.Quant), x.X)
		return appendOperand(append(dst, " contains "...), x.Needle)
	default:
		m := x.(*Matches)
		dst = appendOperand(appendQuantifier(dst, m.Quant), m.X)
		return appendQuoted(append(dst, " matches "...), m.Pattern)
	}
}

func appendPair(dst []byte, left Expr, sign string, right Expr, own, bind int) []byte {
	if own < bind {
		dst = append(dst, '(')
	}
	dst = appendExpr(dst, left, own)
	dst = append(dst, sign...)
	dst = appendExpr(dst, right, own+1)
	if own < bind {
		dst = append(dst, ')')
	}
	return dst
}

func appendQuantifier(dst []byte, q Quantifier) []byte {
	if q == All {
		return append(dst, "all "...)
	}
	return dst
}

func appendCompare(dst []byte, x *Compare) []byte {
	quant, sign := x.Quant, ""
	switch {
	case x.Op == Eq && x.Quant == All:
		sign, quant = " === ", Any
	case x.Op == Ne && x.Quant == All:
		sign, quant = " != ", Any
	case x.Op == Ne:
		sign = " !== "
	default:
		sign = [...]string{Eq: " == ", Gt: " > ", Ge: " >= ", Lt: " < ", Le: " <= "}[x.Op]
	}
	dst = appendOperand(appendQuantifier(dst, quant), x.Left)
	return appendOperand(append(dst, sign...), x.Right)
}

func appendSet(dst []byte, x *In) []byte {
	dst = appendOperand(appendQuantifier(dst, x.Quant), x.X)
	dst = append(dst, " in {"...)
	for i, r := range x.Set {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendOperand(dst, r.Low)
		if r.High != nil {
			dst = appendOperand(append(dst, " .. "...), r.High)
		}
	}
	return append(dst, '}')
}

func appendOperand(dst []byte, x Operand) []byte {
	switch x := x.(type) {
	case *FieldRef:
		dst = append(dst, x.Field.Name...)
		if x.Layers != nil {
			dst = appendSpans(append(dst, '#'), x.Layers)
		}
		return dst
	case *Literal:
		return appendLiteral(dst, x)
	case *Slice:
		return appendSpans(appendOperand(dst, x.X), x.Spans)
	case *Arith:
		dst = appendOperand(append(dst, '{'), x.Left)
		dst = append(dst, [...]string{BitAnd: " & ", Add: " + ", Sub: " - ", Mul: " * ", Div: " / ", Mod: " % "}[x.Op]...)
		return append(appendOperand(dst, x.Right), '}')
	default:
		c := x.(*Call)
		dst = append(append(dst, c.Func...), '(')
		for i, arg := range c.Args {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendOperand(dst, arg)
		}
		return append(dst, ')')
	}
}

func appendSpans(dst []byte, spans []Span) []byte {
	dst = append(dst, '[')
	for i, s := range spans {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(s.From), 10)
		dst = append(dst, ':')
		if s.Len > 0 {
			dst = strconv.AppendInt(dst, int64(s.Len), 10)
		}
	}
	return append(dst, ']')
}

func appendLiteral(dst []byte, l *Literal) []byte {
	v := l.Value
	switch l.Kind {
	case TypeText:
		return appendQuoted(dst, v.Text)
	case TypeTime:
		return time.Unix(0, int64(v.Num)).UTC().AppendFormat(dst, `"2006-01-02T15:04:05.999999999Z"`)
	case TypeDuration:
		return trimZeros(appendSeconds(dst, int64(v.Num)))
	case TypeBytes, TypeEther:
		if len(v.Bytes) == 0 {
			return append(dst, `""`...)
		}
		return appendEther(dst, v.Bytes)
	case TypeIPv4:
		dst = appendIPv4(dst, v.Bytes)
	case TypeIPv6:
		dst = packet.Addr(v.Bytes).AppendTo(dst, 6)
	default:
		if l.base != Decimal && v.Num>>(8*l.base) == 0 {
			return appendNumber(dst, v.Num, l.base)
		}
		return strconv.AppendInt(dst, int64(v.Num), 10)
	}
	if l.subnet() {
		dst = strconv.AppendInt(append(dst, '/'), int64(l.Bits), 10)
	}
	return dst
}

// trimZeros takes the decimals away that say nothing.
func trimZeros(b []byte) []byte {
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

// appendQuoted appends a string with escapes that lex reads.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case strings.IndexByte("\n\r\t", c) >= 0:
			dst = append(dst, '\\', "ntr"[strings.IndexByte("\n\t\r", c)])
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
