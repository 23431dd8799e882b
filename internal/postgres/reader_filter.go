package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	questions "github.com/tarrafa/tarrafa/internal/query"
)

// What a row tells of its packet, in SQL. The rules are those of [questions.Filter.MatchSummary]:
// true and false are certain, NULL is «only the bytes tell».
var (
	sqlMore    = fmt.Sprintf("(h & %d) <> 0", packetMoreHeaders)
	sqlSettled = "outcome IN (" + numbers(settledOutcomes) + ")"
	// The innermost header carries TCP, whose ports were read, and is no fragment.
	sqlOverTCP = fmt.Sprintf("((CASE WHEN iv = 0 THEN op ELSE ip END) = 6 AND (h & %d) = %d)", innerPorts|innerFragment, innerPorts)
	// The row holds all IP headers of the packet, with the transport headers above them.
	sqlWhole      = "(NOT (" + sqlMore + ") AND (" + sqlSettled + " OR " + sqlOverTCP + "))"
	sqlFirstOuter = fmt.Sprintf("(h & %d) = %d", outerPorts|outerFragment, outerPorts|outerFragment)
	sqlFirstInner = fmt.Sprintf("(h & %d) = %d", innerPorts|innerFragment, innerPorts|innerFragment)
	sqlDepth      = fmt.Sprintf("((h >> %d) & %d)", headerDepth, deepestKnown)
	sqlTCP        = fmt.Sprintf("CASE WHEN %s OR %s THEN NULL WHEN %s THEN %s WHEN outcome = %d AND %s AND (tf <> 0 OR tseq <> 0 OR tack <> 0 OR twin <> 0) THEN true END", sqlMore, sqlFirstInner, sqlSettled, sqlOverTCP, outcomeTruncated, sqlOverTCP)
)

// derived are the names that a scope's rows have besides those of rowSource.
var derived = sqlWhole + " AS whole, " + sqlTCP + " AS tcp"

// translation turns a filter into a condition. Values become parameters, text of the
// statement is only what stands in this package.
type translation struct {
	args       []string
	types      []uint32 // of args: also of those that the statement does not use in the end
	interfaces []interfaceName
	refused    []string // conditions that no column answers, as written
	long       bool
}

// argTypes are the types of parameters.
var argTypes = map[string]uint32{"bigint": pgInt8, "integer": pgInt4, "inet": pgInet}

// mostParameters is fewer than the protocol allows (65 535).
const mostParameters = 20_000

// arg adds a parameter and returns its name with its type.
func (t *translation) arg(value, sqlType string) string {
	if len(t.args) >= mostParameters {
		t.long = true
		return "NULL::" + sqlType
	}
	t.args, t.types = append(t.args, value), append(t.types, argTypes[sqlType])
	return "$" + strconv.Itoa(len(t.args)) + "::" + sqlType
}

func (t *translation) number(n int64) string { return t.arg(strconv.FormatInt(n, 10), "bigint") }

// condition is an expression in SQL, with what it says of a packet that has no row: one
// without IP header, of which nothing else is known.
type condition struct {
	sql    string
	absent questions.Tri
}

// unanswered is a condition that no column answers.
func (t *translation) unanswered(name string) condition {
	if !slices.Contains(t.refused, name) {
		t.refused = append(t.refused, name)
	}
	return condition{"NULL::boolean", questions.Unknown}
}

// of translates an expression. Its and, or and not know the third value as SQL's do.
func (t *translation) of(x questions.Expr) condition {
	switch x := x.(type) {
	case *questions.And:
		l, r := t.of(x.Left), t.of(x.Right)
		return condition{"(" + l.sql + " AND " + r.sql + ")", both(l.absent, r.absent)}
	case *questions.Or:
		l, r := t.of(x.Left), t.of(x.Right)
		return condition{"(" + l.sql + " OR " + r.sql + ")", not(both(not(l.absent), not(r.absent)))}
	case *questions.Xor:
		l, r := t.of(x.Left), t.of(x.Right)
		c := condition{"((" + l.sql + ") <> (" + r.sql + "))", questions.No}
		switch {
		case l.absent == questions.Unknown || r.absent == questions.Unknown:
			c.absent = questions.Unknown
		case l.absent != r.absent:
			c.absent = questions.Yes
		}
		return c
	case *questions.Not:
		c := t.of(x.X)
		return condition{"(NOT " + c.sql + ")", not(c.absent)}
	case *questions.In:
		if x.Quant == questions.All && len(x.Set) > 1 {
			return t.eachRange(x)
		}
	}
	return t.leaf(x)
}

// eachRange asks whether all values lie in the same one of the ranges.
func (t *translation) eachRange(x *questions.In) condition {
	parts := make([]string, len(x.Set))
	absent := questions.No
	for i, r := range x.Set {
		c := t.leaf(&questions.In{Quant: x.Quant, X: x.X, Set: []questions.Range{r}})
		parts[i] = c.sql
		absent = not(both(not(absent), not(c.absent)))
	}
	return condition{"(" + strings.Join(parts, " OR ") + ")", absent}
}

func both(a, b questions.Tri) questions.Tri {
	switch {
	case a == questions.No || b == questions.No:
		return questions.No
	case a == questions.Yes && b == questions.Yes:
		return questions.Yes
	}
	return questions.Unknown
}

func not(a questions.Tri) questions.Tri {
	switch a {
	case questions.Yes:
		return questions.No
	case questions.No:
		return questions.Yes
	}
	return questions.Unknown
}

// operandOf returns what a condition is about.
func operandOf(x questions.Expr) questions.Operand {
	switch x := x.(type) {
	case *questions.Exists:
		return x.X
	case *questions.Truth:
		return x.X
	case *questions.Compare:
		return x.Left
	case *questions.In:
		return x.X
	case *questions.Contains:
		return x.X
	case *questions.Matches:
		return x.X
	}
	return nil
}

// fieldNameOf returns the name of the first field in an operand.
func fieldNameOf(o questions.Operand) string {
	switch o := o.(type) {
	case *questions.FieldRef:
		return o.Field.Name
	case *questions.Slice:
		return fieldNameOf(o.X)
	case *questions.Arith:
		if name := fieldNameOf(o.Left); name != "" {
			return name
		}
		return fieldNameOf(o.Right)
	case *questions.Call:
		for _, arg := range o.Args {
			if name := fieldNameOf(arg); name != "" {
				return name
			}
		}
	}
	return ""
}

// quantifierOf returns whether all values must meet a condition.
func quantifierOf(x questions.Expr) questions.Quantifier {
	switch x := x.(type) {
	case *questions.Compare:
		return x.Quant
	case *questions.In:
		return x.Quant
	}
	return questions.Any
}

// leaf translates one condition on a field.
func (t *translation) leaf(x questions.Expr) condition {
	operand := operandOf(x)
	name := fieldNameOf(operand)
	if c, ok := x.(*questions.Compare); ok {
		if _, literal := c.Right.(*questions.Literal); !literal {
			return t.unanswered(name + " compared with another field")
		}
	}
	mask := ""
	if a, ok := operand.(*questions.Arith); ok && a.Op == questions.BitAnd && a.Type() == questions.TypeUint {
		lit, swapped := a.Left.(*questions.Literal)
		operand = a.Right
		if !swapped {
			lit, operand = a.Right.(*questions.Literal), a.Left
		}
		mask = " & " + t.number(int64(lit.Value.Num))
	}
	ref, ok := operand.(*questions.FieldRef)
	if !ok {
		return t.unanswered("a part or a function of " + name)
	}
	if ref.Layers != nil {
		return t.unanswered("a layer of " + name)
	}
	if mask == "" {
		if c, ok := t.special(name, x); ok {
			return c
		}
	}
	if c, ok := numberFields[name]; ok {
		return t.numberLeaf(name, c, mask, x)
	}
	return t.unanswered(name)
}

// special translates conditions on what is no number.
func (t *translation) special(name string, x questions.Expr) (condition, bool) {
	_, exists := x.(*questions.Exists)
	if p, ok := protocolFields[name]; ok {
		if !exists {
			return t.unanswered("the bytes of " + name), true
		}
		return p.condition(), true
	}
	if a, ok := addressFields[name]; ok {
		return t.addressLeaf(name, a, x), true
	}
	switch name {
	case "frame":
		if exists {
			return condition{"true", questions.Yes}, true
		}
	case "direction":
		return t.textLeaf(name, x, "dir", []string{"0", "1", "2"}, []string{"unknown", "received", "sent"}), true
	case "frame.interface_name":
		var ids, names []string
		for _, n := range t.interfaces {
			if n.name != "" {
				ids, names = append(ids, strconv.Itoa(int(n.index))), append(names, n.name)
			}
		}
		return t.textLeaf(name, x, "iface", ids, names), true
	case "vlan", "vlan.id":
		if exists {
			// A row holds the outermost tag of whatever kind: all that is certain is that there is none.
			return condition{"CASE WHEN vlan IS NULL AND (" + sqlDepth + " = 0 OR " + sqlDepth + " = 1 AND " + sqlOverTCP + ") AND whole THEN false END", questions.Unknown}, true
		}
	}
	return condition{}, false
}
