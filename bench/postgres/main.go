//go:build unix

// Command postgres measures how fast rows get into PostgreSQL: through this program's
// sink, through psql's \copy of the same rows in binary into the same table, and through
// psycopg2's execute_values, side by side in the same run.
//
//	go run ./bench/postgres [-rows N] [-rounds N] [-dsn DSN]
//
// It starts a server of its own (Debian: postgresql) with fsync on, unless a DSN names an
// empty database that may be used. execute_values needs python3 with psycopg2 (Debian:
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
	flag.Parse()
	if err := run(*rows, *rounds, *dsn); err != nil {
		fmt.Fprintln(os.Stderr, "bench/postgres:", err)
		os.Exit(1)
	}
}

// bench is where rows go.
type bench struct {
	dsn    string
	dir    string
	psql   string
	rows   int
	python string
}

// shape is a kind of table.
type shape struct {
	name string
	opt  postgres.Options
	note string
}

var shapes = []shape{
	{name: "six", opt: postgres.Options{Basic: true}, note: "the old recorder's six columns"},
	{name: "all", note: "all columns"},
}

func run(rows, rounds int, dsn string) error {
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
		b.dsn, b.psql = srv.DSN(pgtest.Superuser, "postgres"), srv.Bin("psql")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "rows/s\tof \\copy\tof execute_values\t  \n")
	for _, s := range shapes {
		if err := b.shape(w, s, rounds); err != nil {
			return err
		}
	}
	return w.Flush()
}

// shape measures the three ways with one kind of table, in turns.
func (b *bench) shape(w *tabwriter.Writer, s shape, rounds int) error {
	var sink, copied, values []float64
	for range max(rounds, 1) {
		r, err := b.sink(s)
		if err != nil {
			return err
		}
		sink = append(sink, r)
		if r, err = b.copy(s); err != nil {
			return err
		}
		copied = append(copied, r)
		if r, err = b.executeValues(s); err != nil {
			return err
		}
		values = append(values, r)
	}
	line := func(name string, rates []float64) {
		fmt.Fprintf(w, "%.0f\t%.2f\t%.1f\t  %s, %s\n", median(rates), median(ratios(rates, copied)), median(ratios(rates, values)), name, s.note)
	}
	line("this program", sink)
	line(`psql \copy, binary`, copied)
	line("psycopg2 execute_values", values)
	return nil
}

// ratios divides round by round: what else the machine does is the same in both.
func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// sink stores the rows with their rollup and cursor into a fresh table.
func (b *bench) sink(s shape) (rate float64, err error) {
	if err := b.sql("DROP TABLE IF EXISTS packets, tarrafa_cursors, tarrafa_seconds, tarrafa_addresses, tarrafa_interfaces", "CHECKPOINT"); err != nil {
		return 0, err
	}
	cfg, err := postgres.ParseConfig(b.dsn, os.Getenv)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	out := postgres.New(cfg, "bench", s.opt)
	if err := out.Check(ctx); err != nil {
		return 0, err
	}
	if _, err := out.Start(ctx); err != nil {
		return 0, err
	}
	batch := makeBatch()
	start := time.Now()
	for number := uint64(1); number <= uint64(b.rows); number += uint64(len(batch.Rows)) {
		renumber(batch, number)
		if err := out.Apply(ctx, batch); err != nil {
			return 0, err
		}
	}
	if err := out.Close(ctx); err != nil {
		return 0, err
	}
	stored := out.Status().Stored
	return float64(stored) / time.Since(start).Seconds(), nil
}

// copy exports what the sink has stored and puts it into a table made like it.
func (b *bench) copy(s shape) (rate float64, err error) {
	file := filepath.Join(b.dir, s.name+".copy")
	if err := b.sql("DROP TABLE IF EXISTS peer", "CREATE TABLE peer (LIKE packets INCLUDING ALL)",
		`\copy packets TO '`+file+`' (FORMAT binary)`, "CHECKPOINT"); err != nil {
		return 0, err
	}
	defer os.Remove(file)
	start := time.Now()
	out, err := b.run(`\copy peer FROM '` + file + `' (FORMAT binary)`)
	if err != nil {
		return 0, err
	}
	took := time.Since(start)
	var n int
	if _, err := fmt.Sscanf(out, "COPY %d", &n); err != nil {
		return 0, fmt.Errorf("psql says %q", out)
	}
	return float64(n) / took.Seconds(), b.sql("DROP TABLE peer")
}

// executeValues inserts a tenth of the rows as the old recorder's library does it best.
func (b *bench) executeValues(s shape) (rate float64, err error) {
	if err := b.sql("DROP TABLE IF EXISTS peer", "CREATE TABLE peer (LIKE packets INCLUDING ALL)", "CHECKPOINT"); err != nil {
		return 0, err
	}
	cmd := exec.Command(b.python, "-c", executeValues, b.dsn, strconv.Itoa(max(b.rows/10, 1)))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("execute_values: %w (Debian: apt-get install python3-psycopg2)", err)
	}
	var n int
	var seconds float64
	if _, err := fmt.Sscan(string(text), &n, &seconds); err != nil {
		return 0, fmt.Errorf("execute_values printed %q", text)
	}
	return float64(n) / seconds, b.sql("DROP TABLE peer")
}

func (b *bench) sql(commands ...string) error {
	_, err := b.run(commands...)
	return err
}

// run runs commands with psql and returns what it prints.
func (b *bench) run(commands ...string) (string, error) {
	args := []string{"-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", b.dsn}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := exec.Command(b.psql, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return string(out), nil
}
