package web

import (
	"context"
	"encoding/json"
	"slices"
	"time"

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

func (c *client) sendStatus(ctx context.Context, last bool) error {
	if c.s.cfg.Hub == nil {
		return nil
	}
	snap := c.s.cfg.Hub.Snapshot()
	if snap.Seq == c.seen && !last {
		return nil
	}
	c.seen = snap.Seq
	m := &status{Snapshot: snap, Dropped: snap.Dropped(), Packets: snap.Stats.Packets, Bytes: snap.Stats.Bytes}
	if now := time.Now(); last || now.Sub(c.series) >= time.Second {
		c.series = now
		m.Whole = coarse(snap.Whole, chartPoints)
	}
	return c.send(ctx, message{Type: "status", Status: m})
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
