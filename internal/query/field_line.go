package query

// Occurrence says which of a field's occurrences in a packet are printed.
type Occurrence byte

// Occurrences to print, with tshark's letters.
const (
	AllOccurrences  Occurrence = 'a'
	FirstOccurrence Occurrence = 'f'
	LastOccurrence  Occurrence = 'l'
)

// Line prints packets as lines of fields, as tshark's -T fields does.
type Line struct {
	Fields     []*Field
	Occurrence Occurrence
	Separator  byte // between fields
	Aggregator byte // between the occurrences of a field
	Quote      byte // around each field; 0: none

	values []Value
}

// NewLine returns a Line with tshark's defaults: all occurrences, a tab between fields
// and a comma between occurrences.
func NewLine(fields []*Field) *Line {
	return &Line{Fields: fields, Occurrence: AllOccurrences, Separator: '\t', Aggregator: ','}
}

// AppendHeader appends the line of the fields' names.
func (l *Line) AppendHeader(dst []byte) []byte {
	for i, f := range l.Fields {
		if i > 0 {
			dst = append(dst, l.Separator)
		}
		dst = append(dst, f.Name...)
	}
	return append(dst, '\n')
}

// Append appends the line of one packet. It allocates nothing once it has seen the
// longest list of occurrences.
func (l *Line) Append(dst []byte, r *Row) []byte {
	for i, f := range l.Fields {
		if i > 0 {
			dst = append(dst, l.Separator)
		}
		l.values = f.Append(r, l.values[:0])
		vs := l.values
		if len(vs) == 0 {
			continue
		}
		switch l.Occurrence {
		case FirstOccurrence:
			vs = vs[:1]
		case LastOccurrence:
			vs = vs[len(vs)-1:]
		}
		if l.Quote != 0 {
			dst = append(dst, l.Quote)
		}
		for j, v := range vs {
			if j > 0 {
				dst = append(dst, l.Aggregator)
			}
			dst = f.AppendText(dst, v)
		}
		if l.Quote != 0 {
			dst = append(dst, l.Quote)
		}
	}
	r.Shown()
	return append(dst, '\n')
}
