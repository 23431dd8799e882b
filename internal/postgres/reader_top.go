package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
)

// topMost bounds the rows of a top list.
const topMost = 1 << 20

// UnknownFieldError says that there is no field of that name.
type UnknownFieldError struct{ Name string }

// Error implements error.
func (e *UnknownFieldError) Error() string { return fmt.Sprintf("no field of the name %q", e.Name) }

// topField says what is counted and how.
type topField struct {
	name    string
	field   string                                  // its full name
	list    []holder                                // where a packet's values are
	unsure  string                                  // when only the bytes tell the values; empty: never
	always  bool                                    // packets without IP header have a value too
	text    string                                  // orders the values v as their text form does
	convert func(v string) (text string, err error) // the text form of what the database says
}

// plainText takes over what the database says.
func plainText(v string) (string, error) { return v, nil }

func addressText(v string) (string, error) {
	var t packet.Tuple
	if err := tupleOf(&t, [][]byte{[]byte(v), []byte(v)}, make([]int64, 5)); err != nil {
		return "", err
	}
	return string(t.Src.AppendTo(nil, t.Version)), nil
}

// lookUpTop finds out how to count a field. Besides the fields of the display filters src
// and dst are known: the outermost addresses, of either version.
func lookUpTop(name string) (*topField, error) {
	byText := `v::text COLLATE "C"`
	byHost := `host(v) COLLATE "C"`
	switch name {
	case "src", "dst":
		return &topField{name: name, field: name, list: []holder{{"ov <> 0", "o" + name[:1]}}, text: byHost, convert: addressText}, nil
	}
	field := questions.LookupField(name)
	if field == nil {
		return nil, &UnknownFieldError{name}
	}
	if a, ok := addressFields[field.Name]; ok {
		return &topField{name: name, field: field.Name, list: a.holders(), unsure: "NOT whole", text: byHost, convert: addressText}, nil
	}
	if n, ok := numberFields[field.Name]; ok && field.Type == questions.TypeUint || n.flag {
		f := &topField{name: name, field: field.Name, unsure: n.unsure(), text: byText, always: n.kind == numberFrame}
		f.convert = func(v string) (string, error) {
			num, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				return "", fmt.Errorf("the database answered %q, not a number", line(v))
			}
			return string(field.AppendText(nil, questions.Value{Num: num})), nil
		}
		if n.hex > 0 {
			f.text = "v" // of fixed length: the order of the numbers
		}
		switch n.kind {
		case numberFrame:
			f.list = []holder{{"true", n.outer}}
		case numberTCP, numberTCPLen:
			f.list = []holder{{"tcp", n.outer}}
		default:
			f.list = n.holders()
		}
		return f, nil
	}
	if field.Name == "direction" {
		return &topField{
			name: name, field: field.Name, list: []holder{{"true", "(CASE dir WHEN 1 THEN 'received' WHEN 2 THEN 'sent' ELSE 'unknown' END)"}},
			always: true, text: byText, convert: plainText,
		}, nil
	}
	return nil, &questions.CannotAnswerError{What: "the most frequent " + name, Why: "the database has no column for it; ask the archive"}
}

// Top implements [questions.Reader]. The fields are those of the columns; src and dst are
// the outermost addresses of either IP version.
func (r *Reader) Top(ctx context.Context, s questions.Scope, field string, n int) (*questions.Top, error) {
	f, err := lookUpTop(field)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > topMost {
		return nil, fmt.Errorf("the %d most frequent: up to %d", n, topMost)
	}
	var top *questions.Top
	err = r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		sc, err := snap.scopeOf(ctx, &s)
		if err == nil {
			err = snap.complete(sc, "the most frequent "+field, f.always)
		}
		if err == nil {
			top, err = snap.topSums(ctx, &s, f, n)
		}
		if err == nil && top == nil {
			top, err = snap.top(ctx, sc, f, n)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	report(&s)
	return top, nil
}

func (s *snapshot) top(ctx context.Context, sc *scope, f *topField, n int) (*questions.Top, error) {
	unsure := f.unsure
	if unsure == "" {
		unsure = "false"
	}
	rows, err := s.run(ctx, sc, "SELECT count(*) FILTER (WHERE ok IS NULL), count(*) FILTER (WHERE ok AND ("+unsure+")) FROM "+sc.from)
	if err != nil {
		return nil, err
	}
	var open, untold uint64
	if err := parseUints(rows[0], &open, &untold); err != nil {
		return nil, err
	}
	if err := sc.open(open); err != nil {
		return nil, err
	}
	if untold > 0 {
		return nil, f.untold(untold)
	}
	// A value counts once a packet: one is left out when an earlier place has the same.
	var places []string
	for i, h := range f.list {
		var when strings.Builder
		when.WriteString(h.when)
		for _, e := range f.list[:i] {
			when.WriteString(" AND NOT COALESCE(" + e.when + " AND " + e.value + " = " + h.value + ", false)")
		}
		places = append(places, "("+when.String()+", "+h.value+")")
	}
	sql := "SELECT v, c, b, count(*) OVER () FROM (SELECT place.v, count(*) AS c, sum(wire)::bigint AS b FROM (SELECT * FROM " + sc.from +
		") AS packets CROSS JOIN LATERAL (VALUES " + strings.Join(places, ", ") + ") AS place (there, v) " +
		"WHERE place.there AND place.v IS NOT NULL GROUP BY place.v) AS sums ORDER BY c DESC, b DESC, " + f.text + " LIMIT " + strconv.Itoa(max(n, 1))
	if rows, err = s.run(ctx, sc, sql); err != nil {
		return nil, err
	}
	return f.top(rows, n)
}

// untold says that the columns do not tell the values of so many packets.
func (f *topField) untold(packets uint64) error {
	return &questions.CannotAnswerError{
		What: "the most frequent " + f.name,
		Why:  fmt.Sprintf("the columns do not tell the values of %d packets (headers that are cut, quoted, or more than two deep, fragments); ask the archive", packets),
	}
}

// top reads rows of a value, its packets and bytes, and the number of different values.
func (f *topField) top(rows [][][]byte, n int) (*questions.Top, error) {
	var err error
	top := &questions.Top{Field: f.name, Rows: []questions.TopRow{}}
	for i, row := range rows {
		var r questions.TopRow
		if err := parseUints(row[1:4], &r.Packets, &r.Bytes, &top.Distinct); err != nil {
			return nil, err
		}
		if r.Value, err = f.convert(string(row[0])); err != nil {
			return nil, err
		}
		if i < n {
			top.Rows = append(top.Rows, r)
		}
	}
	return top, nil
}
