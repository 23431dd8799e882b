package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// idSource hands out ids of the table's sequence. They are reserved in blocks, so that
// the old program and everybody else who uses the sequence goes on undisturbed.
type idSource struct {
	sequence string // quoted, with schema; empty: the server fills the ids in
	owner    bool   // we may alter the sequence
	ranges   []idRange
}

type idRange struct{ first, last int64 }

// A block is a few flushes long, so that a quiet link does not waste the ids of a small
// id column with every start.
const (
	smallestBlock = 1_000
	largestBlock  = 400_000
)

// assign writes ids into a flight's rows.
func (s *session) assign(ctx context.Context, f *flight) error {
	if s.ids.sequence == "" || f.numbers == s {
		return nil
	}
	t := &s.layout.targets[0]
	for i := range f.meta {
		if len(s.ids.ranges) == 0 {
			if err := s.reserve(ctx, min(max(4*len(f.meta), smallestBlock), largestBlock)); err != nil {
				return err
			}
		}
		r := &s.ids.ranges[0]
		t.setID(f.rows[f.meta[i].off:], r.first)
		if r.first++; r.first > r.last {
			s.ids.ranges = s.ids.ranges[1:]
		}
	}
	f.numbers = s
	return nil
}

// reserve takes n ids from the sequence.
func (s *session) reserve(ctx context.Context, n int) error {
	if s.ids.owner {
		err := s.reserveBlock(ctx, n)
		if err == nil {
			return nil
		}
		var server *pgconn.PgError
		if !errors.As(err, &server) || s.conn.IsClosed() {
			return s.fail("reserve ids", err, "")
		}
	}
	return s.reserveOneByOne(ctx, n)
}

// reserveBlock steps over a block: ALTER SEQUENCE keeps everybody else out until the
// transaction ends, so that the ids between the two values are nobody else's.
func (s *session) reserveBlock(ctx context.Context, n int) error {
	q, name := s.ids.sequence, quoteLiteral(s.ids.sequence)
	results, err := batch(ctx, s.conn, fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = 200; "+
		"ALTER SEQUENCE %[1]s INCREMENT BY 1; SELECT nextval(%[2]s); "+
		"ALTER SEQUENCE %[1]s INCREMENT BY %[3]d; SELECT nextval(%[2]s); "+
		"ALTER SEQUENCE %[1]s INCREMENT BY 1; COMMIT", q, name, n-1))
	if err != nil {
		s.rollback(ctx)
		return err
	}
	first, err1 := oneInt(results[3])
	last, err2 := oneInt(results[5])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if last-first != int64(n-1) {
		return fmt.Errorf("the sequence %s stepped from %d to %d, not by %d", q, first, last, n-1)
	}
	s.ids.ranges = append(s.ids.ranges, idRange{first, last})
	return nil
}

// reserveOneByOne takes the ids one after another, which needs no ownership. Others may
// get ids in between.
func (s *session) reserveOneByOne(ctx context.Context, n int) error {
	rows, err := query(ctx, s.conn, `SELECT min(v), max(v) FROM (
		SELECT v, v - row_number() OVER (ORDER BY v) AS island FROM (
			SELECT nextval($1::regclass) AS v FROM generate_series(1, $2::integer)) AS taken) AS islands
		GROUP BY island ORDER BY 1`, s.ids.sequence, strconv.Itoa(n))
	if err != nil {
		return s.fail("reserve ids", err, "GRANT USAGE ON SEQUENCE "+s.ids.sequence+" TO "+quoteIdent(s.cfg.User()))
	}
	for _, r := range rows {
		first, err1 := strconv.ParseInt(string(r[0]), 10, 64)
		last, err2 := strconv.ParseInt(string(r[1]), 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return s.fail("reserve ids", err, "")
		}
		s.ids.ranges = append(s.ids.ranges, idRange{first, last})
	}
	return nil
}

func oneInt(r *pgconn.Result) (int64, error) {
	if len(r.Rows) != 1 || len(r.Rows[0]) != 1 {
		return 0, fmt.Errorf("one number was expected, %d rows came", len(r.Rows))
	}
	return strconv.ParseInt(string(r.Rows[0][0]), 10, 64)
}
