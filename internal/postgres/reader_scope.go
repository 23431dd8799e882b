package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	questions "github.com/tarrafa/tarrafa/internal/query"
)

// scope is a [questions.Scope] as the FROM part of a statement: its rows have the names of
// rowSource, and ok, which is true, or NULL when only the packet's bytes tell whether it is
// in the scope. Rows that are not in it are left out.
type scope struct {
	translation
	from   string
	filter *questions.Filter
	every  bool // every row of the capture is in it
	absent questions.Tri
}

// scopeOf translates a scope.
func (s *snapshot) scopeOf(ctx context.Context, q *questions.Scope) (*scope, error) {
	sc := &scope{filter: q.Filter, every: q.All(), absent: questions.Yes}
	where := "capture = " + sc.arg(strconv.Itoa(int(s.info.number)), "integer")
	if q.HasRange() {
		sc.absent = questions.Unknown
		where += " AND time_ns >= " + sc.number(q.From) + s.r.micros(&sc.translation, ">=", q.From)
		if q.To != 0 {
			where += " AND time_ns < " + sc.number(q.To) + s.r.micros(&sc.translation, "<=", q.To)
		}
	}
	ok := "true"
	if q.Filter != nil {
		for _, f := range q.Filter.Fields() {
			if f.Name == "frame.interface_name" {
				if err := s.readInterfaces(ctx, sc); err != nil {
					return nil, err
				}
			}
		}
		c := sc.of(q.Filter.Root())
		ok, sc.absent = c.sql, both(sc.absent, c.absent)
	}
	if sc.long {
		return nil, &questions.CannotAnswerError{What: "the filter", Why: fmt.Sprintf("it has more than the %d values that a statement takes", mostParameters)}
	}
	// OFFSET 0 keeps the server from computing the names anew wherever they stand.
	sc.from = "(SELECT *, CASE WHEN known THEN " + ok + " END AS ok FROM (SELECT *, " + derived +
		" FROM (SELECT " + s.r.rows.columns + " FROM " + s.r.rows.table + " WHERE " + where + " OFFSET 0) AS rows OFFSET 0) AS named OFFSET 0) AS scope WHERE ok IS NOT FALSE"
	return sc, nil
}

// micros restricts the column of the time too, for the sake of its index.
func (r *Reader) micros(t *translation, op string, ns int64) string {
	if r.rows.micros == "" {
		return ""
	}
	at := floorDiv(ns, 1000)
	return " AND " + r.rows.micros + " " + op + " '1970-01-01 00:00:00+00'::timestamptz + " + t.number(at) + " * '1 microsecond'::interval"
}

func (s *snapshot) readInterfaces(ctx context.Context, sc *scope) error {
	rows, err := query(ctx, s.conn, "SELECT interface, name FROM "+s.r.rows.schema+interfaceTable+" WHERE capture = $1::integer ORDER BY interface",
		strconv.Itoa(int(s.info.number)))
	if err != nil {
		return err
	}
	sc.interfaces = nil
	for _, row := range rows {
		n, err := strconv.ParseUint(string(row[0]), 10, 16)
		if err != nil {
			return fmt.Errorf("%s holds %q", interfaceTable, row[0])
		}
		sc.interfaces = append(sc.interfaces, interfaceName{index: uint16(n), name: string(row[1])})
	}
	return nil
}

// run runs a statement with the scope's parameters.
func (s *snapshot) run(ctx context.Context, sc *scope, sql string) ([][][]byte, error) {
	values := make([][]byte, len(sc.args))
	for i, a := range sc.args {
		values[i] = []byte(a)
	}
	r := s.conn.ExecParams(ctx, sql, values, sc.types, nil, nil).Read()
	return r.Rows, r.Err
}

// complete refuses a question when packets without a row could change its answer. valued
// tells whether such a packet could count.
func (s *snapshot) complete(sc *scope, what string, valued bool) error {
	if s.r.stored || !valued || s.info.Missing() == 0 {
		return nil
	}
	if s.info.Rejected == 0 && sc.absent == questions.No {
		return nil
	}
	why := fmt.Sprintf("%d of the capture's %d packets have no IP header and no row in the database; ask about IP packets only (ip || ipv6), or ask the archive",
		s.info.Missing(), s.info.Packets)
	if s.info.Rejected > 0 {
		why = fmt.Sprintf("%d of the capture's %d packets have no row in the database, %d of them because the table refused them; ask the archive",
			s.info.Missing(), s.info.Packets, s.info.Rejected)
	}
	return &questions.CannotAnswerError{What: what, Why: why}
}

// open says that the columns do not tell of so many packets whether they are in the scope.
func (sc *scope) open(packets uint64) error {
	if packets == 0 {
		return nil
	}
	e := &questions.CannotAnswerError{What: "the packets"}
	if sc.filter != nil {
		e.What = sc.filter.String()
	}
	switch {
	case sc.filter == nil:
		e.Why = fmt.Sprintf("%d rows lack columns: they were stored by an older version, or by another program", packets)
	case len(sc.refused) > 0:
		e.Why = fmt.Sprintf("the database has no column that tells %s (%d packets); ask the archive", strings.Join(sc.refused, ", "), packets)
	default:
		e.Why = fmt.Sprintf("the columns do not tell it of %d packets (headers that are cut, quoted, or more than two deep, fragments; "+
			"of ICMP and VLAN tags only that there are none); ask the archive", packets)
	}
	return e
}

// parseUints reads a row of numbers; NULL is 0.
func parseUints(row [][]byte, to ...*uint64) error {
	for i, p := range to {
		*p = 0
		if row[i] == nil {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(string(row[i]), ".0"), 10, 64)
		if err != nil {
			return fmt.Errorf("the database answered %q, not a number", line(string(row[i])))
		}
		*p = uint64(n)
	}
	return nil
}
