//go:build unix

// Command postgres measures how fast rows get into PostgreSQL: through this program's
// sink, through psql's \copy of the same rows in binary into the same table, and through
// psycopg2's execute_values, side by side in the same run.
//
//	go run ./bench/postgres [-rows N] [-rounds N] [-dsn DSN]
//
// It starts a server of its own (Debian: postgresql) with fsync on, unless a DSN names an
// empty database that may be used. Beside the rates stand processor times, of
// the server's session and of the client: on a busy machine they are the better measure.
// execute_values needs python3 with psycopg2 (Debian:
// python3-psycopg2).
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
)

//go:embed execute_values.py
var executeValues string

func main() {
	rows := flag.Int("rows", 1_000_000, "rows per measurement; execute_values takes a tenth")
	rounds := flag.Int("rounds", 3, "rounds; the median counts")
	dsn := flag.String("dsn", "", "use this database instead of a server of our own")
	only := flag.String("only", "", "one shape: six, all or flows; empty: each")
	flag.Parse()
	if err := run(*rows, *rounds, *dsn, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench/postgres:", err)
		os.Exit(1)
	}
}

// bench is where rows go.
type bench struct {
	srv    *pgtest.Server // nil: not ours
	dsn    string
	dir    string
	psql   string
	rows   int
	python string
}

// shape is a kind of table.
type shape struct {
	name   string
	opt    postgres.Options
	flows  bool // a flow ends every flowEvery packets
	note   string
	tables []string // that \copy fills
}

var shapes = []shape{
	{name: "six", opt: postgres.Options{Basic: true}, note: "the old recorder's six columns", tables: []string{"packets"}},
	{name: "all", note: "all columns, with rollup", tables: []string{"packets"}},
	{name: "flows", opt: postgres.Options{Flows: true}, flows: true, note: "all columns, with rollup, flows and findings", tables: []string{"packets", "flows"}},
}

func run(rows, rounds int, dsn, only string) error {
	dir, err := os.MkdirTemp("", "tarrafa-bench-pg-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dsn: dsn, dir: dir, psql: "psql", rows: rows, python: "python3"}
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		b.python = "/usr/bin/python3"
	}
	if dsn == "" {
		srv, err := pgtest.New("fsync=on", "shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off")
		if err != nil {
			return err
		}
		defer srv.Close()
		b.srv, b.dsn, b.psql = srv, srv.DSN(pgtest.Superuser, "postgres"), srv.Bin("psql")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "rows/s\tof \\copy\tserver µs/row\tof \\copy\tclient µs/row\tof execute_values\t  \n")
	for _, s := range shapes {
		if only != "" && only != s.name {
			continue
		}
		if err := b.shape(w, s, rounds); err != nil {
			return err
		}
	}
	return w.Flush()
}

// shape measures the three ways with one kind of table, in turns.
func (b *bench) shape(w *tabwriter.Writer, s shape, rounds int) error {
	ways := []struct {
		name string
		run  func(shape) (measure, error)
		all  []measure
	}{
		{name: "this program", run: b.sink}, {name: `psql \copy, binary`, run: b.copy}, {name: "psycopg2 execute_values", run: b.executeValues},
	}
	for range max(rounds, 1) {
		for i := range ways {
			m, err := ways[i].run(s)
			if err != nil {
				return err
			}
			ways[i].all = append(ways[i].all, m)
		}
	}
	copied, values := ways[1].all, ways[2].all
	for _, way := range ways {
		fmt.Fprintf(w, "%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t  %s, %s\n", median(each(way.all, (*measure).rate)), median(ratios(way.all, copied, (*measure).rate)),
			median(each(way.all, (*measure).work)), median(ratios(copied, way.all, (*measure).work)), median(each(way.all, (*measure).effort)), median(ratios(way.all, values, (*measure).rate)), way.name, s.note)
	}
	return nil
}

func each(all []measure, of func(*measure) float64) []float64 {
	out := make([]float64, len(all))
	for i := range all {
		out[i] = of(&all[i])
	}
	return out
}

// ratios divides round by round: what else the machine does is the same in both.
func ratios(a, b []measure, of func(*measure) float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = of(&a[i]) / of(&b[i])
	}
	return out
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// sink stores the rows with their rollup and cursor into a fresh table.
func (b *bench) sink(s shape) (m measure, err error) {
	if err := b.sql("DROP TABLE IF EXISTS packets, tarrafa_cursors, tarrafa_seconds, tarrafa_addresses, tarrafa_interfaces, flows, findings", "CHECKPOINT"); err != nil {
		return m, err
	}
	cfg, err := postgres.ParseConfig(b.dsn, os.Getenv)
	if err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	out := postgres.New(cfg, "bench", s.opt)
	if err := out.Check(ctx); err != nil {
		return m, err
	}
	before := sessionTime(b.srv)
	if _, err := out.Start(ctx); err != nil {
		return m, err
	}
	batch := makeBatch()
	start, own := time.Now(), ownTime()
	for number := uint64(1); number <= uint64(b.rows); number += uint64(len(batch.Rows)) {
		renumber(batch, number)
		if s.flows {
			endFlows(batch, out.Ended)
		}
		if err := out.Apply(ctx, batch); err != nil {
			return m, err
		}
	}
	if err := out.Close(ctx); err != nil {
		return m, err
	}
	m = measure{rows: int(out.Status().Stored), took: time.Since(start), client: ownTime() - own}
	time.Sleep(100 * time.Millisecond) // the session's end is booked
	m.server = sessionTime(b.srv) - before
	return m, nil
}

// copy exports what the sink has stored and puts it into tables made like it.
func (b *bench) copy(s shape) (m measure, err error) {
	var commands []string
	for _, table := range s.tables {
		file, peer := filepath.Join(b.dir, table+".copy"), "peer_"+table
		if err := b.sql("DROP TABLE IF EXISTS "+peer, "CREATE TABLE "+peer+" (LIKE "+table+" INCLUDING ALL)",
			`\copy `+table+` TO '`+file+`' (FORMAT binary)`); err != nil {
			return m, err
		}
		defer os.Remove(file)
		commands = append(commands, `\copy `+peer+` FROM '`+file+`' (FORMAT binary)`)
	}
	if err := b.sql("CHECKPOINT"); err != nil {
		return m, err
	}
	before := sessionTime(b.srv)
	start := time.Now()
	out, cpu, err := b.run(commands...)
	if err != nil {
		return m, err
	}
	m.took, m.client = time.Since(start), cpu
	time.Sleep(100 * time.Millisecond)
	m.server = sessionTime(b.srv) - before
	if _, err := fmt.Sscanf(out, "COPY %d", &m.rows); err != nil {
		return m, fmt.Errorf("psql says %q", out)
	}
	for _, table := range s.tables {
		if err := b.sql("DROP TABLE peer_" + table); err != nil {
			return m, err
		}
	}
	return m, nil
}

// executeValues inserts a tenth of the rows as the old recorder's library does it best.
func (b *bench) executeValues(_ shape) (m measure, err error) {
	if err := b.sql("DROP TABLE IF EXISTS peer", "CREATE TABLE peer (LIKE packets INCLUDING ALL)", "CHECKPOINT"); err != nil {
		return m, err
	}
	before := sessionTime(b.srv)
	cmd := exec.Command(b.python, "-c", executeValues, b.dsn, strconv.Itoa(max(b.rows/10, 1)))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("execute_values: %w (Debian: apt-get install python3-psycopg2)", err)
	}
	var seconds float64
	if _, err := fmt.Sscan(string(text), &m.rows, &seconds); err != nil {
		return m, fmt.Errorf("execute_values printed %q", text)
	}
	m.took = time.Duration(seconds * float64(time.Second))
	m.client = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	time.Sleep(100 * time.Millisecond)
	m.server = sessionTime(b.srv) - before
	return m, b.sql("DROP TABLE peer")
}

func (b *bench) sql(commands ...string) error {
	_, _, err := b.run(commands...)
	return err
}

// run runs commands with psql and returns what it prints, and its processor time.
func (b *bench) run(commands ...string) (string, time.Duration, error) {
	args := []string{"-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", b.dsn}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	cmd := exec.Command(b.psql, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", 0, fmt.Errorf("psql: %w: %s", err, out)
	}
	return string(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
