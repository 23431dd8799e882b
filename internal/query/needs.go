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
		n.Notes = n.Notes || f.noted()
	}
	return n
}

// besides are the fields that are neither in a Summary nor in the packet's bytes.
var besides = []string{
	"frame.interface_id", "frame.interface_name", "frame.time_delta", "frame.time_delta_displayed", "frame.time_relative",
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
	if _, open := leaf(x).(openLeaf); !open {
		return false
	}
	for _, o := range operands(x) {
		if f := fieldIn(o); f != nil && !f.noted() && !slices.Contains(besides, f.Name) {
			return true
		}
	}
	return false
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

// fieldIn returns the first field of an operand that is not noted, else any, nil for a
// literal.
func fieldIn(o Operand) *Field {
	switch o := o.(type) {
	case *FieldRef:
		return o.Field
	case *Slice:
		return fieldIn(o.X)
	case *Arith:
		if f := fieldIn(o.Left); f != nil {
			return f
		}
		return fieldIn(o.Right)
	case *Call:
		var found *Field
		for _, arg := range o.Args {
			if f := fieldIn(arg); found == nil || !f.noted() {
				found = f
			}
		}
		return found
	}
	return nil
}
