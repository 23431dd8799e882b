package filter

import "fmt"

// toA brings a value into A.
func (e *emitter) toA(x value) {
	if e.r.a == x {
		return
	}
	if e.r.x == x {
		e.put(opTxa, 0)
		e.r.a = x
		return
	}
	if w := e.inMemory(x); w >= 0 {
		e.put(opLdMem, uint32(w))
		e.r.a = x
		return
	}
	n := &e.v.n[x]
	switch n.kind {
	case vConst:
		e.put(opLdImm, n.k)
	case vLen:
		e.put(opLdLen, 0)
		if n.k != 0 {
			e.put(aluBits[aAdd]|aluK, n.k)
		}
	case vExt:
		e.put(loadOp(n.size, opLdW), n.k)
	case vLoad:
		e.load(n)
	case vMSH:
		e.toX(x)
		e.put(opTxa, 0)
	case vNeg:
		// Not the instruction for it: golang.org/x/net's machine does not know it.
		e.toA(n.a)
		e.put(aluBits[aMul]|aluK, 0xffffffff)
	case vALU:
		if k, ok := e.v.isConst(n.b); ok {
			e.toA(n.a)
			e.put(aluBits[n.op]|aluK, k)
			break
		}
		a, b := n.a, n.b
		if commutes(n.op) && e.r.a == b {
			a, b = b, a
		}
		e.both(a, b)
		e.put(aluBits[n.op]|aluX, 0)
	default:
		panic(fmt.Sprintf("filter: value of kind %d in a program", n.kind))
	}
	e.r.a = x
}

func commutes(op arithOp) bool {
	switch op {
	case aAdd, aMul, aAnd, aOr, aXor:
		return true
	}
	return false
}

// loadOp is the opcode of a load of size bytes, given the one of a word.
func loadOp(size uint8, word uint16) uint16 {
	switch size {
	case 1:
		return word + 0x10
	case 2:
		return word + 0x08
	}
	return word
}

// load emits a load from the packet.
func (e *emitter) load(n *valueNode) {
	if n.a == noValue {
		op, k := e.place(n)
		e.put(op, k)
		return
	}
	e.uses[n.a]--
	e.toX(n.a)
	k := n.k
	if h := e.hidden(); h > 0 {
		if k < h {
			e.gr.g.fail(WrongLink, "the kernel's filter does not see the cooked header, so it cannot be indexed by a computed value")
		}
		k -= h
	}
	e.put(loadOp(n.size, opLdIndW), k)
}

// hidden is the length of the header that a live cooked capture puts before packets and that the kernel's filter does
// not see.
func (e *emitter) hidden() uint32 {
	if e.gr.g.cooked() {
		return layouts[e.gr.g.base].payload
	}
	return 0
}

// cooked reports whether the target is a live cooked capture.
func (g *gen) cooked() bool { return g.t.Live && (g.base == linkSLL || g.base == linkSLL2) }

// place is the instruction for a load at a constant offset. On a live cooked capture the header's fields are in the
// packet's metadata.
func (e *emitter) place(n *valueNode) (op uint16, k uint32) {
	h := e.hidden()
	if n.k >= h {
		if n.k != failOffset {
			return loadOp(n.size, opLdW), n.k - h
		}
		return loadOp(n.size, opLdW), n.k
	}
	type field struct {
		link int
		k    uint32
		size uint8
	}
	ext, ok := map[field]uint32{
		{linkSLL, 0, 2}:   extPktType,
		{linkSLL, 2, 2}:   extHatype,
		{linkSLL, 14, 2}:  extProtocol,
		{linkSLL2, 0, 2}:  extProtocol,
		{linkSLL2, 4, 4}:  extIfIndex,
		{linkSLL2, 8, 2}:  extHatype,
		{linkSLL2, 10, 1}: extPktType,
	}[field{e.gr.g.base, n.k, n.size}]
	if !ok {
		e.gr.g.fail(WrongLink, fmt.Sprintf("the kernel's filter does not see byte %d of the cooked header", n.k))
	}
	return loadOp(n.size, opLdW), ext
}

// toX brings a value into X. A costly one that is wanted again is kept in memory as well.
func (e *emitter) toX(x value) {
	if e.r.x == x {
		return
	}
	if w := e.inMemory(x); w >= 0 {
		e.put(opLdxMem, uint32(w))
		e.r.x = x
		return
	}
	n := &e.v.n[x]
	switch {
	case n.kind == vConst:
		e.put(opLdxImm, n.k)
	case n.kind == vMSH:
		k := n.k
		if k != failOffset {
			k -= e.hidden()
		}
		e.put(opLdxMSH, k)
	default:
		e.toA(x)
		e.put(opTax, 0)
	}
	e.r.x = x
	if e.uses[x] > 0 {
		if w := e.freeWord(); w >= 0 {
			e.put(opStx, uint32(w))
			e.r.mem[w] = x
		}
	}
}

func (e *emitter) inMemory(x value) int {
	for w, y := range e.r.mem {
		if y == x {
			return w
		}
	}
	return -1
}

// freeWord is a word of memory that holds nothing known and no intermediate result, or -1.
func (e *emitter) freeWord() int {
	for w, y := range e.r.mem {
		if y == noValue && !e.busy[w] {
			return w
		}
	}
	return -1
}

// both brings a into A and b into X.
func (e *emitter) both(a, b value) {
	if w := e.inMemory(b); w >= 0 && !e.busy[w] {
		e.busy[w] = true // so that it is still there afterwards
		defer func() { e.busy[w] = false }()
	}
	if e.r.x == b && !e.spoilsX(a) || e.isSimple(b) {
		e.toA(a)
		e.toX(b)
		return
	}
	e.toA(b)
	x := e.r.x
	e.r.x = b
	if !e.spoilsX(a) {
		e.put(opTax, 0)
		e.toA(a)
		return
	}
	e.r.x = x
	w := e.freeWord()
	if w < 0 {
		w = e.evict()
	}
	e.put(opSt, uint32(w))
	e.r.mem[w] = b
	e.busy[w] = true
	e.toA(a)
	e.busy[w] = false
	e.put(opLdxMem, uint32(w))
	e.r.x = b
}

// evict gives up a word that only saves work.
func (e *emitter) evict() int {
	for w := range e.busy {
		if !e.busy[w] {
			e.r.mem[w] = noValue
			return w
		}
	}
	e.gr.g.fail(TooLarge, "the arithmetic needs more intermediate results than the machine has words of memory")
	return 0
}

// isSimple reports whether one instruction brings a value into X and leaves A alone.
func (e *emitter) isSimple(x value) bool {
	n := &e.v.n[x]
	return n.kind == vConst || n.kind == vMSH || e.inMemory(x) >= 0
}

// spoilsX reports whether bringing a value into A changes X.
func (e *emitter) spoilsX(x value) bool {
	if e.r.a == x || e.r.x == x || e.inMemory(x) >= 0 {
		return false
	}
	n := &e.v.n[x]
	switch n.kind {
	case vLoad:
		return n.a != noValue && n.a != e.r.x
	case vMSH:
		return true
	case vNeg:
		return e.spoilsX(n.a)
	case vALU:
		if _, ok := e.v.isConst(n.b); !ok {
			return true
		}
		return e.spoilsX(n.a)
	}
	return false
}
