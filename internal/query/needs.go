package query

import "slices"

// needsOf finds out what the evaluation of a filter needs.
func needsOf(root Expr, fields []*Field) Needs {
	n := Needs{Bytes: needsBytes(root)}
	for _, f := range fields {
		switch f.Name {
		case "frame.interface_id", "frame.interface_name":
			n.Interface = true
		case "frame.time_delta", "frame.time_delta_displayed", "frame.time_relative":
			n.History = true
		}
		n.Notes = n.Notes || f.Noted()
		n.History = n.History || f.remembered()
	}
	return n
}

// besides are the fields that are neither in a Summary nor in the packet's bytes.
var besides = []string{
	"frame.interface_id", "frame.interface_name", "frame.time_delta", "frame.time_delta_displayed", "frame.time_relative",
}

// fieldsOf appends the fields that an expression asks for, each once, in the order of the
// text.
func fieldsOf(list []*Field, x Expr) []*Field {
	switch x := x.(type) {
	case *And:
		return fieldsOf(fieldsOf(list, x.Left), x.Right)
	case *Or:
		return fieldsOf(fieldsOf(list, x.Left), x.Right)
	case *Xor:
		return fieldsOf(fieldsOf(list, x.Left), x.Right)
	case *Not:
		return fieldsOf(list, x.X)
	}
	for _, o := range operands(x) {
		list = fieldsIn(list, o)
	}
	return list
}

// fieldsIn appends the fields of an operand.
func fieldsIn(list []*Field, o Operand) []*Field {
	switch o := o.(type) {
	case *FieldRef:
		if !slices.Contains(list, o.Field) {
			list = append(list, o.Field)
		}
	case *Slice:
		return fieldsIn(list, o.X)
	case *Arith:
		return fieldsIn(fieldsIn(list, o.Left), o.Right)
	case *Call:
		for _, arg := range o.Args {
			list = fieldsIn(list, arg)
		}
	}
	return list
}

// needsBytes tells whether an expression asks what only the bytes tell: neither Summaries,
// but for unusual packets (quoted headers, tunnels in tunnels), nor notes.
func needsBytes(x Expr) bool {
	switch x := x.(type) {
	case *And:
		return needsBytes(x.Left) || needsBytes(x.Right)
	case *Or:
		return needsBytes(x.Left) || needsBytes(x.Right)
	case *Xor:
		return needsBytes(x.Left) || needsBytes(x.Right)
	case *Not:
		return needsBytes(x.X)
	}
	switch l := leaf(x).(type) {
	case openLeaf, vlanLeaf:
	case protocolLeaf:
		if l.version != 0 || l.ports {
			return false
		}
	default:
		return false
	}
	return slices.ContainsFunc(fieldsOf(nil, x), func(f *Field) bool {
		return !f.noted() && !slices.Contains(besides, f.Name)
	})
}

// operands returns the operands of a condition.
func operands(x Expr) []Operand {
	switch x := x.(type) {
	case *Exists:
		return []Operand{x.X}
	case *Truth:
		return []Operand{x.X}
	case *Compare:
		return []Operand{x.Left, x.Right}
	case *In:
		return []Operand{x.X}
	case *Contains:
		return []Operand{x.X}
	case *Matches:
		return []Operand{x.X}
	}
	return nil
}
