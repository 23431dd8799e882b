package query

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// generated is how many filters are made up besides those that are written down.
const generated = 250

// generate makes a filter up: conditions on fields that the packets have, with values of
// theirs or close to them, joined.
func generate(r *rand.Rand, all []captured) string {
	switch r.IntN(6) {
	case 0:
		return "!(" + generate(r, all) + ")"
	case 1:
		return generate(r, all) + " && " + madeUp(r, all)
	case 2:
		return generate(r, all) + " or " + madeUp(r, all)
	}
	return madeUp(r, all)
}

// ofEachField returns a condition on each field of the headers that a packet has.
func ofEachField(r *rand.Rand, all []captured) (list []string) {
	const each = 1
	left := map[string]int{}
	for _, name := range comparableFields() {
		if !strings.HasPrefix(name, "frame.time") {
			left[name] = each
		}
	}
	d := packet.NewDecoder()
	for _, i := range r.Perm(len(all)) {
		c := &all[i]
		d.Decode(&c.p)
		row := Row{HasInterface: c.pcapng, InterfaceName: c.ifaceName}
		row.Next(&c.p)
		for _, name := range comparableFields() {
			f := LookupField(name)
			if vs := f.Append(&row, nil); len(vs) > 0 && left[name] > 0 {
				left[name]--
				list = append(list, about(r, f, vs[r.IntN(len(vs))]))
			}
		}
	}
	return list
}

// madeUp makes up a condition on a random field of a random packet.
func madeUp(r *rand.Rand, all []captured) string {
	for {
		c := &all[r.IntN(len(all))]
		d := packet.NewDecoder()
		d.Decode(&c.p)
		row := Row{HasInterface: c.pcapng, InterfaceName: c.ifaceName}
		row.Next(&c.p)
		names := FieldNames()
		f := LookupField(names[r.IntN(len(names))])
		if f.Noted() || f.Name == "payload" || f.Name == "direction" || strings.HasPrefix(f.Name, "frame.time_") && f.Name != "frame.time_epoch" {
			continue
		}
		vs := f.Append(&row, nil)
		if len(vs) == 0 {
			continue
		}
		return about(r, f, vs[r.IntN(len(vs))])
	}
}

// about says something of a field whose value is known.
func about(r *rand.Rand, f *Field, v Value) string {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	op := one("==", "!=", "===", "!==", ">", ">=", "<", "<=", "eq", "ne", "gt", "le")
	if r.IntN(12) == 0 {
		return f.Name
	}
	if (op[0] == '>' || op[0] == '<') && r.IntN(3) == 0 && f.Type != TypeProtocol && f.Type != TypeUint {
		return one("any ", "all ") + compareWith(r, f, op, v)
	}
	return compareWith(r, f, op, v)
}

func compareWith(r *rand.Rand, f *Field, op string, v Value) string {
	name := f.Name
	switch f.Type {
	case TypeProtocol:
		return name
	case TypeBool:
		return fmt.Sprintf("%s %s %d", name, op, r.IntN(2))
	case TypeUint:
		n := int64(v.Num)
		switch r.IntN(6) {
		case 0:
			return fmt.Sprintf("%s in {%d, %d..%d}", name, max(0, n-1), max(0, n-int64(r.IntN(10))), n)
		case 1:
			return fmt.Sprintf("%s & 0x%x", name, 1<<r.IntN(8))
		case 2:
			return fmt.Sprintf("%s & %d == %d", name, 3, n&3)
		case 3:
			return fmt.Sprintf("%s %s 0x%x", name, op, n)
		}
		return fmt.Sprintf("%s %s %d", name, op, n)
	case TypeIPv4, TypeIPv6, TypeEther:
		text := string(f.AppendText(nil, v))
		if f.Type != TypeEther && r.IntN(2) == 0 {
			bits := r.IntN(len(v.Bytes)*8 + 1)
			return fmt.Sprintf("%s %s %s/%d", name, op, text, bits)
		}
		switch r.IntN(4) {
		case 0:
			return fmt.Sprintf("%s[%d:2] == %02x:%02x", name, 1, v.Bytes[1], v.Bytes[2])
		case 1:
			return fmt.Sprintf("%s in {%s}", name, text)
		}
		return fmt.Sprintf("%s %s %s", name, op, text)
	case TypeBytes:
		if len(v.Bytes) == 0 {
			return name
		}
		at := r.IntN(len(v.Bytes))
		part := v.Bytes[at:min(len(v.Bytes), at+1+r.IntN(4))]
		hexa := string(appendEther(nil, part))
		switch r.IntN(3) {
		case 0:
			return fmt.Sprintf("%s contains %s", name, hexa)
		case 1:
			return fmt.Sprintf("%s[%d:%d] == %s", name, at, len(part), hexa)
		}
		return fmt.Sprintf("%s %s %s", name, op, hexa)
	case TypeText:
		return fmt.Sprintf("%s %s %q", name, op, v.Text)
	case TypeTime:
		return fmt.Sprintf("%s %s %q", name, op, string(f.AppendText(nil, v)))
	}
	return fmt.Sprintf("%s %s %s", name, op, f.AppendText(nil, v))
}
