package history

import (
	"net/netip"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Answers for a row, in an order in which && is the least and || the greatest.
const (
	no uint8 = iota
	open
	yes
)

var answers = [3]uint8{query.Unknown: open, query.No: no, query.Yes: yes}

// settled are the outcomes after which the columns hold all headers that a packet has.
var settled = map[string]bool{
	packet.OutcomeTransport.String(): true, packet.OutcomeIP.String(): true, packet.OutcomeFragment.String(): true,
	packet.OutcomeNonIP.String(): true, packet.OutcomeLinkType.String(): true,
}

// notInColumns are the flags of rows whose headers the columns do not hold as they are.
const notInColumns = index.FlagMoreHeaders | index.FlagOptions

// columns evaluates a filter over the columns of an indexed unit, as far as they tell.
type columns struct {
	w      *worker
	f      *index.File
	group  int
	rows   int
	loaded [index.ColumnCount]bool
	listed [index.ColumnCount]bool // the dictionary alone
	first  int64                   // time of the capture's first packet

	// Rows whose headers are not all in the columns; nil: there is none. And those, and
	// fragments.
	unsettled, fragments []bool
	classified           bool
	used                 int // of w.vectors
}

// get loads a column once.
func (c *columns) get(col index.Column) (*index.Values, error) {
	v := &c.w.values[col]
	if c.loaded[col] {
		return v, nil
	}
	if err := c.w.loader.Load(c.f, c.group, col, v); err != nil {
		return nil, err
	}
	c.loaded[col], c.listed[col] = true, true
	return v, nil
}

// list loads a column's dictionary.
func (c *columns) list(col index.Column) (*index.Values, error) {
	v := &c.w.values[col]
	if c.listed[col] {
		return v, nil
	}
	if err := c.w.loader.Dictionary(c.f, c.group, col, v); err != nil {
		return nil, err
	}
	c.listed[col] = true
	return v, nil
}

// has tells whether a column has any value in the unit.
func (c *columns) has(col index.Column) bool { return c.f.Groups[c.group].Chunks[col].Values > 0 }

// classify finds the rows that the columns do not tell everything of.
func (c *columns) classify() error {
	if c.classified {
		return nil
	}
	c.classified = true
	const inFragment = index.FlagFragment | index.FlagInnerFragment
	odd, cut := false, false
	outcome, err := c.list(index.Outcome)
	if err != nil {
		return err
	}
	for _, word := range outcome.Words {
		odd = odd || !settled[word]
	}
	flags, err := c.list(index.Flags)
	if err != nil {
		return err
	}
	for _, f := range flags.Numbers {
		odd = odd || uint16(f)&notInColumns != 0
		cut = cut || uint16(f)&inFragment != 0
	}
	if !odd && !cut {
		return nil
	}
	if outcome, err = c.get(index.Outcome); err != nil {
		return err
	}
	if flags, err = c.get(index.Flags); err != nil {
		return err
	}
	unsettled, fragments := make([]bool, c.rows), make([]bool, c.rows)
	for i := range c.rows {
		f := uint16(flags.Numbers[flags.Small[i]])
		unsettled[i] = f&notInColumns != 0 || !settled[outcome.Words[outcome.Small[i]]]
		fragments[i] = unsettled[i] || f&inFragment != 0
	}
	c.fragments = fragments
	if odd {
		c.unsettled = unsettled
	}
	return nil
}

// vector returns memory for an answer for each row.
func (c *columns) vector() []uint8 {
	if c.used == len(c.w.vectors) {
		c.w.vectors = append(c.w.vectors, make([]uint8, index.GroupRows))
	}
	v := c.w.vectors[c.used][:c.rows]
	c.used++
	return v
}

func (c *columns) give() { c.used-- }

// constant fills a vector with one answer, and leaves open what the columns do not tell.
func (c *columns) constant(v []uint8, a uint8, unknown []bool) {
	for i := range v {
		v[i] = a
	}
	veil(v, unknown)
}

func veil(v []uint8, unknown []bool) {
	for i, u := range unknown {
		if u {
			v[i] = open
		}
	}
}

// eval fills v with the answers. flat is the answer when all rows have the same.
func (c *columns) eval(f *query.Filter, x query.Expr, v []uint8) (flat bool, err error) {
	switch x := x.(type) {
	case *query.And:
		return c.join(f, x.Left, x.Right, v, no)
	case *query.Or:
		return c.join(f, x.Left, x.Right, v, yes)
	case *query.Not:
		flat, err := c.eval(f, x.X, v)
		for i := range v {
			v[i] = yes - v[i]
		}
		return flat, err
	case *query.Xor:
		_, err := c.eval(f, x.Left, v)
		if err != nil {
			return false, err
		}
		o := c.vector()
		defer c.give()
		if _, err := c.eval(f, x.Right, o); err != nil {
			return false, err
		}
		for i := range v {
			switch {
			case v[i] == open || o[i] == open:
				v[i] = open
			case v[i] != o[i]:
				v[i] = yes
			default:
				v[i] = no
			}
		}
		return false, nil
	default:
		return c.leaf(f, x, v)
	}
}

// join evaluates && (strong is no) or || (strong is yes): an answer that is strong stands.
func (c *columns) join(f *query.Filter, left, right query.Expr, v []uint8, strong uint8) (flat bool, err error) {
	flat, err = c.eval(f, left, v)
	if err != nil || flat && v[0] == strong {
		return flat, err
	}
	o := c.vector()
	defer c.give()
	if flat, err = c.eval(f, right, o); err != nil {
		return false, err
	}
	if flat && o[0] == strong {
		copy(v, o)
		return true, nil
	}
	if strong == no {
		for i := range v {
			v[i] = min(v[i], o[i])
		}
	} else {
		for i := range v {
			v[i] = max(v[i], o[i])
		}
	}
	return false, nil
}

// fieldOf returns the field that a condition is about; nil when it is not about one, as
// it stands in the packet.
func fieldOf(x query.Expr) (f *query.Field, all bool) {
	var o query.Operand
	switch x := x.(type) {
	case *query.Exists:
		o = x.X
	case *query.Truth:
		o = x.X
	case *query.Compare:
		o, all = x.Left, x.Quant == query.All
		if _, ok := x.Right.(*query.Literal); !ok {
			return nil, false
		}
	case *query.In:
		o, all = x.X, x.Quant == query.All
	}
	if a, ok := o.(*query.Arith); ok && a.Op == query.BitAnd {
		o = a.Left
		if _, literal := o.(*query.Literal); literal {
			o = a.Right
		}
	}
	r, ok := o.(*query.FieldRef)
	if !ok || len(r.Layers) > 0 {
		return nil, false
	}
	return r.Field, all
}

// summaryOf makes a plain packet's Summary for asking a condition of one value.
func summaryOf(version, proto uint8) packet.Summary {
	s := packet.Summary{VLAN: packet.NoVLAN, Depth: 1, Outcome: packet.OutcomeTransport}
	s.Outer = packet.Tuple{Version: version, Proto: proto, Flags: packet.TupleHasPorts}
	s.Inner = s.Outer
	return s
}

// wordAddr is the address that a word of an address column says.
func wordAddr(word string) (addr packet.Addr, version uint8) {
	a, err := netip.ParseAddr(word)
	if err != nil {
		return addr, 0
	}
	if a.Is4() {
		return packet.AddrFrom4(a.As4()), 4
	}
	return a.As16(), 6
}
