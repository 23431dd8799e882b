package query

import "math"

// arithmetic resolves an operation with numbers or bytes.
func (p *parser) arithmetic(x *raw) (Operand, error) {
	left, right := x.args[0], x.args[1]
	a := &Arith{Op: arithOps[x.tok.sign()]}
	var err error
	var value **raw
	switch {
	case p.literal(right):
		if p.literal(left) {
			if err := p.missing(left); err != nil {
				return nil, err
			}
			return nil, p.refuse(x, "there is no field in "+p.written(x), "a field")
		}
		a.Left, err = p.resolve(left)
		value = &right
	case p.literal(left):
		a.Right, err = p.resolve(right)
		value = &left
	default:
		return nil, p.refuse(x, "an operation with two fields", "a value on one side")
	}
	if err != nil {
		return nil, err
	}
	known := a.Left
	if known == nil {
		known = a.Right
	}
	t := known.Type()
	if t == TypeProtocol || !arithFits(a.Op, t) {
		return nil, p.refuse(x, x.tok.text+" does not apply to "+t.plural(), arithHint(t))
	}
	lit, err := p.constant(*value, want{typ: t, exact: true, base: wantedBy(known).base})
	if err != nil {
		return nil, err
	}
	if t == TypeUint && int64(lit.Value.Num) < 0 {
		return nil, p.refuse(*value, "a negative number", "the operation without the sign")
	}
	if a.Op == Div || a.Op == Mod {
		if value == &right && lit.Value.Num == 0 {
			return nil, p.refuse(right, "division by 0", "another number")
		}
	}
	if a.Left == nil {
		a.Left = lit
	} else {
		a.Right = lit
	}
	if low, high := bounds(a); t == TypeUint && (low < math.MinInt32 || high > math.MaxUint32) {
		return nil, p.refuse(x, p.written(x)+" may not fit in 32 bits", "smaller numbers")
	}
	return a, nil
}

// assumedMost is taken as the largest value of fields whose size is not known.
const assumedMost = 1 << 24

// bounds returns between which numbers an operand's values lie.
func bounds(x Operand) (low, high int64) {
	switch x := x.(type) {
	case *Literal:
		return int64(x.Value.Num), int64(x.Value.Num)
	case *FieldRef:
		if high = wantedBy(x).high; high == math.MaxInt64 {
			high = assumedMost
		}
		return 0, high
	case *Arith:
		low, high = bounds(x.Left)
		l, h := bounds(x.Right)
		switch {
		case low < 0 || l < 0:
			return math.MinInt64, math.MaxInt64 // of a negative number nothing more is computed
		case x.Op == Add:
			return low + l, high + h
		case x.Op == Sub:
			return low - h, high - l
		case x.Op == Mul && high > 0 && h > math.MaxInt64/high:
			return 0, math.MaxInt64
		case x.Op == Mul:
			return low * l, high * h
		}
		return 0, high
	}
	return 0, assumedMost
}

func arithFits(op ArithOp, t Type) bool {
	switch {
	case t == TypeUint:
		return true
	case t == TypeDuration:
		return op == Add || op == Sub
	default:
		return t.plain() && t != TypeIPv6 && op == BitAnd
	}
}

func arithHint(t Type) string {
	switch {
	case t == TypeDuration:
		return "+ or -"
	case t == TypeIPv6:
		return "a slice, or a comparison with a subnet"
	case t.plain():
		return "&"
	default:
		return "a number before it"
	}
}
