package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

// databaseSink is the name of the sink in the ledger and in capture.json.
const databaseSink = "PostgreSQL"

// database is the output behind --db.
type database struct {
	cfg    postgres.Config
	opt    postgres.Options
	sink   *postgres.Sink
	memory int64           // for flows
	limits flow.Thresholds // for findings

	// Of the run in hand.
	analysis *track.Analysis
	watch    *flow.Watch
	cursor   uint64 // number of the first packet that is not in the database
	at       uint64 // behind the last batch
	first    uint64 // the first packet that there is; 0: not known yet
}

// databaseConfig reads the value of --db and the environment.
func databaseConfig(dsn string) (postgres.Config, error) {
	if dsn == fromEnvironment {
		dsn = ""
	}
	cfg, err := postgres.ParseConfig(dsn, os.Getenv)
	if err != nil {
		return cfg, &exitError{code: exitDatabase, err: err, mend: words.T("write for example: --db postgres://user@localhost:5432/packetdb, or set DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD")}
	}
	return cfg, nil
}

func openDatabase(cfg postgres.Config, t outputTarget) (*output, error) {
	d := &database{cfg: cfg, opt: postgres.Options{Log: t.log, Flows: !t.part, Payload: t.payload}, memory: t.flowMemory, limits: t.limits}
	d.sink = postgres.New(cfg, t.id, d.opt)
	return &output{
		name: databaseSink, sink: d, applied: d.applied, parts: d.parts, state: d.state, close: d.sink.Close, follow: d.follow,
	}, nil
}

// Apply implements track.Follower. The sink retries by itself; what it reports is final
// for this run.
func (d *database) Apply(ctx context.Context, b *track.Batch) error {
	d.at = b.Next.Packet
	err := d.sink.Apply(ctx, b)
	if errors.Is(err, postgres.ErrRestart) || errors.Is(err, postgres.ErrClosed) {
		return &track.FatalError{Err: err}
	}
	return err
}

// follow stores what tail hands out, from the place where the database says that it is,
// and again from there when somebody else has moved that.
// It reads the capture from its beginning, because flows and findings depend on all packets
// before; of what is in the database already nothing is stored again.
func (d *database) follow(ctx context.Context, from func(segment.Cursor) track.Chunks, _ *track.Tracker) error {
	for {
		t, err := d.start(ctx)
		if err != nil {
			return err
		}
		chunks := from(segment.Cursor{})
		if k, ok := chunks.(interface{ Known(packet uint64) }); ok {
			k.Known(d.cursor)
		}
		err = t.Run(ctx, &beginning{chunks, &d.first}, d)
		if err == nil {
			d.finish()
		}
		if !errors.Is(err, postgres.ErrRestart) {
			return err
		}
	}
}

// start connects and returns the tracker whose batches Apply is to get, from the first
// packet of the capture on.
func (d *database) start(ctx context.Context) (*track.Tracker, error) {
	cursor, err := d.sink.Start(ctx)
	if err != nil {
		return nil, err
	}
	d.cursor, d.at, d.first = cursor.Packet, 0, 0
	d.watch = flow.NewWatch(flow.WatchOptions{Thresholds: d.limits, Found: d.found})
	d.analysis = track.NewAnalysis(track.AnalysisOptions{Memory: d.memory, Watch: d.watch, Ended: d.ended})
	return track.NewAnalysing(d.analysis), nil
}

// finish hands over what is left at the end of a capture: the flows that are open, and
// what the findings have grown to since they were told. The sink's Close stores it.
func (d *database) finish() {
	d.analysis.Drain()
	d.watch.Finish()
}

// beginning notes the number of the first packet that comes.
type beginning struct {
	track.Chunks
	first *uint64
}

func (b *beginning) Next(ctx context.Context) (*segment.Chunk, error) {
	c, err := b.Chunks.Next(ctx)
	if err == nil && *b.first == 0 {
		*b.first = c.First
	}
	return c, err
}

// told tells whether flows and findings of a moment are in the database already, although
// they look different now, because the beginning of the capture is gone.
func (d *database) told() bool { return d.first > 1 && d.at < d.cursor }

func (d *database) ended(c *track.Conversation) {
	if !d.told() {
		d.sink.Ended(c)
	}
}

func (d *database) found(f *flow.Finding) {
	if d.told() {
		return
	}
	if d.first > 1 && d.cursor > 1 {
		other := *f
		other.ID += d.first << 20 // those from before are numbered in another way
		f = &other
	}
	d.sink.Found(f)
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
		if owes(&s.Meta, databaseSink) {
			d.catchUpOne(ctx, log, s)
		}
		_ = s.Close()
		if ctx.Err() != nil {
			return
		}
	}
}

// owes tells whether a capture had a sink and did not finish with it.
func owes(m *archive.Meta, sink string) bool {
	wanted := slices.Contains(m.Sinks, sink)
	if !wanted || m.Ledger == nil {
		return wanted
	}
	for _, f := range m.Ledger.Followers {
		if f.Name == sink {
			return f.Behind > 0
		}
	}
	return true
}

func (d *database) catchUpOne(ctx context.Context, log *slog.Logger, s *archive.Stored) {
	old := &database{cfg: d.cfg, opt: d.opt, memory: d.memory, limits: d.limits, sink: postgres.New(d.cfg, s.Meta.ID, d.opt)}
	var walk *archive.Walk
	err := old.follow(ctx, func(c segment.Cursor) track.Chunks {
		walk = s.Walk(c)
		return walk
	}, nil)
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
	log.Info("an earlier capture is now wholly in the database", "capture", s.Dir(), "packets", old.applied())
	if err := s.Settle(archive.FollowerEntry{
		Name: databaseSink, Applied: old.applied(), Expired: walk.Expired(), Parts: old.parts(),
	}); err != nil {
		log.Warn("the earlier capture's ledger could not be written", "capture", s.Dir(), "error", err)
	}
}
