package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// session is one connection, with what was found out about the database behind it. It is
// used by one goroutine at a time. Every method with a context returns when that ends.
type session struct {
	cfg     Config
	conn    *pgconn.PgConn
	log     *slog.Logger
	backend backend
	version string // of the server
	warned  map[string]bool

	schema  string // quoted, with a dot
	table   string // quoted, with schema
	layout  *layout
	copySQL string
	ids     idSource

	rows      rowSource // valid when readable
	readable  bool      // the table has all our columns
	pending   pendingSums
	addresses int // in the table's sums of this capture, at most
	most      int // addresses that are summed up
	addressed int64
	flows     bool // flows and findings can be stored
	payloads  bool // payload is stored

	capture   int32 // tarrafa_cursors.id
	cursor    place
	stored    uint64 // rows of this capture, all runs
	skipped   uint64
	rejected  uint64
	unicode   bool // the database takes any character
	unsettled bool // commits before may not be on the server's disk
	stale     bool // the cursor may have moved since it was read
}

// backend names a server process for as long as the server runs.
type backend struct {
	pid   uint32
	start string
}

// query runs one statement with text parameters and returns all rows as text.
func query(ctx context.Context, conn *pgconn.PgConn, sql string, params ...string) ([][][]byte, error) {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	r := conn.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	return r.Rows, r.Err
}

// batch runs statements without parameters in one round trip and returns how many rows
// each of them touched.
func batch(ctx context.Context, conn *pgconn.PgConn, sql string) ([]*pgconn.Result, error) {
	return conn.Exec(ctx, sql).ReadAll()
}

func isTrue(b []byte) bool { return len(b) == 1 && b[0] == 't' }

// Time limits on the server, so that a lock or a lost client never holds things up for
// long, and on the connection, so that the server notices when we are gone.
const (
	lockShare  = 3               // of a transaction's time, for a lock: a third
	ddlTimeout = 2 * time.Second // for a lock that would keep everybody out
)

// oldestServer is the first version whose catalogue has all that is asked for here.
const oldestServer = 120000

// connect logs in. opt holds the time limits.
func connect(ctx context.Context, cfg Config, opt *Options) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(ctx, opt.ConnectTimeout)
	defer cancel()
	conf := cfg.conn.Copy()
	conf.RuntimeParams["client_encoding"] = "UTF8"
	conf.RuntimeParams["datestyle"] = "ISO"
	conn, err := pgconn.ConnectConfig(ctx, conf)
	if err != nil {
		return nil, cfg.failure("connect", err)
	}
	_, err = batch(ctx, conn, fmt.Sprintf(
		"SET lock_timeout = %d; SET statement_timeout = %d; SET idle_in_transaction_session_timeout = %d;"+
			"SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3",
		(opt.FlushTimeout/lockShare).Milliseconds(), opt.FlushTimeout.Milliseconds(), 2*opt.FlushTimeout.Milliseconds()))
	if err != nil {
		closeNow(conn)
		return nil, cfg.failure("connect", err)
	}
	return conn, nil
}

// closeNow gives up a connection without waiting for a server that may hang.
func closeNow(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx)
}

// open connects, makes what is missing in the database, and reads the capture's cursor.
// orphan is the backend of the connection before, which may still be at work.
func open(ctx context.Context, cfg Config, opt *Options, capture string, orphan backend) (_ *session, err error) {
	conn, err := connect(ctx, cfg, opt)
	if err != nil {
		return nil, err
	}
	s := &session{cfg: cfg, conn: conn, log: opt.Log, warned: opt.warned, most: opt.mostAddresses}
	ctx, cancel := context.WithTimeout(ctx, opt.FlushTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			closeNow(conn)
		}
	}()
	if err := s.greet(ctx, orphan); err != nil {
		return nil, err
	}
	if err := s.prepareTable(ctx, opt); err != nil {
		return nil, err
	}
	if err := s.readCursor(ctx, capture); err != nil {
		return nil, err
	}
	if err := s.preparePayloads(ctx, opt); err != nil {
		return nil, err
	}
	if err := s.resumeAddresses(ctx, s.addressed); err != nil {
		return nil, err
	}
	s.log.Info("connected to the database", "server", cfg, "version", s.version, "capture", capture, "stored", s.stored)
	return s, nil
}

// fail wraps an error and says which GRANT is missing if that is what it is about.
func (s *session) fail(op string, err error, grant string) error {
	e := s.cfg.failure(op, err)
	if e.Problem == ProblemPermission && grant != "" {
		e.Mend = grant
	}
	return e
}

// greet looks whether the server can be written to, and ends what is left of the
// connection before: its locks would be in the way, and its commit may still be under way.
func (s *session) greet(ctx context.Context, orphan backend) error {
	rows, err := query(ctx, s.conn, `SELECT pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('transaction_read_only')::boolean,
		pg_catalog.current_setting('server_version'), pg_catalog.getdatabaseencoding(),
		COALESCE((SELECT backend_start::text FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()), ''),
		pg_catalog.current_setting('server_version_num')`)
	if err != nil {
		return s.fail("connect", err, "")
	}
	r := rows[0]
	s.backend = backend{pid: s.conn.PID(), start: string(r[3])}
	s.unicode = string(r[2]) == "UTF8"
	s.version = string(r[1])
	if n, _ := strconv.Atoi(string(r[4])); n < oldestServer {
		return &Error{Problem: ProblemTable, Op: "connect", Where: s.cfg.String(), Why: "PostgreSQL " + s.version + " is too old, 12 is needed"}
	}
	if isTrue(r[0]) {
		return s.cfg.failure("write", &pgconn.PgError{Severity: "ERROR", Code: "25006", Message: "the server or the session is read-only"})
	}
	if orphan.pid != 0 && orphan != s.backend {
		_, err = query(ctx, s.conn, `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
			WHERE pid = $1::integer AND backend_start::text = $2 AND usename = current_user AND pid <> pg_catalog.pg_backend_pid()`,
			strconv.FormatUint(uint64(orphan.pid), 10), orphan.start)
		if err != nil && s.conn.IsClosed() {
			return s.fail("connect", err, "")
		}
	}
	return nil
}

// readCursor reads how far the capture got, and enters it when it is new.
func (s *session) readCursor(ctx context.Context, capture string) error {
	table := s.schema + cursorTable
	grant := "GRANT SELECT, INSERT, UPDATE ON " + table + " TO " + quoteIdent(s.cfg.User())
	const op = "read the cursor"
	for range 2 {
		rows, err := query(ctx, s.conn, "SELECT id, segment, byte_offset, packet, stored, skipped, rejected, COALESCE(addresses, -1), COALESCE((to_jsonb(c) ->> 'payloads')::bigint, -1) FROM "+table+
			" AS c WHERE capture = $1 FOR UPDATE", capture)
		if err != nil {
			return s.fail(op, err, grant)
		}
		if len(rows) == 1 {
			return s.parseCursor(rows[0])
		}
		if _, err := query(ctx, s.conn, "INSERT INTO "+table+" (capture, seconds, addresses, flows) VALUES ($1, true, 0, CASE WHEN $2::boolean THEN 0 END) ON CONFLICT DO NOTHING",
			capture, strconv.FormatBool(s.flows)); err != nil {
			return s.fail(op, err, grant)
		}
	}
	return s.fail(op, errors.New("the capture's line is not there after it was written"), "")
}

func (s *session) parseCursor(r [][]byte) error {
	var n [9]int64
	for i := range n {
		v, err := strconv.ParseInt(string(r[i]), 10, 64)
		if err != nil || v < 0 && i < 7 {
			return s.fail("read the cursor", fmt.Errorf("%s holds %q", cursorTable, r[i]), "")
		}
		n[i] = v
	}
	s.capture = int32(n[0])
	s.cursor = place{segment.Cursor{Segment: uint32(n[1]), Offset: n[2], Packet: uint64(n[3])}, max(n[8], noPayloads)}
	s.stored, s.skipped, s.rejected = uint64(n[4]), uint64(n[5]), uint64(n[6])
	s.addressed = max(n[7], noAddresses)
	return nil
}

// ping asks for a sign of life.
func (s *session) ping(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := batch(ctx, s.conn, "-- ping"); err != nil {
		return s.fail("ping", err, "")
	}
	return nil
}

func (s *session) close() { closeNow(s.conn) }
