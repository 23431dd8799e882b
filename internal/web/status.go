package web

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/stats"
)

const statisticsTop = 20

// message is what a client gets as JSON.
type message struct {
	Type       string         `json:"type"` // view, status, statistics, error
	View       uint32         `json:"view,omitempty"`
	Error      *problem       `json:"error,omitempty"`
	Status     *status        `json:"status,omitempty"`
	Statistics json.Marshaler `json:"statistics,omitempty"`
}

// status is a snapshot without its statistics.
type status struct {
	*live.Snapshot
	Stats   struct{}      `json:"stats"`
	Whole   *stats.Series `json:"series,omitempty"` // once a second, in few points
	Dropped uint64        `json:"dropped"`
	Packets uint64        `json:"packets"`
	Bytes   uint64        `json:"bytes"`
}

// told is a message that is the same for all clients: it is made once for those who want it
// at about the same time.
type told struct {
	mu   sync.Mutex
	seq  uint64 // of the snapshot that it speaks of
	made time.Time
	text []byte
}

// get returns the message and the number of its snapshot. One that is not older than age is
// good enough, when it is newer than seen.
func (t *told) get(age time.Duration, seen uint64, fresh func() (uint64, message)) (uint64, []byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != nil && t.seq > seen && time.Since(t.made) < age {
		return t.seq, t.text, nil
	}
	seq, m := fresh()
	text, err := json.Marshal(m)
	if err != nil {
		return 0, nil, err
	}
	t.seq, t.made, t.text = seq, time.Now(), text
	return seq, text, nil
}

// statusMessages are those without and with the series.
type statusMessages [2]told

func (c *client) sendStatus(ctx context.Context, last bool) error {
	hub := c.s.cfg.Hub
	if hub == nil || hub.Snapshot().Seq == c.seen && !last {
		return nil
	}
	kind, age := 0, statusEvery/2
	if now := time.Now(); last || now.Sub(c.series) >= time.Second {
		c.series = now
		kind = 1
	}
	if last {
		age = 0
	}
	seq, text, err := c.s.statuses[kind].get(age, c.seen, func() (uint64, message) {
		snap := hub.Snapshot()
		m := &status{Snapshot: snap, Dropped: snap.Dropped(), Packets: snap.Stats.Packets, Bytes: snap.Stats.Bytes}
		if kind == 1 {
			m.Whole = coarse(snap.Whole, chartPoints)
		}
		return snap.Seq, message{Type: "status", Status: m}
	})
	if err != nil {
		return err
	}
	c.seen = seq
	return c.write(ctx, websocket.MessageText, text)
}

// sendStatistics sends them when there are newer ones.
func (c *client) sendStatistics(ctx context.Context) error {
	hub := c.s.cfg.Hub
	seq, text, err := c.s.statistics.get(statsEvery/2, c.lastStat, func() (uint64, message) {
		// The number first: the statistics are then at least as new.
		return hub.Snapshot().Seq, message{Type: "statistics", Statistics: hub.Statistics(statisticsTop)}
	})
	if err != nil {
		return err
	}
	c.lastStat = seq
	return c.write(ctx, websocket.MessageText, text)
}

const chartPoints = 600

// coarse adds up neighbouring points until at most limit are left.
func coarse(s stats.Series, limit int) *stats.Series {
	k := (len(s.Points) + limit - 1) / limit
	if k <= 1 {
		return &s
	}
	out := stats.Series{Start: s.Start, Width: s.Width * int64(k)}
	for points := range slices.Chunk(s.Points, k) {
		var sum stats.Point
		for _, p := range points {
			sum.Packets += p.Packets
			sum.Bytes += p.Bytes
		}
		out.Points = append(out.Points, sum)
	}
	return &out
}
