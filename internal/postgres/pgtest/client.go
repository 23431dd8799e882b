//go:build unix

package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// DSN names a database on the Unix socket, as a user who is not asked for a password.
func (s *Server) DSN(user, database string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", s.Dir, s.Port, user, database)
}

// TCP names a database on loopback.
func (s *Server) TCP(user, password, database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=%s sslmode=disable", s.Port, user, password, database)
}

// Psql runs commands as the administrator and returns what they print: unaligned, without
// headings.
func (s *Server) Psql(database string, commands ...string) (string, error) {
	args := []string{
		"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", s.Dir, "-p", strconv.Itoa(s.Port),
		"-U", Superuser, "-d", database,
	}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := s.command(ctx, "psql", args...)
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("pgtest: psql: %w: %s", err, text)
	}
	return text, nil
}

// Bin returns the path of one of PostgreSQL's programs.
func (s *Server) Bin(name string) string { return filepath.Join(s.bin, name) }

// Chown gives a path to the user that the server runs as.
func (s *Server) Chown(path string) error {
	if s.cred == nil {
		return nil
	}
	return os.Chown(path, int(s.cred.Uid), int(s.cred.Gid))
}
