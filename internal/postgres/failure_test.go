//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestFailure(t *testing.T) {
	c := config(t, "host=db.example port=5433 user=me password="+secret+" dbname=packetdb")
	for _, tt := range []struct {
		name    string
		err     error
		problem Problem
		says    string
	}{
		{"refused", fmt.Errorf("dial: %w", syscall.ECONNREFUSED), ProblemUnreachable, "pg_isready -h db.example -p 5433"},
		{"timeout", fmt.Errorf("x: %w", context.DeadlineExceeded), ProblemTimeout, "does not answer in time"},
		{"lost", fmt.Errorf("x: %w", io.ErrUnexpectedEOF), ProblemLost, "unexpected EOF"},
		{"reset", syscall.ECONNRESET, ProblemLost, "reset"},
		{"starting", &pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}, ProblemBusy, "starting up"},
		{"too many", &pgconn.PgError{Code: "53300"}, ProblemBusy, "53300"},
		{"pg_hba.conf", &pgconn.PgError{Code: "28000"}, ProblemPassword, "pg_hba.conf"},
		{"constraint", &pgconn.PgError{Code: "23514"}, ProblemTable, "23514"},
		{"lines", &pgconn.PgError{Code: "XX000", Message: "a\nb\x00\xff" + strings.Repeat("x", 1000)}, ProblemOther, "a b"},
		{"other", errors.New("anything"), ProblemOther, "anything"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := c.failure("store rows", tt.err)
			text := e.Error()
			if e.Problem != tt.problem || !strings.Contains(text, tt.says) || !strings.Contains(text, "store rows") || !strings.Contains(text, "db.example:5433") {
				t.Errorf("%v: %s", e.Problem, text)
			}
			if strings.ContainsAny(text, "\n\r") || len(text) > 600 || strings.Contains(text, secret) {
				t.Errorf("%q", text)
			}
			if !errors.Is(e, tt.err) {
				t.Error("the cause is lost")
			}
		})
	}
	for p := range ProblemCount {
		if p.String() == "" {
			t.Errorf("problem %d has no name", p)
		}
	}
}

// TestReason: a server that is not there is named once, however often it was tried.
func TestReason(t *testing.T) {
	_, err := pgconn.Connect(t.Context(), "host=127.0.0.1 port=1 user=me dbname=d sslmode=prefer")
	if err == nil {
		t.Fatal("connected to port 1")
	}
	if got := reason(err); got != "dial tcp 127.0.0.1:1: connect: connection refused" {
		t.Errorf("%q, of %v", got, err)
	}
}

func TestRefusedLine(t *testing.T) {
	for where, want := range map[string]int{
		"COPY packets, line 17, column src_ip":                   17,
		"COPY packets, linha 17":                                 17,
		"COPY my table 5, line 1":                                1,
		"SQL function \"f\" line 3\nCOPY packets, line 9: \"x\"": 9,
		"PL/pgSQL function f() line 3 at RAISE":                  0,
		"":                                                       0,
		"COPY packets, line 99999999999999999999999":             0,
	} {
		if got := refusedLine(&pgconn.PgError{Where: where}); got != want {
			t.Errorf("%q: line %d, want %d", where, got, want)
		}
	}
	if got := refusedLine(errors.New("x")); got != 0 {
		t.Errorf("line %d of an error that is not the server's", got)
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	longest := time.Duration(0)
	for i := range 20 {
		w := b.next()
		top := min(firstWait<<i, longWait)
		if i > 10 {
			top = longWait
		}
		if w > top || w < top/2 {
			t.Errorf("wait %d is %v, want up to %v", i, w, top)
		}
		longest = max(longest, w)
	}
	if longest < longWait/2 {
		t.Errorf("the longest wait is %v", longest)
	}
}

func TestSafeText(t *testing.T) {
	for in, want := range map[string]string{
		"eth0": "eth0", "a\x00b\n": "a?b?", "\xff": "?", "é": "é", strings.Repeat("é", 200): strings.Repeat("é", 127),
	} {
		if got := safeText(in, true); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	if got := safeText("é", false); got != "?" {
		t.Errorf("a database that may not know é gets %q", got)
	}
}

func TestQuotes(t *testing.T) {
	for in, want := range map[string]string{"a": `'a'`, "it's": `'it''s'`, `\`: ` E'\\'`} {
		if got := quoteLiteral(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := quoteIdent(`a"b`); got != `"a""b"` {
		t.Errorf("%s", got)
	}
	for in, want := range map[string]string{"db-1.example": "db-1.example", "a b;rm": "'a b;rm'", "it's": `'it'\''s'`, "": ""} {
		if got := shellWord(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
