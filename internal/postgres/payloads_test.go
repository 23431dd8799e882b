//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	questions "github.com/tarrafa/tarrafa/internal/query"
)

// storing are options that store flows, and what they said.
func storing(log *lines) Options {
	opt := quick(log)
	opt.Flows, opt.Payload = true, true
	return opt
}

// wholeFile stores the capture of flowFile under the name c.
func wholeFile(ctx context.Context, t *testing.T, cfg Config, opt Options) {
	t.Helper()
	s := New(cfg, "c", opt)
	s.longest = 20 * time.Millisecond
	analysed(ctx, t, s, flowFile(t), nil)
	closeSink(ctx, t, s)
}

// payloadSum is a digest of all payload rows: equal when each is there once, with the same
// content.
func payloadSum(t *testing.T, srv *pgtest.Server, db string) string {
	t.Helper()
	return srv.Run(t, db, "SELECT count(*), md5(string_agg(md5(p::text), '' ORDER BY proto, stream, number)) FROM tarrafa_payloads p",
		"SELECT packet, payloads FROM tarrafa_cursors")
}

// plainSum is what the payload rows of flowFile are without any trouble.
func plainSum(ctx context.Context, t *testing.T) string {
	t.Helper()
	srv, db, cfg := database(t)
	wholeFile(ctx, t, cfg, storing(nil))
	return payloadSum(t, srv, db)
}

// TestPayloadExactlyOnce breaks the connection at random messages and ends the program in
// the middle, with the capture stored without payload before, or not.
func TestPayloadExactlyOnce(t *testing.T) {
	ctx := context30(t)
	want := plainSum(ctx, t)
	for seed, before := range []bool{false, true} {
		t.Run(fmt.Sprintf("rows before: %v", before), func(t *testing.T) {
			srv, db, _ := database(t)
			if before {
				opt := quick(nil)
				opt.Flows = true
				wholeFile(ctx, t, config(t, srv.DSN(pgtest.Superuser, db)), opt)
			}
			p := newProxy(t, srv, randomCuts(uint64(seed), 25, 25))
			opt := storing(nil)
			opt.FlushRows, opt.FlushEvery = 100, 2*time.Millisecond
			for _, share := range []uint64{400, 1000} {
				s := New(config(t, p.dsn(db)), "c", opt)
				s.longest = 20 * time.Millisecond
				analysed(ctx, t, s, flowFile(t), func(packet uint64) bool { return packet > share })
				s.halt() // as if killed
			}
			wholeFile(ctx, t, config(t, p.dsn(db)), opt)
			if got := payloadSum(t, srv, db); got != want || p.cuts.Load() < 5 {
				t.Errorf("payload: %s, want %s, after %d cuts", got, want, p.cuts.Load())
			}
			if got := srv.Run(t, db, "SELECT count(*) = count(DISTINCT number), count(*) = (SELECT stored FROM tarrafa_cursors) FROM packets"); got != "t|t" {
				t.Errorf("the rows: %s", got)
			}
		})
	}
}

// TestPayloadGoesOn: a capture keeps its payload whatever the next start says, and one
// without it gets it from a start that asks for it.
func TestPayloadGoesOn(t *testing.T) {
	ctx := context30(t)
	want := plainSum(ctx, t)
	with, without := storing(nil), quick(nil)
	without.Flows = true
	for name, tt := range map[string]struct {
		first, second Options
		between       []string
	}{
		"asked for once":      {first: with, second: without},
		"asked for later":     {first: without, second: with},
		"an older version's":  {first: without, second: with, between: []string{"ALTER TABLE tarrafa_cursors DROP COLUMN payloads"}},
		"reset by somebody":   {first: with, second: with, between: []string{"UPDATE tarrafa_cursors SET payloads = NULL"}},
		"dropped by somebody": {first: with, second: with, between: []string{"UPDATE tarrafa_cursors SET payloads = NULL", "DROP TABLE tarrafa_payloads"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, db, cfg := database(t)
			s := New(cfg, "c", tt.first)
			analysed(ctx, t, s, flowFile(t), func(packet uint64) bool { return packet > 700 })
			closeSink(ctx, t, s)
			if tt.between != nil {
				srv.Run(t, db, tt.between...)
			}
			if tt.between != nil || !tt.first.Payload {
				r := reader(ctx, t, cfg, "c")
				if _, err := r.Stream(ctx, packet.ProtoTCP, 0, nil); !errors.Is(err, questions.ErrCannotAnswer) {
					t.Errorf("a stream without payload: %v", err)
				}
			}
			wholeFile(ctx, t, cfg, tt.second)
			if got := payloadSum(t, srv, db); got != want {
				t.Errorf("payload: %s, want %s", got, want)
			}
		})
	}
}

// TestPayloadGone: when the first packets whose payload is missing are gone, streams would
// get other numbers than those in the rows; the reader says up to where there is payload.
func TestPayloadGone(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	opt := quick(nil)
	opt.Flows = true
	wholeFile(ctx, t, cfg, opt)
	var log lines
	s := New(cfg, "c", storing(&log))
	_, err := s.Start(ctx)
	must(t, err)
	must(t, s.Apply(ctx, testBatch(10, 5)))
	must(t, s.Apply(ctx, testBatch(15, 5)))
	closeSink(ctx, t, s)
	if got := srv.Run(t, db, "SELECT payloads FROM tarrafa_cursors", "SELECT count(*) FROM tarrafa_payloads"); got != "0\n0" {
		t.Errorf("payloads: %s", got)
	}
	if strings.Count(log.String(), "payload is not stored") != 1 {
		t.Errorf("the log: %s", log.String())
	}
	c, err := reader(ctx, t, cfg, "c").Stream(ctx, packet.ProtoTCP, 0, nil)
	if err != nil || c.Stored != 0 || c.Seen == 0 || c.Packets != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestStreamAnswers: a number that there is not, another conversation with the same number,
// who stops, and rows that make no sense.
func TestStreamAnswers(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	wholeFile(ctx, t, cfg, storing(nil))
	r := reader(ctx, t, cfg, "")
	count := func(p *packet.Summary, fromClient bool, _ []byte) error {
		if fromClient != (p.Inner.DstPort == 22) {
			t.Errorf("packet %d: from the client %v, ports %d to %d", p.Number, fromClient, p.Inner.SrcPort, p.Inner.DstPort)
		}
		return nil
	}
	streams := uint64(number(t, srv.Run(t, db, "SELECT max(stream) + 1 FROM packets")))
	if c, err := r.Stream(ctx, packet.ProtoTCP, 1<<31, count); err != nil || c.Packets != 0 || c.Streams != streams {
		t.Errorf("a number beyond the last one: %+v, %v", c, err)
	}
	if c, err := r.Stream(ctx, packet.ProtoUDP, 0, count); err != nil || c.Packets != 0 || c.Streams != 0 {
		t.Errorf("no UDP: %+v, %v", c, err)
	}
	stop := errors.New("enough")
	if _, err := r.Stream(ctx, packet.ProtoTCP, 0, func(*packet.Summary, bool, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
	whole, err := r.Stream(ctx, packet.ProtoTCP, 0, count)
	must(t, err)
	srv.Run(t, db, "INSERT INTO tarrafa_payloads SELECT capture, proto, 0, number + 1000000, time_ns, from_client, src, src_port + 1, dst, dst_port, tcp_seq, tcp_ack, tcp_flags, size, payload "+
		"FROM tarrafa_payloads WHERE stream = 0")
	c, err := r.Stream(ctx, packet.ProtoTCP, 0, count)
	if err != nil || c.Packets != whole.Packets || c.Others != whole.Packets || whole.Packets == 0 {
		t.Errorf("two of a number: %+v, %v, want %+v", c, err, whole)
	}
	srv.Run(t, db, "UPDATE tarrafa_payloads SET size = 0 WHERE length(payload) > 0")
	if _, err := r.Stream(ctx, packet.ProtoTCP, 0, count); err == nil || !strings.Contains(err.Error(), payloadTable) {
		t.Errorf("a row without sense: %v", err)
	}
}

// TestStreamServerStops: the server goes away while a stream comes.
func TestStreamServerStops(t *testing.T) {
	file := flowFile(t)
	srv := pgtest.Start(t)
	db := srv.Database(t)
	cfg := config(t, srv.DSN(db, db))
	ctx := context30(t)
	s := New(cfg, filepath.Base(file), storing(nil))
	analysed(ctx, t, s, file, nil)
	closeSink(ctx, t, s)
	// More than the sockets hold.
	srv.Run(t, db, "INSERT INTO tarrafa_payloads SELECT capture, proto, 0, 1000000 + n, time_ns, from_client, src, src_port, dst, dst_port, tcp_seq, tcp_ack, tcp_flags, 8000, decode(repeat('00', 8000), 'hex') "+
		"FROM (SELECT * FROM tarrafa_payloads WHERE stream = 0 LIMIT 1) AS one, generate_series(1, 4000) AS n")
	r := reader(ctx, t, cfg, "")
	killed := false
	c, err := r.Stream(ctx, packet.ProtoTCP, 0, func(*packet.Summary, bool, []byte) error {
		if !killed {
			killed = true
			return srv.Kill()
		}
		return nil
	})
	if e, ok := errors.AsType[*Error](err); !ok || c.Packets == 0 || c.Packets > 3000 {
		t.Errorf("%d packets, then %v (%+v)", c.Packets, err, e)
	}
}

// TestPayloadNotAllowed: who may only add rows to tables that an older version made stores
// them as before, and is told what payload needs.
func TestPayloadNotAllowed(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	without := quick(nil)
	without.Flows = true
	s := New(cfg, "old", without)
	_, err := s.Start(ctx)
	must(t, err)
	closeSink(ctx, t, s)
	user := db + "_user"
	srv.Run(t, db, "CREATE ROLE "+user+" LOGIN", "ALTER TABLE tarrafa_cursors DROP COLUMN payloads", "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO "+user, "GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO "+user)
	mine := config(t, srv.DSN(user, db))
	wholeFile(ctx, t, mine, without)
	s = New(mine, "other", storing(nil))
	s.longest = 20 * time.Millisecond
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := s.Start(ctx); err == nil {
			t.Error("payload is stored without a table")
		}
	}()
	if st := problem(t, s, ProblemPermission); !strings.Contains(st.LastError, payloadTable) || !strings.Contains(st.LastError, "GRANT CREATE") {
		t.Errorf("status %+v", st)
	}
	stop()
	<-done
}
