package feed

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web"
)

// Live starts a running capture of rate packets a second with behind rows before, and
// returns it with an older one beside it. wait returns when it has ended with ctx.
func Live(ctx context.Context, rate, behind int) (content web.Content, wait func()) {
	var suspended atomic.Int64 // ns since 1970; 0: it is not
	f := New(func(f *Feed) *live.Hub {
		return live.New(live.Config{
			Suspended: func() (t time.Time) {
				if ns := suspended.Load(); ns != 0 {
					t = time.Unix(0, ns)
				}
				return t
			},
			Capture: live.Capture{Interfaces: []string{"feed0"}, Filter: "tcp or udp", Archive: "/captures/feed"},
			Ledger: func() *live.Ledger {
				n := f.Total()
				return &live.Ledger{Received: n, Delivered: n, Written: n, Followers: []live.FollowerEntry{{Name: "statistics", Applied: n}}}
			},
			Sinks: func() []live.Sink {
				return []live.Sink{{Name: "PostgreSQL", State: live.SinkCatching, Behind: 1234, Rows: 98_765, Target: "db.example:5432/packetdb"}}
			},
		})
	})
	f.Fill(behind)
	var stopped [2]chan struct{}
	for i, run := range []func(){func() { f.Run(ctx, rate) }, func() { f.hub.Run(ctx) }} {
		stopped[i] = make(chan struct{})
		go func() { defer close(stopped[i]); run() }()
	}
	now := time.Now()
	ledger := &live.Ledger{Received: 1_000_100, Delivered: 1_000_000, Dropped: 100, Written: 1_000_000}
	return web.Content{
		Hub: f.hub, LiveID: "feed", Stop: func() {},
		Suspend: func(on bool) error {
			ns := int64(0)
			if on {
				ns = time.Now().UnixNano()
			}
			suspended.Store(ns)
			f.Hold(on)
			f.hub.Event(live.Info, "capturing was stopped or started")
			return nil
		},
		Captures: &Shelf{
			Captures: []web.Capture{
				{ID: "older", Name: "20261120T101500Z-eth0", State: "closed", Started: now.Add(-26 * time.Hour), Ended: now.Add(-25 * time.Hour), Interfaces: []string{"eth0"}, Filter: "tcp port 443", Packets: 1_000_000, Bytes: 812_345_678, Ledger: ledger},
				{ID: "feed", Name: "20261121T101500Z-feed0", State: "open", Started: now, Interfaces: []string{"feed0"}, Packets: uint64(behind), Bytes: int64(behind) * 120, Live: true},
			},
			Readers: map[string]query.Reader{"feed": f, "older": Stored(1_000_000)},
		},
	}, func() { <-stopped[0]; <-stopped[1] }
}
