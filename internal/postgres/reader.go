package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	questions "github.com/tarrafa/tarrafa/internal/query"
)

// ReaderOptions say how a capture in the database is asked. The zero value is strict.
type ReaderOptions struct {
	Table string // name or schema.name; empty: packets
	// Stored makes questions be about the packets that have a row. Without it a question
	// that those without a row could change (no IP header, refused by the table) is
	// answered with [questions.ErrCannotAnswer].
	Stored         bool
	ConnectTimeout time.Duration // for one attempt to log in; 0: 5 s
	QueryTimeout   time.Duration // for one statement, on the server; 0: 60 s
}

const defaultQuery = time.Minute

// mostConnections is how many questions are asked at the same time; more wait.
const mostConnections = 4

// Reader answers questions about one capture from the rows that a [Sink] has stored. What
// the columns do not tell for sure of a packet is answered with [questions.ErrCannotAnswer].
// The packets' bytes are not in the database.
type Reader struct {
	cfg    Config
	opt    Options
	stored bool
	rows   rowSource
	info   CaptureInfo

	mu     sync.Mutex
	closed bool
	idle   []*pgconn.PgConn
	totals map[string]uint64 // counts of scopes, for the pages after the first
	marks  []mark            // by number
	turns  chan struct{}
}

var _ questions.Reader = (*Reader)(nil)

// CaptureInfo is what the database says about a capture.
type CaptureInfo struct {
	ID       string    // as the capture is called everywhere
	Packets  uint64    // seen by the sink
	Stored   uint64    // with a row
	Skipped  uint64    // without a row: no IP header, or no value for a column that needs one
	Rejected uint64    // refused by the table
	Updated  time.Time // when rows were stored last

	number    int32 // tarrafa_cursors.id
	seconds   bool  // tarrafa_seconds holds all of its rows
	flows     bool  // its flows and findings are all there
	payloads  int64 // see place
	addressed int64 // tarrafa_addresses holds its packets before this number; noAddresses: none
}

// Missing returns how many packets have no row.
func (c CaptureInfo) Missing() uint64 { return c.Skipped + c.Rejected }

// errReaderClosed ends questions to a reader that was closed.
var errReaderClosed = errors.New("postgres: the reader was closed")

// NoCaptureError says that the database has no capture of that name, or none at all.
type NoCaptureError struct {
	Where, Capture string
	Newest         string // a capture that is there; empty: none
}

// Error implements error.
func (e *NoCaptureError) Error() string {
	switch {
	case e.Newest == "":
		return e.Where + ": there is no capture in the database"
	default:
		return fmt.Sprintf("%s: no capture %q; the newest is %q", e.Where, e.Capture, e.Newest)
	}
}

// OpenReader connects and looks for a capture; an empty name means the newest. Nothing in
// the database is changed. The error is an [*Error], a [*NoCaptureError] or a
// [*questions.CannotAnswerError].
func OpenReader(ctx context.Context, cfg Config, capture string, opt ReaderOptions) (*Reader, error) {
	r, list, err := openReader(ctx, cfg, opt)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if c := &list[i]; capture == "" || c.ID == capture {
			r.info = *c
			return r, nil
		}
	}
	_ = r.Close()
	e := &NoCaptureError{Where: cfg.String(), Capture: capture}
	if len(list) > 0 {
		e.Newest = list[0].ID
	}
	return nil, e
}

// Captures returns the captures of which a database has rows, newest first.
func Captures(ctx context.Context, cfg Config, opt ReaderOptions) ([]CaptureInfo, error) {
	r, list, err := openReader(ctx, cfg, opt)
	if err != nil {
		return nil, err
	}
	return list, r.Close()
}

func openReader(ctx context.Context, cfg Config, opt ReaderOptions) (*Reader, []CaptureInfo, error) {
	if opt.QueryTimeout <= 0 {
		opt.QueryTimeout = defaultQuery
	}
	r := &Reader{
		cfg: cfg, stored: opt.Stored, totals: map[string]uint64{}, turns: make(chan struct{}, mostConnections),
		opt: Options{Table: opt.Table, ConnectTimeout: opt.ConnectTimeout, FlushTimeout: opt.QueryTimeout}.withDefaults(),
	}
	var list []CaptureInfo
	err := r.ask(ctx, "look for captures", func(ctx context.Context, conn *pgconn.PgConn) error {
		info, err := lookTable(ctx, conn, r.opt.quotedTable())
		if err != nil {
			return err
		}
		if info == nil {
			return &Error{
				Problem: ProblemTable, Op: "look for captures", Where: cfg.String(),
				Why:  "there is no table " + r.opt.quotedTable(),
				Mend: "store a capture first: tarrafa capture --db",
			}
		}
		if err := r.rows.of(info); err != nil {
			return err
		}
		list, err = listCaptures(ctx, conn, r.rows.schema)
		return err
	})
	if err != nil {
		_ = r.Close()
		return nil, nil, err
	}
	return r, list, nil
}

// captureColumns are those of listCaptures and of present.
// What an older version's table lacks is NULL.
const captureColumns = "capture, id, packet, stored, skipped, rejected, (EXTRACT(EPOCH FROM updated_at) * 1000000)::bigint, " +
	"COALESCE((to_jsonb(c) ->> 'addresses')::bigint, -1), COALESCE((to_jsonb(c) ->> 'seconds')::boolean, false), (to_jsonb(c) ->> 'flows') IS NOT NULL, " +
	"COALESCE((to_jsonb(c) ->> 'payloads')::bigint, -1)"

func listCaptures(ctx context.Context, conn *pgconn.PgConn, schema string) ([]CaptureInfo, error) {
	rows, err := query(ctx, conn, "SELECT "+captureColumns+" FROM "+schema+cursorTable+" AS c ORDER BY id DESC")
	if err != nil {
		return nil, err
	}
	list := make([]CaptureInfo, len(rows))
	for i, row := range rows {
		if list[i], err = parseCapture(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func parseCapture(row [][]byte) (c CaptureInfo, err error) {
	var n [7]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(string(row[i+1]), 10, 64); err != nil {
			return c, fmt.Errorf("%s holds %q", cursorTable, row[i+1])
		}
	}
	payloads, err := strconv.ParseInt(string(row[10]), 10, 64)
	if err != nil {
		return c, fmt.Errorf("%s holds %q", cursorTable, row[10])
	}
	return CaptureInfo{
		ID: string(row[0]), number: int32(n[0]), Packets: uint64(max(n[1]-1, 0)), Stored: uint64(n[2]),
		Skipped: uint64(n[3]), Rejected: uint64(n[4]), Updated: time.UnixMicro(n[5]),
		addressed: max(n[6], noAddresses), payloads: max(payloads, noPayloads), seconds: isTrue(row[8]), flows: isTrue(row[9]),
	}, nil
}

// Capture returns what the database said about the capture when the reader was opened.
func (r *Reader) Capture() CaptureInfo { return r.info }

// snapshot is one question's view of the database: all its statements see the same rows.
type snapshot struct {
	r    *Reader
	conn *pgconn.PgConn
	info CaptureInfo // as it is now
}

// question runs statements that all see the capture as it is at one moment.
func (r *Reader) question(ctx context.Context, f func(ctx context.Context, s *snapshot) error) error {
	return r.ask(ctx, "ask", func(ctx context.Context, conn *pgconn.PgConn) error {
		rows, err := query(ctx, conn, "SELECT "+captureColumns+" FROM "+r.rows.schema+cursorTable+" AS c WHERE id = $1::integer",
			strconv.Itoa(int(r.info.number)))
		if err != nil {
			return err
		}
		if len(rows) != 1 {
			return &NoCaptureError{Where: r.cfg.String(), Capture: r.info.ID}
		}
		s := &snapshot{r: r, conn: conn}
		if s.info, err = parseCapture(rows[0]); err != nil {
			return err
		}
		return f(ctx, s)
	})
}

// ask runs f in a transaction that only reads. When ctx ends, the server is told to stop
// and the connection is given up.
func (r *Reader) ask(ctx context.Context, op string, f func(ctx context.Context, conn *pgconn.PgConn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	conn, err := r.connection(ctx)
	if err == nil {
		if _, err = batch(ctx, conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err == nil {
			err = f(ctx, conn)
		}
		r.release(ctx, conn)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, questions.ErrCannotAnswer), errors.Is(err, errReaderClosed), isOwn(err):
		return err
	default:
		return r.cfg.failure(op, err)
	}
}

// isOwn tells whether an error says by itself what is wrong.
func isOwn(err error) bool {
	var (
		known   *Error
		capture *NoCaptureError
		packet  *NoPacketError
		fine    *TooFineError
		field   *UnknownFieldError
		stop    *stopped
	)
	return errors.As(err, &stop) || errors.As(err, &known) || errors.As(err, &capture) || errors.As(err, &packet) || errors.As(err, &fine) || errors.As(err, &field)
}

// connection returns an idle connection, or a new one.
func (r *Reader) connection(ctx context.Context) (*pgconn.PgConn, error) {
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return nil, errReaderClosed
		}
		n := len(r.idle)
		if n == 0 {
			r.mu.Unlock()
			break
		}
		conn := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		// A connection that broke while nobody used it is no reason to fail.
		if !conn.IsClosed() && conn.Ping(ctx) == nil {
			return conn, nil
		}
		closeNow(conn)
	}
	conn, err := connect(ctx, r.cfg, &r.opt)
	if err != nil {
		return nil, err
	}
	if _, err := batch(ctx, conn, "SET default_transaction_read_only = on; SET jit = off; SET extra_float_digits = 1"); err != nil {
		closeNow(conn)
		return nil, err
	}
	return conn, nil
}

// release ends the transaction and keeps the connection, if it still serves.
func (r *Reader) release(ctx context.Context, conn *pgconn.PgConn) {
	if !conn.IsClosed() && conn.TxStatus() != 'I' {
		_, _ = batch(ctx, conn, "ROLLBACK")
	}
	r.mu.Lock()
	keep := !r.closed && !conn.IsClosed() && conn.TxStatus() == 'I'
	if keep {
		r.idle = append(r.idle, conn)
	}
	r.mu.Unlock()
	if !keep {
		closeNow(conn)
	}
}

// Close ends the connections. Questions under way are answered.
func (r *Reader) Close() error {
	r.mu.Lock()
	idle := r.idle
	r.closed, r.idle = true, nil
	r.mu.Unlock()
	for _, conn := range idle {
		closeNow(conn)
	}
	return nil
}
