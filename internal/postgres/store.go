package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
)

// errMoved says that the cursor in the database is not the flight's start.
var errMoved = errors.New("the cursor in the database is not where it was left")

// outcome is what became of a stored flight's rows.
type outcome struct {
	stored   uint64
	rejected uint64 // refused by the table one by one
	why      string // of the first refused row
	pending  bool   // committed, but a crash of the server may still undo it
}

// store writes a flight in one transaction: cursor, interfaces, rows, rollup. The cursor
// comes first: its row lock makes a half-dead connection's commit and ours take turns, and
// its condition makes sure that nothing is stored twice. When the connection breaks, only
// the cursor in the database tells whether the transaction was committed.
//
// When more is true at the end, the commit does not wait for the server's disk: the next
// flight's commit, or one after it, does so for both. If the server crashes in between, it
// loses rows and cursor together.
func (s *session) store(ctx context.Context, f *flight, waiting, more func() bool) (outcome, error) {
	if err := s.assign(ctx, f); err != nil {
		return outcome{}, err
	}
	out, err := s.transaction(ctx, f, waiting, more, false)
	if code := sqlState(err); code == codeUnique && s.ids.sequence != "" {
		// Somebody wrote ids of his own ahead of the sequence.
		f.numbers, f.ids, s.ids.ranges = nil, f.ids[:0], nil
		if err := s.assign(ctx, f); err != nil {
			return outcome{}, err
		}
		out, err = s.transaction(ctx, f, waiting, more, false)
	}
	for errors.Is(err, errFlows) {
		// Some are there already, or the table refuses them: next time without those.
		out, err = s.transaction(ctx, f, waiting, more, false)
	}
	if refusesRow(err) {
		return s.transaction(ctx, f, waiting, more, true)
	}
	return out, err
}

// transaction stores a flight. With careful, rows that the table refuses are left out.
func (s *session) transaction(ctx context.Context, f *flight, waiting, more func() bool, careful bool) (out outcome, err error) {
	defer func() {
		if err != nil {
			s.rollback(ctx)
		}
	}()
	if err := s.moveCursor(ctx, f); err != nil {
		return outcome{}, err
	}
	if err := s.storeInterfaces(ctx, f); err != nil {
		return outcome{}, err
	}
	var rejected []bool
	if careful {
		rejected = make([]bool, len(f.meta))
		if out, err = s.copyCarefully(ctx, f, rejected); err != nil {
			return outcome{}, err
		}
	} else if err := s.copyRows(ctx, f, 0, len(f.meta)); err != nil {
		return outcome{}, s.fail("store rows", err, s.insertGrant())
	} else {
		out.stored = uint64(len(f.meta))
	}
	if err := s.storePayloads(ctx, f); err != nil {
		return outcome{}, err
	}
	summed, err := s.sumAddresses(ctx, f, rejected, waiting())
	if err != nil {
		return outcome{}, err
	}
	flows, err := s.storeFlows(ctx, f)
	if err != nil {
		return outcome{}, err
	}
	last := appendSecondSums(nil, s.schema+secondTable, s.capture, f.secondsOf(rejected))
	if out.rejected > 0 {
		last = fmt.Appendf(last, "UPDATE %s%s SET stored = stored - %d, rejected = rejected + %d WHERE id = %d;",
			s.schema, cursorTable, out.rejected, out.rejected, s.capture)
	}
	if flows > 0 {
		last = fmt.Appendf(last, "UPDATE %s%s SET flows = flows + %d WHERE id = %d;", s.schema, cursorTable, flows, s.capture)
	}
	if out.pending = more(); out.pending {
		last = append(last, "SET LOCAL synchronous_commit = off;"...)
	}
	results, err := batch(ctx, s.conn, string(append(last, "COMMIT"...)))
	if err != nil {
		return outcome{}, s.fail("commit", err, "GRANT SELECT, INSERT, UPDATE ON "+s.schema+secondTable+" TO "+quoteIdent(s.cfg.User()))
	}
	if tag := results[len(results)-1].CommandTag.String(); tag != "COMMIT" {
		return outcome{}, s.fail("commit", fmt.Errorf("the server answered %s", tag), "")
	}
	s.cursor = f.end
	summed()
	return out, nil
}

func (s *session) insertGrant() string {
	return "GRANT SELECT, INSERT ON " + s.table + " TO " + quoteIdent(s.cfg.User())
}

// moveCursor begins the transaction and moves the cursor from the flight's start to its end.
func (s *session) moveCursor(ctx context.Context, f *flight) error {
	flows, payloads, unmoved := "", "", ""
	if !s.flows {
		flows = "flows = NULL, " // from here on they are not complete
	}
	if s.payloads {
		payloads, unmoved = fmt.Sprintf("payloads = %d, ", f.end.payloads), fmt.Sprintf(" AND payloads = %d", f.start.payloads)
	}
	results, err := batch(ctx, s.conn, fmt.Sprintf("BEGIN; UPDATE %s%s SET segment = %d, byte_offset = %d, packet = %d, "+
		"stored = stored + %d, skipped = skipped + %d, %s%supdated_at = clock_timestamp() "+
		"WHERE id = %d AND segment = %d AND byte_offset = %d AND packet = %d%s",
		s.schema, cursorTable, f.end.Segment, f.end.Offset, f.end.Packet, len(f.meta), f.skipped, flows, payloads,
		s.capture, f.start.Segment, f.start.Offset, f.start.Packet, unmoved))
	if err != nil {
		return s.fail("move the cursor", err, "GRANT SELECT, INSERT, UPDATE ON "+s.schema+cursorTable+" TO "+quoteIdent(s.cfg.User()))
	}
	if results[1].CommandTag.RowsAffected() != 1 {
		return errMoved
	}
	return nil
}

// storeInterfaces enters the interfaces that were seen for the first time.
func (s *session) storeInterfaces(ctx context.Context, f *flight) error {
	for _, n := range f.names {
		_, err := query(ctx, s.conn, "INSERT INTO "+s.schema+interfaceTable+" (capture, interface, name, link) "+
			"VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			strconv.Itoa(int(s.capture)), strconv.Itoa(int(n.index)), safeText(n.name, s.unicode), strconv.Itoa(int(n.link)))
		if err != nil {
			return s.fail("store interfaces", err, "GRANT SELECT, INSERT ON "+s.schema+interfaceTable+" TO "+quoteIdent(s.cfg.User()))
		}
	}
	return nil
}

// copyRows sends the rows lo to hi (without hi).
func (s *session) copyRows(ctx context.Context, f *flight, lo, hi int) error {
	if lo == hi {
		return nil
	}
	tag, err := s.conn.CopyFrom(ctx, f.stream(lo, hi, s.layout), s.copySQL)
	if err != nil {
		return err
	}
	if n := tag.RowsAffected(); n != int64(hi-lo) {
		return fmt.Errorf("the table took %d of %d rows: a trigger or a rule leaves rows out", n, hi-lo)
	}
	return nil
}

// A table that refuses this many rows and takes none is wrong as a whole: its rows wait
// until somebody mends it.
const allRefused = 100

// copyCarefully stores the rows that the table takes and marks the others.
func (s *session) copyCarefully(ctx context.Context, f *flight, rejected []bool) (outcome, error) {
	var out outcome
	var first error
	ranges := [][2]int{{0, len(f.meta)}} // a stack; the last comes next
	for len(ranges) > 0 {
		r := ranges[len(ranges)-1]
		ranges = ranges[:len(ranges)-1]
		lo, hi := r[0], r[1]
		if lo == hi {
			continue
		}
		err := s.copyGuarded(ctx, f, lo, hi)
		switch {
		case err == nil:
			out.stored += uint64(hi - lo)
			continue
		case !refusesRow(err):
			return outcome{}, s.fail("store rows", err, s.insertGrant())
		case first == nil:
			first = err
		}
		if hi-lo == 1 {
			rejected[lo] = true
			if out.rejected++; out.rejected >= allRefused && out.stored == 0 && len(f.meta) == int(out.rejected) {
				return outcome{}, s.fail("store rows", first, "")
			}
			continue
		}
		bad := lo + refusedLine(err) - 1
		if bad < lo || bad >= hi {
			bad = lo + (hi-lo)/2
			ranges = append(ranges, [2]int{bad, hi}, [2]int{lo, bad})
			continue
		}
		ranges = append(ranges, [2]int{bad + 1, hi}, [2]int{bad, bad + 1}, [2]int{lo, bad})
	}
	if first != nil {
		out.why = s.cfg.failure("store rows", first).Why
	}
	return out, nil
}

// copyGuarded is copyRows under a savepoint.
func (s *session) copyGuarded(ctx context.Context, f *flight, lo, hi int) error {
	if _, err := batch(ctx, s.conn, "SAVEPOINT rows"); err != nil {
		return err
	}
	err := s.copyRows(ctx, f, lo, hi)
	after := "RELEASE rows"
	if err != nil {
		if s.conn.IsClosed() {
			return err
		}
		after = "ROLLBACK TO rows; RELEASE rows"
	}
	if _, err := batch(ctx, s.conn, after); err != nil {
		return err
	}
	return err
}

// refusesRow tells whether the table refuses a row for what is in it: a value out of range
// or unreadable, a constraint, a trigger that raises.
func refusesRow(err error) bool {
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code == codeSequenceEnd || layoutChanged(server.Code) {
		return false
	}
	switch server.Code[:min(2, len(server.Code))] {
	case "22", "23":
		return true
	default:
		return server.Code == "P0001" || server.Code == "44000"
	}
}

// layoutChanged tells whether the server no longer understands rows of this layout:
// somebody has altered or dropped a table.
func layoutChanged(code string) bool {
	switch code {
	case codeUndefinedTable, codeUndefinedColumn, codeDatatypeMismatch, codeBadBinary, codeProtocol:
		return true
	default:
		return false
	}
}

// sqlState returns the server's code; empty when the error is not the server's.
func sqlState(err error) string {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return server.Code
	}
	return ""
}

// copyContext finds the line number in the context that COPY adds to an error («COPY
// packets, line 17, column …», translated).
var copyContext = regexp.MustCompile(`(?m)^COPY [^,\n]*, [^0-9\n]*([0-9]+)`)

// refusedLine returns which row of a COPY was refused, from 1; 0 when the server does not
// say.
func refusedLine(err error) int {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return 0
	}
	m := copyContext.FindStringSubmatch(server.Where)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}

// safeText makes a text that every database takes: no NUL, valid UTF-8, plain ASCII where
// the database's encoding may lack the character, of bounded length.
func safeText(s string, unicode bool) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0x7f || !unicode && r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, s)
	if len(s) > 255 {
		s = strings.ToValidUTF8(s[:255], "")
	}
	return s
}
