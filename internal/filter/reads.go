package filter

import (
	"fmt"
	"strconv"
	"strings"
)

// reads is a tree as an expression again, with every qualifier and every group written out.
func reads(e expr) string {
	switch e := e.(type) {
	case *binary:
		word := " and "
		if e.or {
			word = " or "
		}
		return side(e.l, e.or, true) + word + side(e.r, e.or, false)
	case *negation:
		return "not " + side(e.x, false, false)
	case *group:
		return reads(e.x)
	case *primitive:
		return readsPrimitive(e)
	case *abbreviation:
		return e.proto.String()
	case *relation:
		return readsArith(e.l) + " " + e.text + " " + readsArith(e.r)
	}
	return readsSpecial(e.(*special))
}

// side is one side of "and" or "or": in parentheses when it joins things itself, except for a chain of the same word.
func side(e expr, or, left bool) string {
	s := reads(e)
	for {
		g, ok := e.(*group)
		if !ok {
			break
		}
		e = g.x
	}
	if b, ok := e.(*binary); ok && (!left || b.or != or) {
		return "(" + s + ")"
	}
	return s
}

// readsPrimitive is an id with all of its qualifiers.
func readsPrimitive(e *primitive) string {
	var b strings.Builder
	for _, w := range [...]string{e.q.proto.String(), e.q.dir.String(), e.q.kind.String()} {
		if w != "" {
			b.WriteString(w)
			b.WriteByte(' ')
		}
	}
	b.WriteString(readsID(e))
	return b.String()
}

// readsID is an id with its prefix or mask. A name that is a keyword gets its backslash back.
func readsID(e *primitive) string {
	s := e.id.text
	if e.id.kind == tkID {
		if t := lex(s); len(t) != 2 || t[0].kind != tkID {
			s = "\\" + s
		}
	}
	switch {
	case e.bits >= 0:
		s += "/" + strconv.Itoa(e.bits)
	case e.mask.kind == tkIPv4:
		s += " mask " + e.mask.text
	}
	return s
}

// arithSigns are the operators as they are written.
var arithSigns = [...]string{aAdd: "+", aSub: "-", aMul: "*", aDiv: "/", aMod: "%", aAnd: "&", aOr: "|", aXor: "^",
	aShl: "<<", aShr: ">>"}

// readsArith is an arithmetic expression with parentheses around every inner operation.
func readsArith(a *arith) string {
	inner := func(x *arith) string {
		if x.op >= aNeg {
			return "(" + readsArith(x) + ")"
		}
		return readsArith(x)
	}
	switch a.op {
	case aNum:
		if a.num > 9 {
			return fmt.Sprintf("%#x", a.num)
		}
		return strconv.FormatUint(uint64(a.num), 10)
	case aLen:
		return "len"
	case aNeg:
		return "- " + inner(a.l)
	case aLoad:
		size := ""
		if a.size != 1 {
			size = ":" + strconv.FormatUint(uint64(a.size), 10)
		}
		idx := readsArith(a.l)
		if a.l.op == aNum {
			idx = strconv.FormatUint(uint64(a.l.num), 10)
		}
		return a.proto.String() + "[" + idx + size + "]"
	}
	return inner(a.l) + " " + arithSigns[a.op] + " " + inner(a.r)
}

// readsSpecial is a primitive with a syntax of its own.
func readsSpecial(e *special) string {
	w := wordText(e.word)
	switch e.word {
	case tkBroadcast, tkMulticast:
		if e.proto == pDefault {
			return "ether " + w
		}
		return e.proto.String() + " " + w
	case tkByte:
		return fmt.Sprintf("byte %d %c %d", e.num, e.op, e.num2)
	case tkIfname:
		return w + " " + e.name.text
	case tkDir:
		return w + " " + e.name.text
	case tkType:
		if e.has {
			return w + " " + e.name.text + " subtype " + e.sub.text
		}
		return w + " " + e.name.text
	case tkSubtype:
		return w + " " + e.sub.text
	case tkLLC:
		if e.has {
			return w + " " + e.name.text
		}
		return w
	}
	if e.has {
		return w + " " + strconv.FormatUint(uint64(e.num), 10)
	}
	return w
}
