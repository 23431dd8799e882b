package query

import (
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

func parse(text string) (*Filter, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	f := LookupField(text)
	if f == nil {
		return nil, &SyntaxError{End: len(text), What: "no field " + text}
	}
	return &Filter{root: &Exists{&FieldRef{Field: f}}, fields: []*Field{f}, needs: Needs{Bytes: true}}, nil
}

func format(e Expr) string { return e.(*Exists).Ref.Field.Name }

func matchRow(f *Filter, r *Row) bool { return len(f.fields[0].Append(r, nil)) > 0 }

func matchSummary(*Filter, *packet.Summary) Tri { return Unknown }

func complete(text string, pos int) (list []Candidate) {
	for _, n := range FieldNames() {
		if strings.HasPrefix(n, text[:pos]) {
			list = append(list, Candidate{Text: n, To: pos})
		}
	}
	return list
}
