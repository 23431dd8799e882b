package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	questions "github.com/tarrafa/tarrafa/internal/query"
)

// sums is a source of rows for questions without a filter: those of tarrafa_seconds, and at
// both ends of a range the packets of the seconds that are not wholly in it. Its columns
// are open (only the bytes tell), second, ov, op, outcome, dir, packets, bytes, first, last
// and untold.
type sums struct {
	scope
	from string
}

// sumsOf returns the sums for a scope; nil when it has a filter, lies within a second or
// two, or the capture has no complete sums.
func (s *snapshot) sumsOf(q *questions.Scope) *sums {
	if q.Filter != nil || !s.info.seconds {
		return nil
	}
	m := &sums{}
	capture := m.arg(strconv.Itoa(int(s.info.number)), "integer")
	where, edges := "capture = "+capture, ""
	if q.HasRange() {
		const second = int64(time.Second)
		from := floorDiv(q.From, second)
		if !wholeSecond(q.From) {
			from++
			edges = s.edge(m, capture, q.From, from*second)
		}
		where += " AND second >= " + m.number(from)
		if q.To != 0 {
			to := floorDiv(q.To, second)
			if to <= from {
				return nil
			}
			if !wholeSecond(q.To) {
				edges += s.edge(m, capture, to*second, q.To)
			}
			where += " AND second < " + m.number(to)
		}
	}
	m.from = "(SELECT false AS open, second, ip_version AS ov, protocol AS op, outcome, direction AS dir, packets, bytes, first_ns AS first, last_ns AS last, untold FROM " +
		s.r.rows.schema + secondTable + " WHERE " + where + edges + ") AS sums"
	return m
}

// edge is the part of a source for the packets of a part of a second.
func (s *snapshot) edge(m *sums, capture string, from, to int64) string {
	second := m.number(floorDiv(from, int64(time.Second)))
	where := "capture = " + capture + " AND time_ns >= " + m.number(from) + s.r.micros(&m.translation, ">=", from) +
		" AND time_ns < " + m.number(to) + s.r.micros(&m.translation, "<=", to)
	return " UNION ALL SELECT NOT known, " + second + ", ov, op, outcome, dir, 1, wire, t, t, CASE WHEN whole THEN 0 ELSE 1 END FROM (SELECT *, " + derived +
		" FROM (SELECT " + s.r.rows.columns + " FROM " + s.r.rows.table + " WHERE " + where + " OFFSET 0) AS rows OFFSET 0) AS named"
}

// countSums is count from the sums.
func (s *snapshot) countSums(ctx context.Context, m *sums) (uint64, error) {
	rows, err := s.run(ctx, &m.scope, "SELECT COALESCE(sum(packets) FILTER (WHERE NOT open), 0)::bigint, count(*) FILTER (WHERE open) FROM "+m.from)
	if err != nil {
		return 0, err
	}
	var n, open uint64
	if err := parseUints(rows[0], &n, &open); err != nil {
		return 0, err
	}
	return n, m.open(open)
}

// addressSums says which of the sums by address answers a question about a field.
type addressSums struct {
	column  string
	version int  // 0: both
	whole   bool // only when the columns hold every IP header of all packets
}

var summedFields = map[string]addressSums{
	"src": {column: "src"}, "dst": {column: "dst"},
	"ip.src": {"any_src", 4, true}, "ip.dst": {"any_dst", 4, true}, "ip.addr": {"any", 4, true},
	"ipv6.src": {"any_src", 6, true}, "ipv6.dst": {"any_dst", 6, true}, "ipv6.addr": {"any", 6, true},
}

// topSums answers from the sums; nil when they do not tell.
func (s *snapshot) topSums(ctx context.Context, q *questions.Scope, f *topField, n int) (*questions.Top, error) {
	m := s.sumsOf(q)
	if m == nil {
		return nil, nil
	}
	if f.name == "direction" {
		return s.topOf(ctx, &m.scope, f, n, "SELECT (CASE dir WHEN 1 THEN 'received' WHEN 2 THEN 'sent' ELSE 'unknown' END), sum(packets)::bigint, sum(bytes)::bigint, bool_or(open) FROM "+
			m.from+" GROUP BY 1")
	}
	a, ok := summedFields[f.field]
	if !ok || !q.All() || s.info.addressed == noAddresses {
		return nil, nil
	}
	if a.whole {
		rows, err := s.run(ctx, &m.scope, "SELECT COALESCE(sum(untold), 0)::bigint FROM "+m.from)
		if err != nil {
			return nil, err
		}
		var untold uint64
		if err := parseUints(rows[0], &untold); err != nil {
			return nil, err
		}
		if untold > 0 {
			return nil, f.untold(untold)
		}
	}
	sc := &scope{}
	capture := sc.arg(strconv.Itoa(int(s.info.number)), "integer")
	list := fmt.Sprintf("SELECT address, %[1]s_packets AS packets, %[1]s_bytes AS bytes FROM %[2]s%[3]s WHERE capture = %[4]s", a.column, s.r.rows.schema, addressTable, capture)
	if uint64(s.info.addressed) <= s.info.Packets {
		// The rows that came since the sums were written.
		source := "(SELECT " + s.r.rows.columns + " FROM " + s.r.rows.table + " WHERE capture = " + capture + " AND number >= " + sc.number(s.info.addressed) + " OFFSET 0)"
		list += fmt.Sprintf(" UNION ALL SELECT address, %[1]s_packets, %[1]s_bytes FROM (%[2]s) AS late (address, %[3]s)", a.column, addressesOf(source), sumColumns)
	}
	family := ""
	if a.version != 0 {
		family = fmt.Sprintf(" AND family(address) = %d", a.version)
	}
	return s.topOf(ctx, sc, f, n, "SELECT address, sum(packets)::bigint, sum(bytes)::bigint, false FROM ("+list+") AS sums WHERE packets > 0"+family+" GROUP BY address")
}

// topOf orders values with their packets and bytes. What list returns fourth tells whether
// only the bytes tell.
func (s *snapshot) topOf(ctx context.Context, sc *scope, f *topField, n int, list string) (*questions.Top, error) {
	rows, err := s.run(ctx, sc, "SELECT v, c, b, count(*) OVER (), open FROM ("+list+") AS sums (v, c, b, open) ORDER BY c DESC, b DESC, "+f.text+" LIMIT "+strconv.Itoa(max(n, 1)))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if isTrue(row[4]) {
			return nil, sc.open(1)
		}
	}
	return f.top(rows, n)
}
