package filter

// value is the number of a node in a values table: something the machine can compute from a packet. Equal values have
// equal numbers, so that comparing two costs nothing.
type value int32

// noValue stands for "none", e.g. a load without an index.
const noValue value = -1

// valueKind says what a value is.
type valueKind uint8

const (
	vConst  valueKind = iota // k
	vLen                     // the packet's length on the wire, plus k
	vLoad                    // size bytes at k, or at the value a plus k
	vMSH                     // 4*(packet[k]&0xf): the length of an IPv4 header
	vExt                     // a kernel extension: load of size bytes at k
	vNeg                     // -a
	vALU                     // a op b
	vVar                     // the part of variable k that does not depend on constants; only inside other values
	vVarSum                  // the whole of variable k
)

// node is a value's definition.
type valueNode struct {
	kind valueKind
	op   arithOp
	size uint8
	cost uint8 // instructions to compute it from nothing, saturating
	vars bool  // depends on a variable
	k    uint32
	a, b value
}

// failOffset is an offset that no packet reaches: a load from there ends the program without a match.
const failOffset = 0x7fffffff

// values is the table.
type values struct {
	n     []valueNode
	index map[valueKey]value
	// raw keeps what the user wrote as it is; folded computes it later. Which tests are the same is decided before, as
	// in tcpdump, where ip[9] = 6 and "ip proto 6" are different questions until the order of tests is settled.
	raw bool
	// merge lets folded move constants from an index into the load.
	merge bool
}

// valueKey is what makes two values equal.
type valueKey struct {
	kind valueKind
	op   arithOp
	size uint8
	k    uint32
	a, b value
}

func (v *values) add(n valueNode) value {
	key := valueKey{n.kind, n.op, n.size, n.k, n.a, n.b}
	// Most programs have a few dozen values: looking through them is faster than hashing.
	if v.index == nil {
		for i := range v.n {
			o := &v.n[i]
			if o.k == n.k && o.kind == n.kind && o.a == n.a && o.b == n.b && o.op == n.op && o.size == n.size {
				return value(i)
			}
		}
		if len(v.n) == 64 {
			v.index = make(map[valueKey]value, 256)
			for i, o := range v.n {
				v.index[valueKey{o.kind, o.op, o.size, o.k, o.a, o.b}] = value(i)
			}
		}
	} else if i, ok := v.index[key]; ok {
		return i
	}
	cost := 1
	for _, x := range [...]value{n.a, n.b} {
		if x != noValue {
			cost += int(v.n[x].cost)
			n.vars = n.vars || v.n[x].vars
		}
	}
	if n.kind == vVar || n.kind == vVarSum {
		n.vars = true
	}
	n.cost = uint8(min(cost, 255))
	i := value(len(v.n))
	v.n = append(v.n, n)
	if v.index != nil {
		v.index[key] = i
	}
	return i
}

func (v *values) constant(k uint32) value {
	return v.add(valueNode{kind: vConst, k: k, a: noValue, b: noValue})
}

// isConst returns the value of a constant.
func (v *values) isConst(x value) (uint32, bool) {
	if x == noValue || v.n[x].kind != vConst {
		return 0, false
	}
	return v.n[x].k, true
}

// load is size bytes at offset k plus the value idx (or noValue). Offsets wrap at 32 bits as the machine's do; one
// that would be negative fails.
func (v *values) load(size uint8, idx value, k uint32) value {
	if v.raw {
		return v.add(valueNode{kind: vLoad, size: size, k: k, a: idx, b: noValue})
	}
	if c, ok := v.isConst(idx); ok {
		idx, k = noValue, k+c
	}
	if k >= 1<<31 {
		idx, k = noValue, failOffset
	}
	return v.add(valueNode{kind: vLoad, size: size, k: k, a: idx, b: noValue})
}

// ext is a load from the kernel's metadata.
func (v *values) ext(size uint8, off uint32) value {
	return v.add(valueNode{kind: vExt, size: size, k: off, a: noValue, b: noValue})
}

func (v *values) msh(k uint32) value {
	if k >= 1<<31 {
		k = failOffset
	}
	return v.add(valueNode{kind: vMSH, k: k, a: noValue, b: noValue})
}

func (v *values) wireLen(plus uint32) value {
	return v.add(valueNode{kind: vLen, k: plus, a: noValue, b: noValue})
}

func (v *values) neg(a value) value {
	if k, ok := v.isConst(a); ok && !v.raw {
		return v.constant(-k)
	}
	return v.add(valueNode{kind: vNeg, a: a, b: noValue})
}

// alu combines two values. It folds what tcpdump's optimiser folds, and, where that drops a load that could fail, only
// when elide is set: a packet too short for a load is no match, so that dropping one can be seen.
func (v *values) alu(op arithOp, a, b value, elide bool) value {
	if v.raw {
		return v.add(valueNode{kind: vALU, op: op, a: a, b: b})
	}
	ka, aConst := v.isConst(a)
	kb, bConst := v.isConst(b)
	if aConst && bConst {
		if k, ok := fold(op, ka, kb); ok {
			return v.constant(k)
		}
	}
	if bConst && kb == 0 {
		switch op {
		case aAdd, aSub, aOr, aXor, aShl, aShr:
			return a
		case aMul, aAnd:
			if elide {
				return b
			}
		}
	}
	if aConst && ka == 0 {
		switch op {
		case aAdd, aOr, aXor:
			return b
		case aMul, aDiv, aMod, aAnd, aShl, aShr:
			if elide {
				return a
			}
		}
	}
	if bConst && kb >= 32 && (op == aShl || op == aShr) {
		// The kernel refuses such a shift; two that together push everything out say the same.
		a = v.add(valueNode{kind: vALU, op: op, a: a, b: v.constant(31)})
		b = v.constant(1)
	}
	return v.add(valueNode{kind: vALU, op: op, a: a, b: b})
}
