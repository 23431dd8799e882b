package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"

	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/words"
)

// databaseFlags are for the commands that ask a database instead of a file or a folder.
type databaseFlags struct {
	dsn     string
	capture string

	noSandbox bool
	writes    []string // folders that the answer is written to
}

func (d *databaseFlags) add(f *pflag.FlagSet) {
	f.StringVar(&d.dsn, "db", "", "ask PostgreSQL; without a connection string DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD, or PG*, say where")
	f.Lookup("db").NoOptDefVal = fromEnvironment
	f.StringVar(&d.capture, "capture", "", "the capture to ask in the database (default: the newest)")
}

// on tells whether the database is asked. The error says that flags or arguments do not
// go together; files is how many were named.
func (d *databaseFlags) on(files int) (bool, error) {
	switch {
	case d.dsn == "" && d.capture != "":
		return false, &exitError{code: exitOptions, err: words.Errorf("--capture names a capture in the database"), mend: words.T("add --db")}
	case d.dsn != "" && files > 0:
		return false, &exitError{code: exitOptions, err: words.Errorf("--db and a file or folder: one of them is asked"), mend: words.T("write a connection string behind an equals sign: --db=postgres://user@localhost:5432/packetdb")}
	}
	return d.dsn != "", nil
}

// open gives up what asking a database does not need, connects and finds the capture.
// stderr is told which packets are not counted.
func (d *databaseFlags) open(ctx context.Context, stderr io.Writer) (*postgres.Reader, error) {
	var cfg postgres.Config
	if err := confineQuietly(stderr, d.noSandbox, databaseRules(d.dsn, d.writes, &cfg)); err != nil {
		return nil, err
	}
	r, err := postgres.OpenReader(ctx, cfg, d.capture, postgres.ReaderOptions{Stored: true})
	if err != nil {
		return nil, databaseError(ctx, err)
	}
	c := r.Capture()
	if c.Missing() > 0 {
		_, _ = words.Fprintf(stderr, "tarrafa: capture %s: %d of %d packets have no row in the database (%d without IP header, %d refused by the table) and are not counted\n",
			oneLine(c.ID), c.Missing(), c.Packets, c.Skipped, c.Rejected)
	}
	return r, nil
}

// databaseError gives an error of the database its exit code.
func databaseError(ctx context.Context, err error) error {
	var exit *exitError
	if err == nil || ctx.Err() != nil || errors.As(err, &exit) {
		return err
	}
	e := &exitError{code: exitDatabase, err: err}
	var none *postgres.NoCaptureError
	switch {
	case errors.As(err, &none) && none.Newest != "":
		e.mend = "ask that one: --capture " + shellQuote(none.Newest)
	case errors.As(err, &none):
		e.mend = "store one: tarrafa capture --db, or tarrafa read --db FILE"
	case errors.Is(err, query.ErrCannotAnswer):
		e.mend = "ask the capture's folder or file instead of --db"
	}
	return e
}

// askDatabase runs one question over the capture in the database.
func askDatabase(parent context.Context, stderr io.Writer, d *databaseFlags, ask func(ctx context.Context, r *postgres.Reader) error) error {
	ctx, stop := interrupted(parent)
	defer stop()
	r, err := d.open(ctx, stderr)
	if err != nil {
		return err
	}
	return databaseError(ctx, errors.Join(ask(ctx, r), r.Close()))
}

// databaseDocument is what stats --db --json prints: the keys of stats --json that the
// database can fill.
type databaseDocument struct {
	stats.Document
	Sizes      *struct{}       `json:"sizes,omitempty"`
	Interfaces *struct{}       `json:"interfaces,omitempty"`
	Capture    databaseCapture `json:"capture"`
}

// databaseCapture is the capture's ledger in the database: packets = stored + skipped +
// rejected.
type databaseCapture struct {
	ID       string `json:"id"`
	Packets  uint64 `json:"packets"`
	Stored   uint64 `json:"stored"`
	Skipped  uint64 `json:"skipped"`
	Rejected uint64 `json:"rejected"`
}

// databaseStats counts what the database holds of a capture.
func databaseStats(ctx context.Context, stdout, stderr io.Writer, d *databaseFlags, display *query.Filter, asJSON bool, top int) error {
	return askDatabase(ctx, stderr, d, func(ctx context.Context, r *postgres.Reader) error {
		snap, err := databaseSnapshot(ctx, r, query.Scope{Filter: display}, top)
		if err != nil {
			return err
		}
		c := r.Capture()
		if asJSON {
			return printJSON(stdout, databaseDocument{Document: snap.Document(), Capture: databaseCapture{c.ID, c.Packets, c.Stored, c.Skipped, c.Rejected}})
		}
		_, err = words.Fprintf(stdout, "%s\nCapture %s in PostgreSQL: %d packets = %d stored + %d skipped + %d rejected\n",
			snap.Text(tableWords()), oneLine(c.ID), c.Packets, c.Stored, c.Skipped, c.Rejected)
		return err
	})
}

// databaseSnapshot puts the answers together in the form of the statistics.
func databaseSnapshot(ctx context.Context, r *postgres.Reader, s query.Scope, top int) (*stats.Snapshot, error) {
	t, err := r.Totals(ctx, s)
	if err != nil {
		return nil, err
	}
	snap := &stats.Snapshot{
		Count: count(t.Amount), Timed: t.Packets, First: t.First, Last: t.Last,
		IPv4: count(t.IPv4), IPv6: count(t.IPv6), NonIP: count(t.NonIP),
	}
	for number, a := range t.Protocols {
		snap.Protocols = append(snap.Protocols, stats.Protocol{Number: number, Count: count(a)})
	}
	slices.SortFunc(snap.Protocols, func(a, b stats.Protocol) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Number, b.Number))
	})
	for o := range packet.OutcomeCount {
		snap.Outcomes[o] = t.Outcomes[o.String()]
	}
	directions, err := r.Top(ctx, s, "direction", len(snap.Directions))
	if err != nil {
		return nil, err
	}
	for _, row := range directions.Rows {
		for i := range snap.Directions {
			if packet.Direction(i).String() == row.Value {
				snap.Directions[i] = count(row.Amount)
			}
		}
	}
	for field, to := range map[string]*stats.Top{"src": &snap.Sources, "dst": &snap.Dests} {
		answer, err := r.Top(ctx, s, field, top)
		if err != nil {
			return nil, err
		}
		to.Distinct = answer.Distinct
		for _, row := range answer.Rows {
			a, err := netip.ParseAddr(row.Value)
			if err != nil {
				return nil, err
			}
			address := stats.AddressCount{Version: 6, Count: count(row.Amount), Addr: packet.Addr(a.As16())}
			if a.Is4() {
				address.Version, address.Addr = 4, packet.AddrFrom4(a.As4())
			}
			to.Rows = append(to.Rows, address)
		}
	}
	return snap, nil
}

func count(a query.Amount) stats.Count { return stats.Count{Packets: a.Packets, Bytes: a.Bytes} }
