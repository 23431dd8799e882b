//go:build linux

package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// databaseFault is what happens to the database while packets come.
type databaseFault struct {
	name   string
	before func(t *testing.T, s *pgtest.Server, db string) // the capture starts
	strike func(t *testing.T, s *pgtest.Server, db string)
	says   string // what the capture says then; empty: nothing
	mend   func(t *testing.T, s *pgtest.Server, db string)
}

func sql(statements ...string) func(*testing.T, *pgtest.Server, string) {
	return func(t *testing.T, s *pgtest.Server, db string) {
		t.Helper()
		for i, text := range statements {
			statements[i] = strings.ReplaceAll(text, "DB", db)
		}
		s.Run(t, "postgres", statements...)
	}
}

const endSessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tarrafa'"

// smallSpace puts the tables of a database onto a file system of one megabyte.
func smallSpace(t *testing.T, s *pgtest.Server, db string) {
	t.Helper()
	dir := spaceOf(s, db)
	must(t, os.Mkdir(dir, 0o755))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		lab.Missing(t, "mount a tmpfs: %v: %s", err, out)
	}
	t.Cleanup(func() {
		_, _ = s.Psql(db, "DROP TABLE IF EXISTS packets")
		_, _ = s.Psql("postgres", "DROP TABLESPACE IF EXISTS small_"+db)
		_ = exec.Command("umount", "-l", dir).Run()
	})
	sub := filepath.Join(dir, "space")
	must(t, os.Mkdir(sub, 0o700))
	must(t, s.Chown(sub))
	s.Run(t, "postgres", "CREATE TABLESPACE small_"+db+" LOCATION '"+sub+"'",
		"GRANT CREATE ON TABLESPACE small_"+db+" TO "+db, "ALTER ROLE "+db+" SET default_tablespace = small_"+db)
}

func spaceOf(s *pgtest.Server, db string) string { return filepath.Join(s.Dir, "small-"+db) }

func moreSpace(t *testing.T, s *pgtest.Server, db string) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,size=64m", spaceOf(s, db)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// Whatever the database does, the capture goes on, says what is wrong, and in the end every
// packet has its row, once.
func TestDatabaseRefuses(t *testing.T) {
	lab.NeedsRoot(t)
	lab.Needs(t, "mount", "umount")
	server := pgtest.Start(t)
	for _, f := range []databaseFault{
		{name: "read-only", strike: sql("ALTER DATABASE DB SET default_transaction_read_only = on", endSessions), says: "read-only",
			mend: sql("ALTER DATABASE DB RESET default_transaction_read_only", endSessions)},
		{name: "disk full", before: smallSpace, says: "space", mend: moreSpace},
		{name: "backend killed", strike: sql(endSessions, endSessions)},
		{name: "no new connections", strike: sql("ALTER DATABASE DB ALLOW_CONNECTIONS false", endSessions), says: "not currently accepting",
			mend: sql("ALTER DATABASE DB ALLOW_CONNECTIONS true")},
		{name: "table locked", strike: func(t *testing.T, s *pgtest.Server, db string) {
			s.Run(t, db, "BEGIN; LOCK TABLE packets IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3); COMMIT")
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			ns := lab.NewNamespace(t)
			db := server.Database(t)
			if f.before != nil {
				f.before(t, server, db)
			}
			r := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", filepath.Join(lab.OpenDir(t), "data"),
				"--view", "none", "--db="+server.DSN(db, db), "udp port 5353"))
			r.Capturing()
			const sent = 30_000
			done := make(chan struct{})
			go func() {
				defer close(done)
				ns.MustSend(t, sent, 100, 5*time.Millisecond)
			}()
			rows := func() string {
				out, err := server.Psql(db, "SELECT count(*) || ' ' || count(DISTINCT number) FROM packets")
				if err != nil {
					return "" // not made yet, or out of reach
				}
				return strings.TrimSpace(out)
			}
			if f.strike != nil {
				r.Until("the first rows", func() bool { s := rows(); return s != "" && s != "0 0" })
				f.strike(t, server, db)
			}
			if f.says != "" {
				r.Says(f.says)
			}
			<-done
			if f.mend != nil {
				f.mend(t, server, db)
			}
			want := fmt.Sprintf("%d %d", sent, sent)
			r.Until("all rows", func() bool { return rows() == want })
			if code := r.End(); code != 0 {
				t.Fatalf("exit code %d\n%s", code, r.Stderr())
			}
			m := lab.ReadMeta(t, r.Kept())
			lab.Balanced(t, m.Ledger)
			if got := rows(); got != want || m.Ledger.Written != sent {
				t.Errorf("rows (all, different) %s, ledger %+v", got, m.Ledger)
			}
			lab.FaultRow(t, "PostgreSQL: "+f.name, sent, sent, m.Ledger.Dropped+m.Ledger.Lost, 0)
		})
	}
}
