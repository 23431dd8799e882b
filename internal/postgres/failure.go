package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Problem names what keeps rows from reaching the table.
type Problem uint8

// Problems, by what a person has to do about them.
const (
	ProblemOther       Problem = iota // see the text
	ProblemUnreachable                // nobody answers at the address
	ProblemTimeout                    // the server is there and does not answer in time
	ProblemLost                       // the connection broke
	ProblemBusy                       // starting, shutting down, or too many connections
	ProblemPassword                   // user or password refused, or no way in (pg_hba.conf)
	ProblemDatabase                   // no such database
	ProblemPermission                 // the user may not write
	ProblemReadOnly                   // a standby, or a read-only session
	ProblemDiskFull
	ProblemLocked // somebody holds a lock on the table
	ProblemTable  // the table cannot take our rows
	ProblemIDs    // the table's sequence or id column has run out
	ProblemCount  // not a problem: how many there are
)

var problemNames = [ProblemCount]string{
	"other", "unreachable", "timeout", "connection lost", "busy", "password", "database", "permission",
	"read-only", "disk full", "locked", "table", "ids",
}

// String returns the problem's name as the status and the metrics show it.
func (p Problem) String() string {
	if p < ProblemCount {
		return problemNames[p]
	}
	return "problem " + strconv.Itoa(int(p))
}

// Error says what failed, where, why, and what mends it. It never holds a password.
type Error struct {
	Problem Problem
	Op      string // what was being done: "connect", "store rows" …
	Where   string // host:port, database and user
	Why     string // one line
	Mend    string // a command or an action that mends it; may be empty
	Code    string // SQLSTATE, when the server said so
	err     error
}

// Error returns everything in one line.
func (e *Error) Error() string {
	text := e.Where + ": " + e.Op + ": " + e.Why
	if e.Mend != "" {
		text += "; " + e.Mend
	}
	return text
}

// Unwrap returns the driver's error. Its own text may be long, but holds no password.
func (e *Error) Unwrap() error { return e.err }

// PostgreSQL's SQLSTATE codes that are treated apart (documentation, appendix A).
const (
	codeUndefinedTable   = "42P01"
	codeUndefinedColumn  = "42703"
	codeDatatypeMismatch = "42804"
	codeBadBinary        = "22P03"
	codeProtocol         = "08P01"
	codeOutOfRange       = "22003" // of a sequence: beyond its end
	codeUnique           = "23505"
	codeLocked           = "55P03"
	codePermission       = "42501"
	codeUnsupported      = "0A000"
	codeSequenceEnd      = "2200H"
	codeWrongKind        = "42809"
)

// failure wraps an error of the driver or of the server.
func (c Config) failure(op string, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	e = &Error{Op: op, Where: c.String(), err: err}
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		e.Code = server.Code
		e.Why = line(server.Message) + " (SQLSTATE " + server.Code + ")"
		c.explain(e, server)
		return e
	}
	e.Why = line(reason(err))
	switch {
	case pgconn.Timeout(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		e.Problem = ProblemTimeout
		e.Why = "the server does not answer in time"
		e.Mend = "is it overloaded, stopped or behind a dead link?"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EHOSTUNREACH),
		errors.Is(err, syscall.ENETUNREACH), isDNS(err):
		e.Problem = ProblemUnreachable
		e.Mend = fmt.Sprintf("is PostgreSQL running there? pg_isready -h %s -p %d", shellWord(c.conn.Host), c.conn.Port)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed), errors.Is(err, pgconn.ErrConnClosed):
		e.Problem = ProblemLost
	}
	return e
}

// explain fills in problem and mend from the server's SQLSTATE.
func (c Config) explain(e *Error, server *pgconn.PgError) {
	switch code := server.Code; {
	case code == "28P01", code == "28000":
		e.Problem = ProblemPassword
		e.Mend = "set DB_USER and DB_PASSWORD (or PGUSER and PGPASSWORD, or ~/.pgpass)"
		if code == "28000" {
			e.Mend += ", or see the server's pg_hba.conf"
		}
	case code == "3D000":
		e.Problem = ProblemDatabase
		e.Mend = fmt.Sprintf("createdb -h %s -p %d -U postgres -O %s %s",
			shellWord(c.conn.Host), c.conn.Port, shellWord(c.conn.User), shellWord(c.conn.Database))
	case code == codePermission:
		e.Problem = ProblemPermission
		e.Mend = "the owner has to GRANT what is missing to " + quoteIdent(c.conn.User)
	case code == "25006":
		e.Problem = ProblemReadOnly
		e.Mend = "connect to the primary (target_session_attrs=read-write), or switch default_transaction_read_only off"
	case code == "53100":
		e.Problem = ProblemDiskFull
		e.Mend = "make room on the server's disk; rows are kept in the capture until then"
	case code == codeLocked:
		e.Problem = ProblemLocked
		e.Mend = "another session holds a lock: SELECT pid, query FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) = 0 AND state <> 'idle'"
	case code == "57014": // canceling statement due to statement timeout
		e.Problem = ProblemTimeout
	case code == "53300", code == "57P03", strings.HasPrefix(code, "57P"):
		e.Problem = ProblemBusy
	case code == codeSequenceEnd:
		e.Problem = ProblemIDs
		e.Mend = "the ids have run out: ALTER TABLE … ALTER COLUMN id TYPE bigint, and ALTER SEQUENCE … AS bigint"
	case layoutChanged(code):
		e.Problem = ProblemTable
	case strings.HasPrefix(code, "08"):
		e.Problem = ProblemLost
	case strings.HasPrefix(code, "22"), strings.HasPrefix(code, "23"), strings.HasPrefix(code, "42"):
		e.Problem = ProblemTable
	}
}

// isDNS tells whether a name was not found.
func isDNS(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}

// reason returns the innermost text of a driver's error: what wraps it repeats user and
// database, and lists an address once for each way in which it was tried. Of several
// addresses it is the first one's.
func reason(err error) string {
	connect, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok {
		return err.Error()
	}
	if attempt, ok := errors.AsType[*net.OpError](connect); ok {
		return attempt.Error()
	}
	return connect.Unwrap().Error()
}

// line makes one line of a text, of bounded length.
func line(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

// quoteIdent quotes an SQL identifier.
func quoteIdent(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteLiteral quotes an SQL string, whatever standard_conforming_strings says.
func quoteLiteral(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(s, `\`, `\\`) + "'"
	}
	return "'" + s + "'"
}

// shellWord quotes a word for a command line that a person copies.
func shellWord(s string) string {
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,@", r) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}
