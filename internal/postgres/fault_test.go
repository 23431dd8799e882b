//go:build unix

package postgres

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
)

// endless follows the endless capture in the background, as fast as the sink takes
// batches. finish ends that, stores what is left and returns the packet behind the last.
// pace is how long it waits between batches.
func endless(ctx context.Context, t *testing.T, s *Sink, pace time.Duration) (finish func() uint64) {
	t.Helper()
	quit, done := make(chan struct{}), make(chan struct{})
	var next uint64
	go func() {
		defer close(done)
		c, err := s.Start(ctx)
		next = max(c.Packet, 1)
		for err == nil {
			select {
			case <-quit:
				err = s.Flush(ctx)
				if err == nil {
					return
				}
			default:
				err = s.Apply(ctx, testBatch(next, 50))
				next += 50
				time.Sleep(pace) // the pace of a capture, not what is waited for
			}
			if errors.Is(err, ErrRestart) {
				c, err = s.Start(ctx)
				next = max(c.Packet, 1)
			}
		}
		t.Errorf("%v, status %+v", err, s.Status())
	}()
	return func() uint64 {
		close(quit)
		<-done
		return next
	}
}

// stream is endless up to packet end.
func stream(ctx context.Context, t *testing.T, s *Sink, end uint64) (done chan struct{}) {
	t.Helper()
	done = make(chan struct{})
	go func() {
		defer close(done)
		c, err := s.Start(ctx)
		for next := max(c.Packet, 1); err == nil && next < end; next += 50 {
			err = s.Apply(ctx, testBatch(next, 50))
		}
		if err == nil {
			err = s.Flush(ctx)
		}
		if err != nil {
			t.Errorf("%v, status %+v", err, s.Status())
		}
	}()
	return done
}

// committed waits until the sink has committed more than n packets.
func committed(t *testing.T, s *Sink, n uint64) {
	t.Helper()
	eventually(t, "a commit", func() bool { return s.Committed().Packet > n })
}

// problem waits until the sink reports a problem.
func problem(t *testing.T, s *Sink, want Problem) Status {
	t.Helper()
	var st Status
	eventually(t, "problem "+want.String(), func() bool {
		st = s.Status()
		return st.LastError != "" && st.Problem == want
	})
	return st
}

func TestServerFaults(t *testing.T) {
	tests := []struct {
		name  string
		pace  time.Duration
		fault func(t *testing.T, srv *pgtest.Server, s *Sink)
	}{
		{"killed", time.Millisecond, func(t *testing.T, srv *pgtest.Server, s *Sink) {
			for range 3 {
				committed(t, s, s.Committed().Packet)
				must(t, srv.Kill())
				time.Sleep(50 * time.Millisecond)
				must(t, srv.Start())
			}
		}},
		{"killed under load", 0, func(t *testing.T, srv *pgtest.Server, s *Sink) {
			for range 3 {
				committed(t, s, s.Committed().Packet+2000)
				must(t, srv.Kill())
				must(t, srv.Start())
			}
		}},
		{"away for a while", time.Millisecond, func(t *testing.T, srv *pgtest.Server, s *Sink) {
			committed(t, s, s.Committed().Packet)
			must(t, srv.Stop())
			st := problem(t, s, ProblemUnreachable)
			if !strings.Contains(st.LastError, "pg_isready") {
				t.Errorf("no mend: %s", st.LastError)
			}
			if st.Connected {
				t.Error("connected to nobody")
			}
			must(t, srv.Start())
		}},
		{"hanging", time.Millisecond, func(t *testing.T, srv *pgtest.Server, s *Sink) {
			committed(t, s, s.Committed().Packet)
			must(t, srv.Pause())
			defer srv.Resume()
			problem(t, s, ProblemTimeout)
			time.Sleep(1500 * time.Millisecond)
		}},
		{"read-only for a while", time.Millisecond, func(t *testing.T, srv *pgtest.Server, s *Sink) {
			committed(t, s, s.Committed().Packet)
			srv.Run(t, "postgres", "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
			if st := problem(t, s, ProblemReadOnly); !strings.Contains(st.LastError, "25006") {
				t.Errorf("status %+v", st)
			}
			srv.Run(t, "postgres", "SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
		}},
		{"backend terminated", time.Millisecond, func(t *testing.T, srv *pgtest.Server, s *Sink) {
			for range 5 {
				committed(t, s, s.Committed().Packet)
				srv.Run(t, "db", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'tarrafa'")
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := pgtest.Start(t)
			srv.Run(t, "postgres", "CREATE DATABASE db")
			ctx := context30(t)
			var log lines
			opt := quick(&log)
			opt.FlushRows = 500 / mostGrowth
			s := New(config(t, srv.TCP(pgtest.Superuser, pgtest.Password, "db")), "c", opt)
			s.longest = 200 * time.Millisecond
			finish := endless(ctx, t, s, tt.pace)
			tt.fault(t, srv, s)
			end := finish()
			closeSink(ctx, t, s)
			checkExactlyOnce(t, srv, "db", end)
			if n := strings.Count(log.String(), "\n"); n > 100 {
				t.Errorf("%d lines of log", n)
			}
			if strings.Contains(log.String(), pgtest.Password) {
				t.Error("the password is in the log")
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAbsentThenThere(t *testing.T) {
	t.Parallel()
	srv := pgtest.Start(t)
	srv.Run(t, "postgres", "CREATE DATABASE db")
	must(t, srv.Stop())
	ctx := context30(t)
	s := New(config(t, srv.TCP(pgtest.Superuser, pgtest.Password, "db")), "c", quick(nil))
	done := stream(ctx, t, s, 1001)
	problem(t, s, ProblemUnreachable)
	must(t, srv.Start())
	<-done
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, "db", 1001)
}

// TestRefused has the faults that a person has to mend; the sink goes on by itself then.
func TestRefused(t *testing.T) {
	srv := server(t)
	tests := []struct {
		name    string
		prepare []string // as administrator; % stands for the user and database
		dsn     func(db string) string
		problem Problem
		says    []string
		mend    []string
	}{
		{
			name:    "wrong password",
			prepare: []string{"ALTER ROLE % PASSWORD 'another'"},
			problem: ProblemPassword,
			says:    []string{"DB_PASSWORD", "28P01"},
			mend:    []string{"ALTER ROLE % PASSWORD '" + pgtest.Password + "'"},
		},
		{
			name:    "no such database",
			prepare: []string{`ALTER DATABASE % RENAME TO "%_away"`},
			problem: ProblemDatabase,
			says:    []string{"createdb -h 127.0.0.1", "-O % %"},
			mend:    []string{`ALTER DATABASE "%_away" RENAME TO %`},
		},
		{
			name:    "read-only",
			prepare: []string{"ALTER ROLE % SET default_transaction_read_only = on"},
			problem: ProblemReadOnly,
			says:    []string{"25006", "target_session_attrs"},
			mend:    []string{"ALTER ROLE % RESET default_transaction_read_only"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := srv.Database(t)
			fill := func(in []string) (out []string) {
				for _, s := range in {
					out = append(out, strings.ReplaceAll(s, "%", db))
				}
				return out
			}
			srv.Run(t, "postgres", fill(tt.prepare)...)
			ctx := context30(t)
			var log lines
			s := New(config(t, srv.TCP(db, pgtest.Password, db)), "c", quick(&log))
			done := stream(ctx, t, s, 101)
			st := problem(t, s, tt.problem)
			for _, want := range fill(tt.says) {
				if !strings.Contains(st.LastError, want) {
					t.Errorf("the error does not say %q: %s", want, st.LastError)
				}
			}
			var e *Error
			if err := s.Check(ctx); tt.problem != ProblemReadOnly && (!errors.As(err, &e) || e.Problem != tt.problem) {
				t.Errorf("Check says %v", err)
			}
			srv.Run(t, "postgres", fill(tt.mend)...)
			<-done
			closeSink(ctx, t, s)
			checkExactlyOnce(t, srv, db, 101)
			if strings.Contains(log.String()+st.LastError, pgtest.Password) {
				t.Error("the password is shown")
			}
			if st := s.Status(); st.LastError != "" {
				t.Errorf("the error stays: %+v", st)
			}
		})
	}
}

func TestPermission(t *testing.T) {
	srv, db, _ := database(t)
	user := db + "_user"
	srv.Run(t, db, "CREATE ROLE "+user+" LOGIN", "REVOKE ALL ON SCHEMA public FROM PUBLIC, "+user, "GRANT USAGE ON SCHEMA public TO "+user)
	ctx := context30(t)
	s := New(config(t, srv.DSN(user, db)), "c", quick(nil))
	done := stream(ctx, t, s, 101)
	grants := 0
	// Each GRANT that the error asks for is given, as a person would do it.
	for st := range pollStatus(ctx, s, done) {
		if st.Problem != ProblemPermission {
			continue
		}
		_, grant, ok := strings.Cut(st.LastError, "GRANT ")
		if !ok {
			t.Fatalf("no GRANT in %s", st.LastError)
		}
		srv.Run(t, db, "GRANT "+grant)
		grants++
	}
	if grants == 0 {
		t.Error("the sink did not miss any right")
	}
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, 101)
}

// pollStatus yields every new error until done.
func pollStatus(ctx context.Context, s *Sink, done <-chan struct{}) func(func(Status) bool) {
	return func(yield func(Status) bool) {
		seen := uint64(0)
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
			if st := s.Status(); st.Retries > seen && st.LastError != "" {
				seen = st.Retries
				if !yield(st) {
					return
				}
			}
		}
	}
}

// TestPermissionOldTable is an old program's table whose owner lets us insert and nothing
// else.
func TestPermissionOldTable(t *testing.T) {
	srv, db, _ := database(t)
	user := db + "_user"
	srv.Run(t, db, "CREATE ROLE "+user+" LOGIN",
		"CREATE TABLE packets (id serial PRIMARY KEY, src_ip text, dst_ip varchar(12), protocol text, packet_size int, capture_time timestamptz)",
		"GRANT INSERT ON packets TO "+user, "GRANT USAGE ON SEQUENCE packets_id_seq TO "+user, "GRANT CREATE ON SCHEMA public TO "+user)
	ctx := context30(t)
	var log lines
	s := New(config(t, srv.DSN(user, db)), "c", quick(&log))
	done := stream(ctx, t, s, 3001)
	// The old program inserts at the same time.
	for range 20 {
		srv.Run(t, db, "INSERT INTO packets (src_ip) SELECT 'old' FROM generate_series(1, 37)")
	}
	<-done
	closeSink(ctx, t, s)
	got := srv.Run(t, db, "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE dst_ip IS NULL) FROM packets WHERE src_ip IS DISTINCT FROM 'old'")
	if want := "2500|2500|500"; got != want {
		t.Errorf("rows, ids, addresses too long: %s, want %s", got, want)
	}
	if st := s.Status(); st.Nulled != 500 {
		t.Errorf("%d values became NULL, want 500", st.Nulled)
	}
	if got := srv.Run(t, db, "SELECT count(*) - count(DISTINCT id) FROM packets"); got != "0" {
		t.Errorf("%s ids twice", got)
	}
	if !strings.Contains(log.String(), "its owner can run") {
		t.Errorf("the log does not tell the owner what to run:\n%s", log.String())
	}
}

func TestLockedTable(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	s := New(cfg, "c", quick(nil))
	follow(ctx, t, s, 101, 50)
	flush(ctx, t, s)
	cmd := exec.CommandContext(ctx, srv.Bin("psql"), "-X", "-h", srv.Dir, "-p", portOf(srv), "-U", pgtest.Superuser, "-d", db,
		"-c", "BEGIN; LOCK TABLE packets; SELECT pg_sleep(3)")
	must(t, cmd.Start())
	eventually(t, "the lock", func() bool {
		return srv.Run(t, db, "SELECT count(*) FROM pg_locks WHERE relation = 'packets'::regclass AND mode = 'AccessExclusiveLock'") == "1"
	})
	followFrom(ctx, t, s, 101, 301, 50)
	st := problem(t, s, ProblemLocked)
	if !strings.Contains(st.LastError, "pg_stat_activity") {
		t.Errorf("no mend: %s", st.LastError)
	}
	must(t, cmd.Wait())
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, 301)
}

func TestDiskFull(t *testing.T) {
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	if os.Getuid() != 0 {
		missing("a small file system for the table can be mounted by root only")
	}
	srv, db, cfg := database(t)
	dir := filepath.Join(srv.Dir, "small-"+db)
	must(t, os.Mkdir(dir, 0o755))
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		missing("no file system of its own: %v %s", err, out)
	}
	t.Cleanup(func() {
		_, _ = srv.Psql(db, "DROP TABLE IF EXISTS packets")
		_, _ = srv.Psql("postgres", "DROP TABLESPACE IF EXISTS small_"+db)
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	sub := filepath.Join(dir, "space")
	must(t, os.Mkdir(sub, 0o700))
	must(t, srv.Chown(sub))
	srv.Run(t, "postgres", "CREATE TABLESPACE small_"+db+" LOCATION '"+sub+"'", "GRANT CREATE ON TABLESPACE small_"+db+" TO "+db, "ALTER ROLE "+db+" SET default_tablespace = small_"+db)
	ctx := context30(t)
	opt := quick(nil)
	opt.FlushRows = 1000 / mostGrowth
	s := New(cfg, "c", opt)
	done := stream(ctx, t, s, 20_001)
	st := problem(t, s, ProblemDiskFull)
	if !strings.Contains(st.LastError, "53100") {
		t.Errorf("status %+v", st)
	}
	committed(t, s, 0) // what had room is there for good
	out, err := exec.CommandContext(ctx, "mount", "-o", "remount,size=64m", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	<-done
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, 20_001)
}

// TestTwoOfTheSameCapture has two sinks write one capture: the slower one must notice.
func TestTwoOfTheSameCapture(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	a := New(cfg, "c", quick(nil))
	b := New(cfg, "c", quick(nil))
	for _, s := range []*Sink{a, b} {
		if _, err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	followFrom(ctx, t, a, 1, 101, 10)
	flush(ctx, t, a)
	must(t, b.Apply(ctx, testBatch(1, 50)))
	if err := b.Flush(ctx); !errors.Is(err, ErrRestart) {
		t.Errorf("the second sink says %v", err)
	}
	if err := b.Apply(ctx, testBatch(51, 50)); !errors.Is(err, ErrRestart) {
		t.Errorf("the second sink says %v", err)
	}
	follow(ctx, t, b, 201, 50)
	closeSink(ctx, t, b)
	closeSink(ctx, t, a)
	checkExactlyOnce(t, srv, db, 201)
}

// TestTableChanged drops the tables under a running sink: everything is stored again.
func TestTableChanged(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	s := New(cfg, "c", quick(nil))
	follow(ctx, t, s, 201, 50)
	flush(ctx, t, s)
	srv.Run(t, db, "DROP TABLE packets, tarrafa_cursors, tarrafa_seconds, tarrafa_addresses, tarrafa_interfaces")
	err := s.Apply(ctx, testBatch(201, 50))
	for next := uint64(251); err == nil; next += 50 {
		err = s.Apply(ctx, testBatch(next, 50))
	}
	if !errors.Is(err, ErrRestart) {
		t.Fatal(err)
	}
	follow(ctx, t, s, 401, 50)
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, 401)
}

func TestUnsuitableTable(t *testing.T) {
	srv := server(t)
	for _, tt := range []struct{ name, ddl, want string }{
		{"another program's", "CREATE TABLE packets (id serial, sender text)", "has no column src_ip"},
		{"a view", "CREATE VIEW packets AS SELECT 1 AS id", "is not a table"},
		{
			"a column that must be filled", "CREATE TABLE packets (id serial, src_ip text, dst_ip text, protocol text, packet_size int, capture_time timestamptz, site text NOT NULL)",
			`ALTER COLUMN "site" DROP NOT NULL`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := srv.Database(t)
			srv.Run(t, db, "SET ROLE "+db, tt.ddl)
			s := New(config(t, srv.DSN(db, db)), "c", quick(nil))
			ctx, cancel := context.WithCancel(context30(t))
			done := make(chan struct{})
			go func() {
				defer close(done)
				if _, err := s.Start(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("Start: %v", err)
				}
			}()
			st := problem(t, s, ProblemTable)
			if !strings.Contains(st.LastError, tt.want) {
				t.Errorf("%s does not say %q", st.LastError, tt.want)
			}
			cancel()
			<-done
		})
	}
}

// TestCloseWithoutServer must give up in time and say what is missing.
func TestCloseWithoutServer(t *testing.T) {
	t.Parallel()
	srv := pgtest.Start(t)
	srv.Run(t, "postgres", "CREATE DATABASE db")
	ctx := context30(t)
	s := New(config(t, srv.DSN(pgtest.Superuser, "db")), "c", quick(nil))
	follow(ctx, t, s, 101, 50)
	flush(ctx, t, s)
	must(t, srv.Pause())
	defer srv.Resume()
	followFrom(ctx, t, s, 101, 201, 50)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := s.Close(short)
	if err == nil || !strings.Contains(err.Error(), "100 packets") {
		t.Errorf("Close: %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	if err := s.Apply(ctx, testBatch(201, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Apply after Close: %v", err)
	}
}
