package filter

// fold computes with constants, in 32 bits without sign; it is false for a division by zero.
func fold(op arithOp, a, b uint32) (uint32, bool) {
	switch op {
	case aAdd:
		return a + b, true
	case aSub:
		return a - b, true
	case aMul:
		return a * b, true
	case aDiv:
		if b == 0 {
			return 0, false
		}
		return a / b, true
	case aMod:
		if b == 0 {
			return 0, false
		}
		return a % b, true
	case aAnd:
		return a & b, true
	case aOr:
		return a | b, true
	case aXor:
		return a ^ b, true
	case aShl:
		return a << b, true
	}
	return a >> b, true
}

// folded is a raw value with its constants computed. Variables may not be in it any more.
func (v *values) folded(x value, elide bool) value {
	if x == noValue {
		return x
	}
	n := v.n[x]
	switch n.kind {
	case vLoad:
		if n.a == noValue {
			return x
		}
		idx := v.folded(n.a, elide)
		if k, ok := v.isConst(idx); ok && !elide && k >= 1<<31 {
			// Without its optimiser tcpdump adds at run time, where a negative offset is beyond any packet.
			return v.load(n.size, noValue, failOffset)
		}
		i := v.n[idx]
		if v.merge && i.kind == vALU && i.op == aAdd {
			// A constant that something is added to goes into the instruction, as tcpdump's optimiser has it.
			if k, ok := v.isConst(i.a); ok {
				return v.load(n.size, i.b, n.k+k)
			}
		}
		return v.load(n.size, idx, n.k)
	case vNeg:
		return v.neg(v.folded(n.a, elide))
	case vALU:
		a := v.folded(n.a, elide)
		return v.alu(n.op, a, v.folded(n.b, elide), elide)
	}
	return x
}
