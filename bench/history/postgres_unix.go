//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// inSQL are the questions in plain SQL over the rows, as one would ask them in psql. %d
// makes the second time another question than the first where ours is another one too.
var inSQL = []struct {
	name string
	sql  func(round int) string
}{
	{totals, func(int) string {
		return "SELECT protocol, count(*), sum(packet_size), min(capture_time), max(capture_time) FROM packets GROUP BY 1"
	}},
	{series, func(int) string {
		return "SELECT date_trunc('second', capture_time), count(*), sum(packet_size) FROM packets GROUP BY 1 ORDER BY 1"
	}},
	{topSource, func(int) string {
		return "SELECT src_ip, count(*), sum(packet_size) FROM packets GROUP BY 1 ORDER BY 2 DESC, 3 DESC LIMIT 5"
	}},
	{topPort, func(int) string {
		return "SELECT dst_port, count(*), sum(packet_size) FROM packets WHERE protocol = 'TCP' GROUP BY 1 ORDER BY 2 DESC, 3 DESC LIMIT 5"
	}},
	{firstHundred, func(r int) string {
		a := fmt.Sprintf("'10.0.0.%d'", 3+r)
		return "SELECT * FROM packets WHERE (src_ip = " + a + " OR dst_ip = " + a + ") AND protocol = 'TCP' AND (src_port = 443 OR dst_port = 443) ORDER BY number LIMIT 100"
	}},
	{twoColumns, func(r int) string {
		return fmt.Sprintf("SELECT count(*) FROM packets WHERE protocol = 'TCP' AND (src_port = 443 OR dst_port = 443) AND packet_size > %d", 1000+r)
	}},
	{oneAddress, func(r int) string {
		return fmt.Sprintf("SELECT count(*) FROM packets WHERE (src_ip = '%s' OR dst_ip = '%s') AND packet_size > %d", needle, needle, r)
	}},
}

// askPostgres stores the archive's packets in a server of its own, in the table and with
// the index that the product makes, and asks there. The rollup is not asked.
func askPostgres(s *archive.Stored, answers []answer) error {
	if err := roomFor(s.Packets()); err != nil {
		return err
	}
	srv, err := pgtest.New("shared_buffers=1GB", "max_wal_size=2GB", "checkpoint_timeout=1h", "fsync=off", "wal_level=minimal", "max_wal_senders=0")
	if err != nil {
		return err
	}
	defer srv.Close()
	ctx := context.Background()
	dsn := srv.DSN(pgtest.Superuser, "postgres")
	if err := fillPostgres(ctx, srv, s, dsn); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "VACUUM ANALYZE packets"); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	fmt.Printf("%-44s %12s %12s %10s\n", "PostgreSQL, rows, second time", "ours", "PostgreSQL", "ratio")
	for _, q := range inSQL {
		var took time.Duration
		for round := range 2 {
			start := time.Now()
			rows, err := conn.Query(ctx, q.sql(round))
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			for rows.Next() {
			}
			if err := rows.Err(); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			took = time.Since(start)
		}
		compare(answers, q.name, took)
	}
	return nil
}

// rowRoom is what a row takes on the disk at most, with its share of indexes, the log of
// the sums and what sorting takes, bytes.
const rowRoom = 600

// roomFor tells whether so many rows fit on the disk, and leave some of it to others.
func roomFor(packets uint64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &disk); err != nil {
		return fmt.Errorf("%s: %w", os.TempDir(), err)
	}
	free, need := uint64(disk.Bavail)*uint64(disk.Bsize), packets*rowRoom+4<<30 //nolint:unconvert // signed on other systems
	if free < need {
		return fmt.Errorf("%d packets take %d GB in PostgreSQL, %s has %d GB: TMPDIR names another folder", packets, need>>30, os.TempDir(), free>>30)
	}
	return nil
}

// fillPostgres stores the packets. The table keeps no log: only what is asked is measured.
func fillPostgres(ctx context.Context, srv *pgtest.Server, s *archive.Stored, dsn string) error {
	cfg, err := postgres.ParseConfig(dsn, os.Getenv)
	if err != nil {
		return err
	}
	sink := postgres.New(cfg, s.Meta.ID, postgres.Options{})
	if err := sink.Check(ctx); err != nil {
		return err
	}
	if _, err := sink.Start(ctx); err != nil {
		return err
	}
	if _, err := srv.Psql("postgres", "ALTER TABLE packets SET UNLOGGED"); err != nil {
		return err
	}
	walk := s.Walk(segment.Cursor{})
	defer walk.Close()
	start := time.Now()
	if err := errors.Join(track.New().Run(ctx, walk, sink), sink.Close(ctx)); err != nil {
		return err
	}
	size, err := srv.Psql("postgres", "SELECT pg_size_pretty(pg_total_relation_size('packets'))")
	fmt.Printf("%d packets stored in PostgreSQL in %s, %s\n", sink.Status().Stored, time.Since(start).Round(time.Millisecond), size)
	return err
}
