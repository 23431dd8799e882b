//go:build unix

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/sandbox"
)

// What remains possible is what the command needs, and nothing else.
func TestRulesLeaveNoMoreThanNeeded(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGPORT", "DB_HOST", "DB_PORT", "PGSERVICE", "PGSSLMODE"} {
		t.Setenv(name, "")
	}
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var cfg postgres.Config
	database := func(dsn string) sandbox.Rules { return databaseRules(dsn, nil, &cfg) }
	for _, tc := range []struct {
		name  string
		rules sandbox.Rules
		want  sandbox.Access
	}{
		{"a database at an address", database("postgres://u:p@192.0.2.1:5433/d?sslmode=disable"), sandbox.Access{Connect: []uint16{5433}}},
		{"a database with a name", database("host=db.example.org port=5433 user=u"), sandbox.Access{Connect: []uint16{5433}, Resolve: true}},
		{"several databases", database("host=192.0.2.1,::1,192.0.2.2 port=1,2,2 user=u"), sandbox.Access{Connect: []uint16{1, 2}}},
		{"a database's socket", database("host=/run/postgresql user=u"), sandbox.Access{Sockets: []string{"/run/postgresql"}}},
		{"an answer that is written", databaseRules("host=/run/postgresql", []string{dir}, &cfg), sandbox.Access{Sockets: []string{"/run/postgresql"}, Write: []string{dir}}},
		{"import", importRules([]string{file}, dir), sandbox.Access{Read: []string{file}, Write: []string{dir}}},
		{"reindex", reindexRules([]string{dir, file, filepath.Join(dir, "missing")}), sandbox.Access{Write: []string{dir}}},
		{"read", readingRules([]string{"-", file}, nil), sandbox.Access{Read: []string{file}}},
		{"a question to a folder", questionRules(dir, nil), sandbox.Access{Read: []string{dir}, Write: []string{dir}}},
		{"a question to a file", questionRules(file, nil), sandbox.Access{Read: []string{file}, Write: []string{os.TempDir()}}},
		{"a question whose answer is written", questionRules(file, []string{dir}), sandbox.Access{Read: []string{file}, Write: []string{os.TempDir(), dir}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.rules.Access()
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("%+v, %v; want %+v", got, err, tc.want)
			}
			if tc.rules.User != nil || tc.rules.ForeignFiles != (len(got.Connect)+len(got.Sockets) == 0) {
				t.Errorf("user %v, foreign files %v", tc.rules.User, tc.rules.ForeignFiles)
			}
		})
	}
	if cfg.Host() != "/run/postgresql" {
		t.Errorf("the settings were not handed on: %v", cfg)
	}
}
