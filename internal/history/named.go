package history

import (
	"slices"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/query"
)

// What the columns app and names hold: the fields of package app, and app. In which packets
// an application's own field is (tls, http) they do not tell.
var (
	fieldApp  = query.LookupField("app")
	nameField = func() map[app.FieldID]*query.Field {
		m := map[app.FieldID]*query.Field{}
		for _, id := range app.FieldIDs() {
			m[id] = query.LookupField(id.String())
		}
		return m
	}()
	namedFields = func() map[*query.Field]bool {
		m := map[*query.Field]bool{fieldApp: true}
		for _, f := range nameField {
			m[f] = true
		}
		return m
	}()
)

// allNamed tells whether a condition is about what applications said, and nothing else.
func allNamed(fields []*query.Field) bool {
	return len(fields) > 0 && !slices.ContainsFunc(fields, func(f *query.Field) bool { return !namedFields[f] })
}

// named is what applications said in the rows of a unit.
type named struct {
	apps, names *index.Values // nil: no row has any
	list        []index.Named
}

func (c *columns) named() (n named, err error) {
	for _, l := range []struct {
		col index.Column
		to  **index.Values
	}{{index.App, &n.apps}, {index.Names, &n.names}} {
		if c.has(l.col) {
			if *l.to, err = c.get(l.col); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// said is what a row says of its application: rows that say the same have the same.
type said struct {
	app, names int32 // places in the dictionaries; -1: nothing
}

var silent = said{app: -1, names: -1}

func (n *named) said(i int) said {
	s := silent
	if n.apps != nil && n.apps.Has(i) {
		s.app = n.apps.Small[i]
	}
	if n.names != nil && n.names.Has(i) {
		s.names = n.names.Small[i]
	}
	return s
}

// notes appends what a row says as the values of fields. A word that cannot be read is
// damage that no checksum tells of.
func (n *named) notes(dst []query.Note, s said, name string) ([]query.Note, error) {
	n.list = n.list[:0]
	if s.names >= 0 {
		var ok bool
		if n.list, ok = index.AppendNamed(n.list, n.names.Words[s.names]); !ok {
			return dst, &index.DamageError{Name: name, What: "a word of the column names is not one"}
		}
	}
	if s.app >= 0 {
		dst = append(dst, query.Note{Field: fieldApp, Value: query.Value{Text: n.apps.Words[s.app]}})
	}
	for i := range n.list {
		l := &n.list[i]
		dst = append(dst, query.Note{Field: nameField[l.Field], Value: query.Value{Num: l.Number, Text: l.Text, Bytes: l.Address}})
	}
	return dst, nil
}

// eachSaid calls use for each row with what kind returned for what the row says. kind is
// asked once for rows that say the same.
func eachSaid[T any](n *named, rows int, kind func(said) (T, error), use func(row int, t T)) error {
	memo := map[said]T{}
	var last said
	var t T
	for i := range rows {
		s := n.said(i)
		if i == 0 || s != last {
			var known bool
			if t, known = memo[s]; !known {
				var err error
				if t, err = kind(s); err != nil {
					return err
				}
				memo[s] = t
			}
			last = s
		}
		use(i, t)
	}
	return nil
}

// namedLeaf evaluates a condition on what applications said.
func (c *columns) namedLeaf(f *query.Filter, x query.Expr, v []uint8) (flat bool, err error) {
	n, err := c.named()
	if err != nil {
		return false, err
	}
	part := f.Part(x)
	var row query.Row
	ask := func(s said) (uint8, error) {
		var err error
		if row.Notes, err = n.notes(row.Notes[:0], s, c.f.Name()); err != nil {
			return no, err
		}
		if part.Match(&row) {
			return yes, nil
		}
		return no, nil
	}
	if n.apps == nil && n.names == nil {
		a, err := ask(silent)
		c.constant(v, a, nil)
		return true, err
	}
	return false, eachSaid(&n, len(v), ask, func(i int, a uint8) { v[i] = a })
}

// topNamed counts the values of a field that applications said.
func (w *worker) topNamed(u *unit, sel *selection, f *query.Field, t *tally) error {
	c := &columns{w: w, f: u.part.file, group: u.group, rows: u.rows}
	n, err := c.named()
	if err != nil || n.apps == nil && n.names == nil {
		return err
	}
	wire, err := c.get(index.WireLen)
	if err != nil {
		return err
	}
	counts := map[string]query.Amount{}
	var row query.Row
	var values []query.Value
	texts := func(s said) (list []string, err error) {
		if row.Notes, err = n.notes(row.Notes[:0], s, c.f.Name()); err != nil {
			return nil, err
		}
		values = f.Append(&row, values[:0])
		for _, v := range values {
			if text := string(f.AppendText(nil, v)); !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
		return list, nil
	}
	err = eachSaid(&n, u.rows, texts, func(i int, list []string) {
		if len(list) == 0 || !sel.has(i) {
			return
		}
		for _, text := range list {
			a := counts[text]
			a.Packets++
			a.Bytes += uint64(uint32(wire.Small[i]))
			counts[text] = a
		}
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for text, a := range counts {
		t.add(text, a)
	}
	return nil
}
