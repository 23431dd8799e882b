package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// databaseSink is the name of the sink in the ledger and in capture.json.
const databaseSink = "PostgreSQL"

// database is the output behind --db.
type database struct {
	cfg  postgres.Config
	opt  postgres.Options
	sink *postgres.Sink
}

// databaseConfig reads the value of --db and the environment.
func databaseConfig(dsn string) (postgres.Config, error) {
	if dsn == fromEnvironment {
		dsn = ""
	}
	cfg, err := postgres.ParseConfig(dsn, os.Getenv)
	if err != nil {
		return cfg, &exitError{code: exitDatabase, err: err, mend: "write for example: --db postgres://user@localhost:5432/packetdb, or set DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD"}
	}
	return cfg, nil
}

func openDatabase(cfg postgres.Config, t outputTarget) (*output, error) {
	d := &database{cfg: cfg, opt: postgres.Options{Log: t.log}}
	d.sink = postgres.New(cfg, t.id, d.opt)
	return &output{
		name: databaseSink, sink: d, applied: d.applied, parts: d.parts, state: d.state, close: d.sink.Close, follow: d.follow,
	}, nil
}

// Apply implements track.Follower. The sink retries by itself; what it reports is final
// for this run.
func (d *database) Apply(ctx context.Context, b *track.Batch) error {
	err := d.sink.Apply(ctx, b)
	if errors.Is(err, postgres.ErrRestart) || errors.Is(err, postgres.ErrClosed) {
		return &track.FatalError{Err: err}
	}
	return err
}

// follow stores what tail hands out, from the place where the database says that it is,
// and again from there when somebody else has moved that.
func (d *database) follow(ctx context.Context, from func(segment.Cursor) track.Chunks, t *track.Tracker) error {
	for {
		cursor, err := d.sink.Start(ctx)
		if err != nil {
			return err
		}
		err = t.Run(ctx, from(cursor), d)
		if !errors.Is(err, postgres.ErrRestart) {
			return err
		}
	}
}

// applied is what is in the database for good.
func (d *database) applied() uint64 {
	if n := d.sink.Committed().Packet; n > 0 {
		return n - 1
	}
	return 0
}

// parts is what applied is made of.
func (d *database) parts() map[string]uint64 {
	st := d.sink.Status()
	return map[string]uint64{"stored": st.Stored, "skipped": st.Skipped, "rejected": st.Rejected}
}

func (d *database) state() live.Sink {
	st := d.sink.Status()
	s := live.Sink{Name: databaseSink, Target: st.Server, State: live.SinkOK, Rows: st.Stored, Error: st.LastError}
	if !st.Connected {
		s.State = live.SinkRetrying
	}
	return s
}

// catchUp sends to the database what earlier captures of the data directory still owe it:
// those that ended while it was away, or by a crash.
func (d *database) catchUp(ctx context.Context, log *slog.Logger, dataDir, current string) {
	dirs, err := archive.List(dataDir)
	if err != nil {
		log.Warn("earlier captures cannot be listed", "error", err)
		return
	}
	for _, dir := range dirs {
		if dir == current {
			continue
		}
		s, err := archive.Open(dir)
		if err != nil {
			continue // said when somebody opens that capture
		}
		if owes(&s.Meta) {
			d.catchUpOne(ctx, log, s)
		}
		_ = s.Close()
		if ctx.Err() != nil {
			return
		}
	}
}

// owes tells whether a capture had this sink and did not finish with it.
func owes(m *archive.Meta) bool {
	wanted := false
	for _, name := range m.Sinks {
		wanted = wanted || name == databaseSink
	}
	if !wanted || m.Ledger == nil {
		return wanted
	}
	for _, f := range m.Ledger.Followers {
		if f.Name == databaseSink {
			return f.Behind > 0
		}
	}
	return true
}

func (d *database) catchUpOne(ctx context.Context, log *slog.Logger, s *archive.Stored) {
	old := &database{cfg: d.cfg, opt: d.opt, sink: postgres.New(d.cfg, s.Meta.ID, d.opt)}
	t := track.New()
	var walk *archive.Walk
	err := old.follow(ctx, func(c segment.Cursor) track.Chunks {
		walk = s.Walk(c)
		return walk
	}, t)
	if err == nil {
		err = old.sink.Close(ctx)
	}
	if walk == nil {
		return
	}
	defer walk.Close()
	if err != nil {
		log.Warn("an earlier capture is not wholly in the database yet", "capture", s.Dir(), "error", err)
		return
	}
	log.Info("an earlier capture is now wholly in the database", "capture", s.Dir(), "packets", t.Applied())
	if err := s.Settle(archive.FollowerEntry{
		Name: databaseSink, Applied: old.applied(), Expired: walk.Expired(), Parts: old.parts(),
	}); err != nil {
		log.Warn("the earlier capture's ledger could not be written", "capture", s.Dir(), "error", err)
	}
}
