package web

import (
	"context"
	"errors"
	"testing"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
)

// everySeventh is a Sift for which every seventh packet of the rig passes, in three
// batches, and then waits for the end.
func everySeventh(ctx context.Context, _ *query.Filter, take func(*track.Batch, uint64)) error {
	for _, from := range []uint64{1, 401, 801} {
		b := batch(from, 400)
		rows := b.Rows[:0]
		for _, s := range b.Rows {
			if s.Number%7 == 0 {
				rows = append(rows, s)
			}
		}
		b.Rows = rows
		take(b, from+400)
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestSiftedFilters: what a row of the hub does not tell is found by running through the
// capture, and has the right places.
func TestSiftedFilters(t *testing.T) {
	r := start(t, func(c *Config) { c.Sift = everySeventh })
	r.add(t, 1200)
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "live", "filter": "tcp.analysis.flags"})
	if m := p.message("view"); m["error"] != nil {
		t.Fatal(m)
	}
	p.say(map[string]any{"type": "window", "view": 1, "request": 0, "from": 0, "count": 3})
	h := p.window(func(h *head) bool { return h.view == 1 && h.flags&windowExact != 0 })
	if h.total != 171 {
		t.Errorf("%d rows", h.total)
	}
	p.say(map[string]any{"type": "window", "view": 1, "request": 1, "from": 100, "count": 3})
	h = p.window(func(h *head) bool { return h.request == 1 && len(h.numbers) == 3 })
	if h.numbers[0] != 707 || h.numbers[2] != 721 {
		t.Errorf("total %d, rows %v", h.total, h.numbers)
	}
	p.say(map[string]any{"type": "window", "view": 1, "request": 2, "count": 2, "follow": true})
	if h = p.window(func(h *head) bool { return h.request == 2 }); len(h.numbers) != 2 || h.numbers[1] != 1197 {
		t.Errorf("followed: %v", h.numbers)
	}
	// A time range is looked at as well.
	p.say(map[string]any{"type": "view", "view": 2, "capture": "live", "filter": "tcp.analysis.flags", "start": "1700000000500000000", "end": "1700000000520000000"})
	p.say(map[string]any{"type": "window", "view": 2, "request": 3, "from": 0, "count": 10})
	p.window(func(h *head) bool { return h.view == 2 && h.flags&windowExact != 0 && h.total == 3 })
	p.say(map[string]any{"type": "window", "view": 2, "request": 4, "from": 0, "count": 10})
	run := p.window(func(h *head) bool { return h.request == 4 }).numbers
	if len(run) != 3 || run[0] != 504 || run[2] != 518 {
		t.Errorf("in the range: %v", run)
	}
	// The one with the range has taken the place of the one without.
	for i, f := range []string{"tcp.stream == 1", "dns.qry.name", "frame contains 61", "tcp.stream == 4"} {
		other := r.connect(t)
		other.say(map[string]any{"type": "view", "view": 1, "capture": "live", "filter": f})
		m := other.message("view")
		e, refused := m["error"].(map[string]any)
		if refused != (i == maxSifts-1) || refused && e["code"] != "cannot_answer" {
			t.Errorf("filter %d: %v", i, m)
		}
	}
}

func TestFiltersThatCannotBeAnswered(t *testing.T) {
	r := start(t, nil)
	r.add(t, 10)
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "live", "filter": "tcp.analysis.flags"})
	m := p.message("view")
	if e, ok := m["error"].(map[string]any); !ok || e["code"] != "cannot_answer" {
		t.Errorf("%v", m)
	}
	broken := start(t, func(c *Config) {
		c.Sift = func(context.Context, *query.Filter, func(*track.Batch, uint64)) error {
			return errors.New("no such segment")
		}
	})
	broken.add(t, 10)
	p = broken.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "live", "filter": "tcp.analysis.flags"})
	p.message("view")
	p.say(map[string]any{"type": "window", "view": 1, "request": 1, "from": 0, "count": 3})
	p.message("error")
}
