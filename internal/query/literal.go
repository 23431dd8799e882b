package query

import (
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// ipProtocols are names of IP protocols, as tshark has them.
var ipProtocols = map[string]int64{
	"ICMP": 1, "IGMP": 2, "TCP": 6, "UDP": 17, "GRE": 47, "ESP": 50, "AH": 51, "ICMPv6": 58, "SCTP": 132,
}

// valueNames are the names that values of fields go by.
var valueNames = map[string]map[string]int64{
	"ip.proto": ipProtocols, "ipv6.nxt": ipProtocols, "eth.type": {"IPv4": 0x0800, "ARP": 0x0806, "IPv6": 0x86dd},
}

// want is what a literal must be.
type want struct {
	typ       Type
	low, high int64            // of numbers; both 0: any
	exact     bool             // one address, no subnet
	base      Base             // of numbers, for String
	names     map[string]int64 // of values
}

// wantedBy returns what is compared with an operand's values.
func wantedBy(x Operand) want {
	w := want{typ: x.Type()}
	if a, ok := x.(*Arith); ok {
		for _, side := range []Operand{a.Left, a.Right} {
			if _, ok := side.(*Literal); !ok {
				w.base = wantedBy(side).base
			}
		}
	}
	ref, ok := x.(*FieldRef)
	if !ok || w.typ != TypeUint {
		return w
	}
	w.high, w.base, w.names = math.MaxInt64, ref.Field.Base, valueNames[ref.Field.Name]
	for i := range ref.Field.at {
		if n := ref.Field.at[i].size; n > 0 && n < 8 {
			w.high = 1<<(8*n) - 1
		}
	}
	return w
}

// subnet tells whether a literal stands for more than one address.
func (l *Literal) subnet() bool { return l.Kind.plain() && l.Bits < 8*len(l.Value.Bytes) }

// last returns the last address of a subnet, or the value.
func (l *Literal) last() Value {
	if !l.subnet() {
		return l.Value
	}
	b := append([]byte(nil), l.Value.Bytes...)
	for i := l.Bits; i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return Value{Bytes: b}
}

// constant turns a raw operand without fields into a literal.
func (p *parser) constant(x *raw, w want) (*Literal, error) {
	switch x.shape {
	case shapeWord:
		l, what := read(x.tok, w)
		if l != nil {
			return l, nil
		}
		e := &SyntaxError{Pos: x.pos, End: x.end, What: what}
		if x.tok.kind == tokenWord && !startsLikeNumber(x.tok.text) && strings.Contains(x.tok.text, ".") {
			e.Candidates = Nearest(x.tok.text)
		}
		return nil, e
	case shapeNegative, shapeArith:
		if w.typ.signed() && w.typ != TypeTime {
			return p.fold(x, w)
		}
	}
	return nil, p.refuse(x, p.written(x)+" is no value", w.typ.a())
}

// fold computes an operation without fields.
func (p *parser) fold(x *raw, w want) (*Literal, error) {
	var n [2]int64
	for i, arg := range x.args {
		l, err := p.constant(arg, want{typ: w.typ})
		if err != nil {
			return nil, err
		}
		n[i] = int64(l.Value.Num)
	}
	op := Sub
	if x.shape == shapeNegative {
		n[0], n[1] = 0, n[0]
	} else {
		op = arithOps[x.tok.sign()]
	}
	r, ok := calculate(op, n[0], n[1])
	if !ok {
		return nil, p.refuse(x, "division by 0", "another number")
	}
	if what := w.outside(r, p.written(x)); what != "" {
		return nil, p.refuse(x, what, "")
	}
	return &Literal{Value: Value{Num: uint64(r)}, Kind: w.typ, base: w.base}, nil
}

// outside says that a number cannot be a value of the field, or "".
func (w want) outside(n int64, text string) string {
	if w.typ != TypeUint || w.low == 0 && w.high == 0 || n >= w.low && n <= w.high {
		return ""
	}
	if w.high == math.MaxInt64 {
		return text + " is negative, and the field never is"
	}
	return fmt.Sprintf("%s is out of the field's range, %d to %d", text, w.low, w.high)
}

// read turns a token into a literal, or says what is wrong.
func read(t *token, w want) (*Literal, string) {
	s := t.text
	l := &Literal{Kind: w.typ, base: w.base}
	no := func(example string) (*Literal, string) {
		return nil, fmt.Sprintf("%s is no %s: write for example %s", s, w.typ, example)
	}
	text, isText := t.value, t.kind != tokenWord
	ok := false
	switch w.typ {
	case TypeText:
		if !isText {
			text = strings.TrimPrefix(s, ":")
		}
		l.Value = Value{Text: text, Bytes: []byte(text)}
		return l, ""
	case TypeBytes:
		if isText {
			l.Value.Bytes = []byte(text)
		} else if l.Value.Bytes, ok = byteString(strings.TrimPrefix(s, ":")); !ok {
			return no(`47:45:54 or "GET"`)
		}
		l.Bits = 8 * len(l.Value.Bytes)
		return l, ""
	case TypeUint, TypeBool:
		n, good, name := int64(0), true, s
		if isText {
			name = text
		}
		switch {
		case t.kind == tokenChar && w.typ == TypeUint:
			n = int64(text[0])
		case w.names[name] != 0:
			n = w.names[name]
		case isText:
			good = false
		case w.typ == TypeBool && strings.EqualFold(s, "true"):
			n = 1
		case w.typ == TypeBool && strings.EqualFold(s, "false"):
		default:
			n, good = number64(strings.TrimPrefix(s, ":"))
		}
		switch {
		case !good && w.typ == TypeBool:
			return no("1, 0, True or False")
		case !good:
			return no("80, 0x50 or 0b1010000")
		}
		if what := w.outside(n, s); what != "" {
			return nil, what
		}
		if w.typ == TypeBool {
			n = int64(b2u(n != 0))
		}
		l.Value.Num = uint64(n)
		return l, ""
	case TypeDuration:
		if n, good := seconds(s); good && !isText {
			l.Value.Num = uint64(n)
			return l, ""
		}
		return no("1.5")
	case TypeTime:
		if t.kind == tokenChar {
			text = ""
		} else if !isText {
			text = s
		}
		if n, good := moment(text); good {
			l.Value.Num = uint64(n)
			return l, ""
		}
		return no(`"2024-01-31 10:00:00" (local time), "2024-01-31T10:00:00Z" or "Jan 31, 2024 10:00:00"`)
	case TypeEther:
		l.Value.Bytes, ok = byteString(strings.TrimPrefix(s, ":"))
		if isText || !ok || len(l.Value.Bytes) != 6 {
			return no("00:00:5e:00:53:01")
		}
		l.Bits = 48
		return l, ""
	case TypeIPv4, TypeIPv6:
		if isText || !l.address(s, w) && !l.address(strings.TrimPrefix(s, ":"), w) {
			if w.typ == TypeIPv4 {
				return no("192.0.2.1 or 192.0.2.0/24")
			}
			return no("2001:db8::1 or 2001:db8::/32")
		}
		return l, ""
	}
	return nil, "a " + w.typ.String() + " has no values"
}

// address reads an address, or a subnet, whose host part is then 0.
func (l *Literal) address(s string, w want) bool {
	bits := -1
	host := s
	if before, after, ok := strings.Cut(s, "/"); ok {
		n, err := strconv.ParseUint(after, 10, 8)
		if err != nil || w.exact {
			return false
		}
		host, bits = before, int(n)
	}
	a, err := netip.ParseAddr(host)
	if err != nil || a.Zone() != "" || a.Is4() != (w.typ == TypeIPv4) {
		return false
	}
	if bits < 0 {
		bits = a.BitLen()
	}
	net, err := a.Prefix(bits)
	if err != nil {
		return false
	}
	l.Value.Bytes, l.Bits = net.Addr().AsSlice(), bits
	return true
}

// number64 reads a number as C writes it: decimal, 0x…, 0b…, or octal with a leading 0.
func number64(s string) (int64, bool) {
	if strings.ContainsAny(s, "_oO") || s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 0, 64)
	return n, err == nil
}

// byteString reads hexadecimal bytes: pairs of digits separated by : - or ., groups of
// four separated by points, or none separated at all. One digit is a byte too, and so is
// 0x with two.
func byteString(s string) ([]byte, bool) {
	switch {
	case len(s) == 1:
		s = "0" + s
	case len(s) == 4 && s[:2] == "0x":
		s = s[2:]
	}
	i := strings.IndexAny(s, ":-.")
	if i < 0 {
		b, err := hex.DecodeString(s)
		return b, err == nil && len(b) > 0
	}
	if i != 2 && (i != 4 || s[i] != '.') {
		return nil, false
	}
	var b []byte
	for group := range strings.SplitSeq(s, s[i:i+1]) {
		g, err := hex.DecodeString(group)
		if err != nil || len(group) != i {
			return nil, false
		}
		b = append(b, g...)
	}
	return b, true
}
