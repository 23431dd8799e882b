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
	used     int // handed out in this session
}

type idRange struct{ first, last int64 }

func (r *idRange) len() int64 { return r.last - r.first + 1 }

// A block is a few flushes long, so that a quiet link does not waste the ids of a small id
// column with every start; a minute's worth where ids have eight bytes. A busy session's
// blocks grow with what it has used: reserving one makes everything before it wait for the
// server's disk.
const (
	smallestBlock = 1_000
	largestBlock  = 8_000_000
	someFlushes   = 4
	manyFlushes   = 64
	mostOneByOne  = 400_000 // ids that have to be asked for one by one
)

// assign gives a flight's rows their ids.
func (s *session) assign(ctx context.Context, f *flight) error {
	if s.ids.sequence == "" || f.numbers == s {
		return nil
	}
	f.ids = f.ids[:0]
	for missing := int64(len(f.meta)); missing > 0; {
		if len(s.ids.ranges) == 0 {
			if err := s.reserve(ctx, len(f.meta)); err != nil {
				return err
			}
		}
		r := &s.ids.ranges[0]
		n := min(r.len(), missing)
		f.ids = append(f.ids, idRange{r.first, r.first + n - 1})
		missing -= n
		if r.first += n; r.first > r.last {
			s.ids.ranges = s.ids.ranges[1:]
		}
	}
	s.ids.used += len(f.meta)
	f.numbers = s
	return nil
}

// reserve takes ids from the sequence, enough for so many rows and for some time to come.
func (s *session) reserve(ctx context.Context, rows int) error {
	some := max(someFlushes*rows, smallestBlock)
	if s.ids.owner {
		block := max(some, s.ids.used)
		if s.layout.targets[0].width == 8 {
			block = max(block, manyFlushes*rows)
		}
		// The sequence's end may be near.
		for _, n := range []int{min(block, largestBlock), rows} {
			err := s.reserveBlock(ctx, n)
			if err == nil {
				return nil
			}
			var server *pgconn.PgError
			if !errors.As(err, &server) || s.conn.IsClosed() {
				return s.fail("reserve ids", err, "")
			}
			if server.Code != codeOutOfRange {
				break
			}
		}
	}
	return s.reserveOneByOne(ctx, min(some, mostOneByOne))
}

// reserveBlock steps over a block: ALTER SEQUENCE keeps everybody else out until the
// transaction ends, so that the ids between the two values are nobody else's. It writes the
// sequence anew, so it is done once; the increment stays what it was.
func (s *session) reserveBlock(ctx context.Context, n int) error {
	q, name := s.ids.sequence, quoteLiteral(s.ids.sequence)
	results, err := batch(ctx, s.conn, fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = 200; "+
		"ALTER SEQUENCE %[1]s INCREMENT BY 1; SELECT pg_catalog.nextval(%[2]s) AS first; "+
		"SELECT pg_catalog.setval(%[2]s, pg_catalog.lastval() + %[3]d); COMMIT", q, name, n-1))
	if err != nil {
		s.rollback(ctx)
		return err
	}
	first, err1 := oneInt(results[3])
	last, err2 := oneInt(results[4])
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
