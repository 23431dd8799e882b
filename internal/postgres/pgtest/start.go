//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// TB is the part of testing.TB that this package needs.
type TB interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Cleanup(f func())
	Failed() bool
}

// Start starts a server for one test. Without PostgreSQL the test is skipped, and fails
// where CI is set.
func Start(tb TB, settings ...string) *Server {
	tb.Helper()
	s, err := New(settings...)
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the server's log:\n%s", s.Log())
		}
		if err := s.Close(); err != nil {
			tb.Logf("%v", err)
		}
	})
	return s
}

var databases atomic.Uint32

// Database makes an empty database with an owner of the same name who is no
// administrator, and returns that name.
func (s *Server) Database(tb TB) string {
	tb.Helper()
	name := fmt.Sprintf("t%d", databases.Add(1))
	s.Run(tb, "postgres", "CREATE ROLE "+name+" LOGIN PASSWORD '"+Password+"'", "CREATE DATABASE "+name+" OWNER "+name)
	s.Run(tb, name, "ALTER SCHEMA public OWNER TO "+name)
	return name
}

// Run is [Server.Psql] for a test: an error ends the test.
func (s *Server) Run(tb TB, database string, commands ...string) string {
	tb.Helper()
	out, err := s.Psql(database, commands...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}
