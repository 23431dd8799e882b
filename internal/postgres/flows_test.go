//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	questions "github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// analysed follows a capture file from its beginning with the analysis, as the program
// does, until the end or until stop, which may be nil, says so; and anew when the sink
// asks for it. It returns what should be in the tables.
func analysed(ctx context.Context, t *testing.T, s *Sink, file string, stop func(packet uint64) bool) (flows []questions.Flow, findings map[uint64]finding) {
	t.Helper()
	for {
		if _, err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		flows, findings = nil, map[uint64]finding{}
		found := func(f *flow.Finding) {
			findings[f.ID] = findingOf(f, true)
			s.Found(f)
		}
		limits := flow.DefaultThresholds()
		limits.Refused, limits.Silent = 1, 1
		a := track.NewAnalysis(track.AnalysisOptions{Watch: flow.NewWatch(flow.WatchOptions{Found: found, Thresholds: limits}), Ended: func(c *track.Conversation) {
			flows = append(flows, flowOf(c, true))
			s.Ended(c)
		}})
		err := runFile(ctx, t, file, track.NewAnalysing(a), s, stop)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil
		}
		if err == nil {
			a.Drain()
			err = s.Flush(ctx)
		}
		switch {
		case err == nil:
			return flows, findings
		case !errors.Is(err, ErrRestart):
			t.Fatal(err)
		}
	}
}

// runFile is the tracker's run, in small batches. It ends with io.ErrUnexpectedEOF where
// stop says so.
func runFile(ctx context.Context, t *testing.T, file string, tr *track.Tracker, s *Sink, stop func(uint64) bool) error {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return tr.Run(ctx, fileChunks{r}, followFunc(func(ctx context.Context, b *track.Batch) error {
		if stop != nil && stop(b.Next.Packet) {
			return &track.FatalError{Err: io.ErrUnexpectedEOF}
		}
		if err := s.Apply(ctx, b); err != nil {
			return &track.FatalError{Err: err}
		}
		return nil
	}))
}

type followFunc func(context.Context, *track.Batch) error

func (f followFunc) Apply(ctx context.Context, b *track.Batch) error { return f(ctx, b) }

// flowFile is a capture with many connections, findings among them.
func flowFile(t *testing.T) string {
	t.Helper()
	for _, f := range sharedCaptures(t) {
		if filepath.Base(f) == "zeek__ssh-dups.pcap" {
			return f
		}
	}
	t.Skip("no captures beside the repository: zeek__ssh-dups.pcap")
	return ""
}

// checkFlows compares the tables with what the analysis said.
func checkFlows(ctx context.Context, t *testing.T, cfg Config, capture string, flows []questions.Flow, findings map[uint64]finding) {
	t.Helper()
	r := reader(ctx, t, cfg, capture)
	page, err := r.Flows(ctx, questions.Scope{}, 0, pageMost)
	must(t, err)
	if page.Total != uint64(len(flows)) || len(page.Rows) != len(flows) {
		t.Fatalf("%d flows, %d rows, want %d", page.Total, len(page.Rows), len(flows))
	}
	want := map[uint64]questions.Flow{}
	for _, f := range flows {
		want[f.ID] = f
	}
	for _, f := range page.Rows {
		if w := want[f.ID]; !reflect.DeepEqual(f, w) {
			t.Fatalf("flow %d:\n%+v\nwant\n%+v", f.ID, f, w)
		}
		s := scopeFor(t, fmt.Sprintf("flow == %d", f.ID))
		if f.ID > 10 {
			continue
		}
		if n, err := r.Count(ctx, s); err != nil || n != f.FromClient.Packets+f.FromServer.Packets {
			t.Errorf("flow == %d: %d packets, %v, want %d + %d", f.ID, n, err, f.FromClient.Packets, f.FromServer.Packets)
		}
		if part, err := r.Flows(ctx, s, 0, 5); err != nil || part.Total != 1 || len(part.Rows) != 1 || part.Rows[0].ID != f.ID {
			t.Errorf("the flows of flow == %d: %+v, %v", f.ID, part, err)
		}
	}
	list, err := r.Findings(ctx)
	must(t, err)
	if len(list) != len(findings) {
		t.Errorf("%d findings, want %d", len(list), len(findings))
	}
	for _, f := range list {
		w := findings[f.ID]
		if f.Kind != w.kind || f.Severity != w.severity || f.Count != w.count || f.First != w.first || f.Last != w.last || f.Sentence != w.sentence ||
			f.Flow != w.flow || !reflect.DeepEqual(f.Evidence, w.evidence) || (f.Stream == nil) != (w.stream == flow.NoStream) {
			t.Errorf("finding %+v, want %+v", f, w)
		}
	}
}

// TestFlowsOfCaptures stores the flows of real captures and reads them back.
func TestFlowsOfCaptures(t *testing.T) {
	_, _, cfg := database(t)
	total, found := 0, 0
	for _, file := range sharedCaptures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ctx := context30(t)
			opt := quick(nil)
			opt.Flows = true
			s := New(cfg, filepath.Base(file), opt)
			flows, findings := analysed(ctx, t, s, file, nil)
			closeSink(ctx, t, s)
			checkFlows(ctx, t, cfg, filepath.Base(file), flows, findings)
			total, found = total+len(flows), found+len(findings)
		})
	}
	if total < 100 || found == 0 {
		t.Errorf("%d flows and %d findings: the captures are too small for this test", total, found)
	}
}

// TestFlowsExactlyOnce breaks the connection at random messages, ends the program in the
// middle, and starts it again: each flow is there once.
func TestFlowsExactlyOnce(t *testing.T) {
	file := flowFile(t)
	srv := server(t)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			db := srv.Database(t)
			p := newProxy(t, srv, randomCuts(seed, 25, 25))
			ctx := context30(t)
			opt := quick(nil)
			opt.Flows, opt.FlushRows, opt.FlushEvery = true, 100, 2*time.Millisecond
			cfg := config(t, p.dsn(db))
			for _, share := range []uint64{400, 1000, 1500} {
				s := New(cfg, "c", opt)
				s.longest = 20 * time.Millisecond
				analysed(ctx, t, s, file, func(packet uint64) bool { return packet > share })
				s.halt() // as if killed: what is in memory is gone
			}
			s := New(cfg, "c", opt)
			s.longest = 20 * time.Millisecond
			flows, findings := analysed(ctx, t, s, file, nil)
			closeSink(ctx, t, s)
			checkFlows(ctx, t, config(t, srv.DSN(pgtest.Superuser, db)), "c", flows, findings)
			// Once more over what is there already.
			s = New(cfg, "c", opt)
			s.longest = 20 * time.Millisecond
			analysed(ctx, t, s, file, nil)
			closeSink(ctx, t, s)
			checkFlows(ctx, t, config(t, srv.DSN(pgtest.Superuser, db)), "c", flows, findings)
			if got := srv.Run(t, db, "SELECT flows FROM tarrafa_cursors"); got != fmt.Sprint(len(flows)) {
				t.Errorf("the cursor counts %s flows, want %d", got, len(flows))
			}
		})
	}
}

// TestFlowsRefused: when the tables of flows cannot be had, the packets' rows are stored
// all the same, and flows are not answered.
func TestFlowsRefused(t *testing.T) {
	file := flowFile(t)
	srv := server(t)
	for name, prepare := range map[string][]string{
		"another table":      {"CREATE TABLE flows (id int)"},
		"another's findings": {"CREATE TABLE findings (id int)", "REVOKE ALL ON findings FROM PUBLIC"},
		"a constraint":       {fmt.Sprintf(flowTableSQL(), ""), "ALTER TABLE flows ADD CHECK (server_port <> 22)", "GRANT ALL ON flows TO PUBLIC"},
	} {
		t.Run(name, func(t *testing.T) {
			db := srv.Database(t)
			srv.Run(t, db, prepare...)
			ctx := context30(t)
			cfg := config(t, srv.DSN(db, db))
			var log lines
			opt := quick(&log)
			opt.Flows = true
			s := New(cfg, "c", opt)
			analysed(ctx, t, s, file, nil)
			closeSink(ctx, t, s)
			if st := s.Status(); st.Stored == 0 || st.Behind != 0 || st.Rejected != 0 {
				t.Errorf("status %+v", st)
			}
			if !strings.Contains(log.String(), "flows and findings are not stored") {
				t.Errorf("the log: %s", log.String())
			}
			r := reader(ctx, t, cfg, "")
			if _, err := r.Flows(ctx, questions.Scope{}, 0, 1); !errors.Is(err, questions.ErrCannotAnswer) {
				t.Errorf("flows: %v", err)
			}
			if _, err := r.Findings(ctx); !errors.Is(err, questions.ErrCannotAnswer) {
				t.Errorf("findings: %v", err)
			}
		})
	}
}
