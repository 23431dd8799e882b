package query

import (
	"math"
	"slices"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// source gives the values of an operand.
type source interface {
	append(e *Evaluator, r *Row, dst []Value) []Value
}

type (
	fieldSource struct{ field *Field }
	bytesSource struct { // a protocol's bytes
		field *Field
		part  bool // as much as a slice can be of
	}
	layerSource struct {
		x      source
		kinds  []packet.Kind
		layers []Span
	}
	sliceSource struct {
		x     source
		spans []Span
	}
	arithSource struct {
		x       source
		op      ArithOp
		value   int64
		swapped bool // the value is on the left
	}
	maskSource struct {
		x    source
		mask []byte
	}
	lenSource   struct{ x source }
	countSource struct{ x source }
	caseSource  struct {
		x             source
		from, to, add byte
	}
	stringSource struct {
		x     source
		field *Field
	}
	extremeSource struct {
		list []source
		typ  Type
		sign int
	}
)

func (s fieldSource) append(_ *Evaluator, r *Row, dst []Value) []Value {
	return s.field.Append(r, dst)
}

func (s bytesSource) append(_ *Evaluator, r *Row, dst []Value) []Value {
	return appendProtocol(s.field, s.part, r, dst)
}

// append asks the field of a copy of the packet in which the other layers of the protocol
// are blank.
func (s *layerSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	v := &e.layer
	v.packet = *r.Packet
	v.row = *r
	v.row.Packet = &v.packet
	count := 0
	for i := range v.packet.Layers[:v.packet.N] {
		if slices.Contains(s.kinds, v.packet.Layers[i].Kind) {
			count++
		}
	}
	number := 0
	for i := range v.packet.Layers[:v.packet.N] {
		l := &v.packet.Layers[i]
		if !slices.Contains(s.kinds, l.Kind) {
			continue
		}
		if number++; !chosen(s.layers, number, count) {
			l.Kind = packet.KindNone
		}
	}
	dst = s.x.append(e, &v.row, dst)
	v.row = Row{}
	v.packet.Data, v.packet.Reassembled = nil, nil
	return dst
}

// chosen tells whether layer number n of count, from 1, is among the spans.
func chosen(spans []Span, n, count int) bool {
	for _, s := range spans {
		from := s.From
		if from < 0 {
			from += count + 1
			if from < 1 {
				continue
			}
		}
		if n >= from && (s.Len == 0 || n < from+s.Len) {
			return true
		}
	}
	return false
}

func (s *sliceSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	dst = s.x.append(e, r, dst)
	kept := dst[:start]
	for _, v := range dst[start:] {
		if v.Bytes == nil && v.Text != "" {
			e.bytes = append(e.bytes, v.Text...)
			v.Bytes = e.bytes[len(e.bytes)-len(v.Text):]
		}
		if b := s.cut(e, v.Bytes); len(b) > 0 {
			kept = append(kept, Value{Bytes: b})
		}
	}
	return kept
}

// cut returns the slice of one value's bytes. A part that reaches beyond them ends it.
func (s *sliceSource) cut(e *Evaluator, b []byte) []byte {
	if len(s.spans) == 1 {
		part, _ := s.spans[0].of(b)
		return part
	}
	start := len(e.bytes)
	for _, span := range s.spans {
		part, ok := span.of(b)
		if !ok {
			break
		}
		e.bytes = append(e.bytes, part...)
	}
	return e.bytes[start:len(e.bytes):len(e.bytes)]
}

func (s Span) of(b []byte) ([]byte, bool) {
	from := s.From
	if from < 0 {
		from += len(b)
	}
	n := s.Len
	if n == 0 {
		n = len(b) - from
	}
	if from < 0 || n <= 0 || from > len(b) || n > len(b)-from {
		return nil, false
	}
	return b[from : from+n : from+n], true
}

// calculate returns the result of an operation; there is none of a division by 0.
func calculate(op ArithOp, a, b int64) (int64, bool) {
	switch op {
	case BitAnd:
		return a & b, true
	case Add:
		return a + b, true
	case Sub:
		return a - b, true
	case Mul:
		return a * b, true
	}
	if b == 0 || a == math.MinInt64 && b == -1 {
		return 0, false
	}
	if op == Div {
		return a / b, true
	}
	return a % b, true
}

func (s *arithSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	dst = s.x.append(e, r, dst)
	kept := dst[:start]
	for _, v := range dst[start:] {
		a, b := int64(v.Num), s.value
		if s.swapped {
			a, b = b, a
		}
		if n, ok := calculate(s.op, a, b); ok {
			kept = append(kept, Value{Num: uint64(n)})
		}
	}
	return kept
}

func (s *maskSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	dst = s.x.append(e, r, dst)
	kept := dst[:start]
	for _, v := range dst[start:] {
		at := len(e.bytes)
		for i := range min(len(v.Bytes), len(s.mask)) {
			e.bytes = append(e.bytes, v.Bytes[i]&s.mask[i])
		}
		kept = append(kept, Value{Bytes: e.bytes[at:len(e.bytes):len(e.bytes)]})
	}
	return kept
}

func (s lenSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	dst = s.x.append(e, r, dst)
	for i := range dst[start:] {
		v := &dst[start+i]
		*v = Value{Num: uint64(max(len(v.Bytes), len(v.Text)))}
	}
	return dst
}

// append gives no value without an occurrence: the comparison is then false, as in
// Wireshark.
func (s countSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	n := len(s.x.append(e, r, dst)) - start
	if n == 0 {
		return dst
	}
	return append(dst, Value{Num: uint64(n)})
}

func (s *caseSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	dst = s.x.append(e, r, dst)
	for i := range dst[start:] {
		v := &dst[start+i]
		at := len(e.bytes)
		if v.Bytes != nil {
			e.bytes = append(e.bytes, v.Bytes...)
		} else {
			e.bytes = append(e.bytes, v.Text...)
		}
		b := e.bytes[at:len(e.bytes):len(e.bytes)]
		for j, c := range b {
			if c >= s.from && c <= s.to {
				b[j] = c + s.add
			}
		}
		*v = Value{Bytes: b}
	}
	return dst
}

func (s *stringSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	dst = s.x.append(e, r, dst)
	for i := range dst[start:] {
		at := len(e.bytes)
		e.bytes = s.field.AppendText(e.bytes, dst[start+i])
		dst[start+i] = Value{Bytes: e.bytes[at:len(e.bytes):len(e.bytes)]}
	}
	return dst
}

func (s *extremeSource) append(e *Evaluator, r *Row, dst []Value) []Value {
	start := len(dst)
	for _, x := range s.list {
		dst = x.append(e, r, dst)
	}
	if len(dst) == start {
		return dst
	}
	best := start
	for i := start + 1; i < len(dst); i++ {
		if compareValues(s.typ, &dst[i], &dst[best])*s.sign > 0 {
			best = i
		}
	}
	dst[start] = dst[best]
	return dst[:start+1]
}
