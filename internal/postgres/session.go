package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
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

	schema  string // quoted, with a dot
	table   string // quoted, with schema
	layout  *layout
	copySQL string
	ids     idSource

	capture  int32 // tarrafa_cursors.id
	cursor   segment.Cursor
	stored   uint64 // rows of this capture, all runs
	skipped  uint64
	rejected uint64
	unicode  bool // the database takes any character
	stale    bool // the cursor may have moved since it was read
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
	s := &session{cfg: cfg, conn: conn, log: opt.Log}
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
		COALESCE((SELECT backend_start::text FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()), '')`)
	if err != nil {
		return s.fail("connect", err, "")
	}
	r := rows[0]
	s.backend = backend{pid: s.conn.PID(), start: string(r[3])}
	s.unicode = string(r[2]) == "UTF8"
	s.log.Info("connected to the database", "server", s.cfg, "version", string(r[1]))
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

// prepareTable makes the tables that are missing, adds our columns to one that is there,
// and works out how to write into it.
func (s *session) prepareTable(ctx context.Context, opt *Options) error {
	info, err := lookTable(ctx, s.conn, opt.quotedTable())
	if err != nil {
		return s.fail("look at the table", err, "")
	}
	if info == nil {
		if info, err = s.makeTable(ctx, opt); err != nil {
			return err
		}
	}
	s.schema, s.table = quoteIdent(info.schema)+".", info.quoted()
	if err := s.makeSideTables(ctx); err != nil {
		return err
	}
	if info, err = s.adapt(ctx, info, opt); err != nil {
		return err
	}
	if s.layout, err = layoutFor(info, !opt.Basic); err != nil {
		return &Error{Problem: ProblemTable, Op: "look at the table", Where: s.cfg.String(), Why: err.Error(), err: err}
	}
	s.copySQL = s.layout.copySQL(s.table)
	s.ids = idSource{sequence: s.layout.sequence, owner: s.layout.seqOwner}
	return nil
}

// ddl runs statements in one transaction, under the lock for such things, and waits only
// shortly for locks.
func (s *session) ddl(ctx context.Context, statements ...string) error {
	sql := "BEGIN; SET LOCAL lock_timeout = " + strconv.FormatInt(ddlTimeout.Milliseconds(), 10) +
		"; SELECT pg_catalog.pg_advisory_xact_lock(" + strconv.Itoa(ddlLock) + "); " + strings.Join(statements, "; ") + "; COMMIT"
	_, err := batch(ctx, s.conn, sql)
	if err != nil {
		s.rollback(ctx)
	}
	return err
}

// rollback ends a failed transaction, if the connection still lives.
func (s *session) rollback(ctx context.Context) {
	if !s.conn.IsClosed() && s.conn.TxStatus() != 'I' {
		_, _ = batch(ctx, s.conn, "ROLLBACK")
	}
}

func (s *session) makeTable(ctx context.Context, opt *Options) (*tableInfo, error) {
	name := opt.quotedTable()
	grant := "GRANT CREATE, USAGE ON SCHEMA " + opt.schema() + " TO " + quoteIdent(s.cfg.User())
	if err := s.ddl(ctx, createTable(name, !opt.Basic, opt.PrimaryKey)...); err != nil {
		return nil, s.fail("create the table "+opt.Table, err, grant)
	}
	info, err := lookTable(ctx, s.conn, name)
	if err == nil && info == nil {
		err = errors.New("the table is not in the search path after it was made")
	}
	if err != nil {
		return nil, s.fail("create the table "+opt.Table, err, "")
	}
	s.log.Info("created the table", "table", info.quoted(), "server", s.cfg)
	return info, nil
}

func (s *session) makeSideTables(ctx context.Context) error {
	for _, name := range []string{cursorTable, interfaceTable, rollupTable} {
		rows, err := query(ctx, s.conn, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", s.schema+name)
		if err == nil && !isTrue(rows[0][0]) {
			err = s.ddl(ctx, fmt.Sprintf(sideTables[name], s.schema))
		}
		if err != nil {
			return s.fail("create the table "+name, err,
				"GRANT CREATE, USAGE ON SCHEMA "+strings.TrimSuffix(s.schema, ".")+" TO "+quoteIdent(s.cfg.User()))
		}
	}
	return nil
}

// adapt changes an old program's table so far as needed: our columns behind its own, room
// for IPv6 addresses, a source of ids. What the owner has not allowed us is left as it is.
func (s *session) adapt(ctx context.Context, info *tableInfo, opt *Options) (*tableInfo, error) {
	changes := map[string]string{}
	if sql := info.missing(); sql != "" && !opt.Basic {
		changes["add columns"] = sql
	}
	if sql := info.narrow(); sql != "" {
		changes["widen the address columns"] = sql
	}
	if sql := s.sourceOfIDs(info); sql != "" {
		changes["give the ids a sequence"] = sql
	}
	if len(changes) == 0 || info.kind != "r" && info.kind != "p" {
		return info, nil
	}
	for what, sql := range changes {
		err := s.ddl(ctx, sql)
		var server *pgconn.PgError
		switch {
		case err == nil:
			s.log.Info("changed the table", "table", info.quoted(), "what", what, "server", s.cfg)
		case errors.As(err, &server) && (server.Code == codePermission || server.Code == codeUnsupported):
			s.log.Warn("the table stays as it is", "table", info.quoted(), "wanted", what,
				"why", line(server.Message), "its owner can run", sql)
		default:
			return nil, s.fail(what, err, "")
		}
	}
	changed, err := lookTable(ctx, s.conn, info.quoted())
	if err != nil || changed == nil {
		return nil, s.fail("look at the table", errors.Join(err, errors.New("it is gone")), "")
	}
	return changed, nil
}

// sourceOfIDs returns the statements that give an id column without any default a
// sequence; empty when there is nothing to do.
func (s *session) sourceOfIDs(info *tableInfo) string {
	c := info.column(columns[fieldID].name)
	if c == nil || !c.notNull || c.byDefault != "" || c.identity || c.generated || c.category != "N" {
		return ""
	}
	sequence := quoteIdent(info.schema) + "." + quoteIdent(info.name+"_id_seq")
	return fmt.Sprintf("CREATE SEQUENCE IF NOT EXISTS %[1]s OWNED BY %[2]s.id; "+
		"SELECT pg_catalog.setval(%[3]s, GREATEST((SELECT max(id) FROM %[2]s)::bigint, 1)); "+
		"ALTER TABLE %[2]s ALTER COLUMN id SET DEFAULT nextval(%[3]s)",
		sequence, info.quoted(), quoteLiteral(sequence))
}

// readCursor reads how far the capture got, and enters it when it is new.
func (s *session) readCursor(ctx context.Context, capture string) error {
	table := s.schema + cursorTable
	grant := "GRANT SELECT, INSERT, UPDATE ON " + table + " TO " + quoteIdent(s.cfg.User())
	const op = "read the cursor"
	for range 2 {
		rows, err := query(ctx, s.conn, "SELECT id, segment, byte_offset, packet, stored, skipped, rejected FROM "+table+
			" WHERE capture = $1 FOR UPDATE", capture)
		if err != nil {
			return s.fail(op, err, grant)
		}
		if len(rows) == 1 {
			return s.parseCursor(rows[0])
		}
		if _, err := query(ctx, s.conn, "INSERT INTO "+table+" (capture) VALUES ($1) ON CONFLICT DO NOTHING", capture); err != nil {
			return s.fail(op, err, grant)
		}
	}
	return s.fail(op, errors.New("the capture's line is not there after it was written"), "")
}

func (s *session) parseCursor(r [][]byte) error {
	var n [7]int64
	for i := range n {
		v, err := strconv.ParseInt(string(r[i]), 10, 64)
		if err != nil || v < 0 {
			return s.fail("read the cursor", fmt.Errorf("%s holds %q", cursorTable, r[i]), "")
		}
		n[i] = v
	}
	s.capture = int32(n[0])
	s.cursor = segment.Cursor{Segment: uint32(n[1]), Offset: n[2], Packet: uint64(n[3])}
	s.stored, s.skipped, s.rejected = uint64(n[4]), uint64(n[5]), uint64(n[6])
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
