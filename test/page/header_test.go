package page_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/test/page/feed"
)

// TestHeader: capturing is stopped and started from the header, by mouse and keyboard, and
// says so; packets come only while it is not stopped.
func TestHeader(t *testing.T) {
	var r struct {
		Steps    map[string]bool `json:"steps"`
		Problems []string        `json:"problems"`
	}
	drive(t, "capturing", liveFeed(t, 2000, 20_000).Link(), &r)
	for name, ok := range r.Steps {
		if !ok {
			t.Errorf("%s: not so", name)
		}
	}
	if len(r.Steps) != 7 || len(r.Problems) > 0 {
		t.Errorf("%d steps, problems %q", len(r.Steps), r.Problems)
	}
}

// analysed is a shelf whose captures have flows and findings, so that all views are there.
type analysed struct{ *feed.Shelf }

// Analyse implements web.Analyser.
func (analysed) Analyse(context.Context, string, func(uint64)) (*web.Analysis, error) {
	return &web.Analysis{Flows: []int{}, Findings: []int{}}, nil
}

// TestOutputs: how each output is doing stands in the header, with a sign and in words.
func TestOutputs(t *testing.T) {
	sinks := []live.Sink{
		{Name: "PostgreSQL", Target: "db.example:5432/packetdb", State: live.SinkRetrying, Rows: 40_000, Behind: 12_345, Error: "connection refused"},
		{Name: "JSON", Target: "logs/traffic.json", State: live.SinkOK, Rows: 52_345},
		{Name: "file", Target: "<b>x</b>.pcapng", State: live.SinkStopped, Error: "no space left on device", Behind: 7},
	}
	f := feed.New(func(*feed.Feed) *live.Hub {
		return live.New(live.Config{
			Sinks: func() []live.Sink { return sinks },
			Ledger: func() *live.Ledger {
				return &live.Ledger{Followers: []live.FollowerEntry{{Name: "index", Behind: 1_500_000}}}
			},
		})
	})
	f.Fill(1000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Hub().Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	s := serve(t, web.Config{Content: web.Content{Hub: f.Hub(), LiveID: "feed", Captures: analysed{&feed.Shelf{
		Captures: []web.Capture{{ID: "feed", Name: "feed", State: "open", Live: true}}, Readers: map[string]query.Reader{"feed": f},
	}}, Stop: func() {}, Suspend: func(bool) error { return nil }}})
	var r struct {
		Outputs []struct {
			Text, Title, Colour string
			Inside              bool
		}
		Wide     []string // what does not fit
		Problems []string
	}
	drive(t, "outputs", s.Link(), &r)
	want := []struct{ text, title string }{
		{"✕ file−7", "file: stopped · behind by 7 · 0 written · <b>x</b>.pcapng · no space left on device"},
		{"⚠ PG−12 k", "PostgreSQL: not reachable · behind by 12,345 · 40,000 written · db.example:5432/packetdb · connection refused"},
		{"◐ index−1,500 k", "index: catching up · behind by 1,500,000"},
		{"● JSON", "JSON: up to date · 52,345 written · logs/traffic.json"},
	}
	if len(r.Outputs) != len(want) || len(r.Problems) > 0 {
		t.Fatalf("%+v", r)
	}
	for i, w := range want {
		got := r.Outputs[i]
		if strings.Join(strings.Fields(got.Text), " ") != w.text || got.Title != w.title || !got.Inside {
			t.Errorf("output %d: %+v, want %+v", i, got, w)
		}
	}
	for _, w := range r.Wide {
		t.Error(w)
	}
	if r.Outputs[0].Colour == r.Outputs[3].Colour {
		t.Error("one in trouble looks like one that works")
	}
}
