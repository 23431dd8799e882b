package index

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// The findings about segments that retention has taken go when the next segment is read,
// and later ones are still written.
func TestFindingsGoWithTheirSegments(t *testing.T) {
	s := makeArchive(t, 8_000, 200<<10)
	segs := s.Meta.Segments
	if len(segs) < 4 {
		t.Fatalf("%d segments", len(segs))
	}
	c, err := NewConnections(ConnectionsConfig{Root: s.Root(), Capture: s.Meta.ID, Program: "test", Memory: DefaultFlowMemory}, nil)
	if err != nil {
		t.Fatal(err)
	}
	old := Finding{ID: 1000, Kind: "loss", Last: time.Unix(0, segs[0].FirstTime).UTC().Format(time.RFC3339Nano)}
	line, err := json.Marshal(&old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.findings.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	walk := s.Walk(segment.Cursor{})
	defer walk.Close()
	err = track.NewAnalysing(c.Analysis()).Run(t.Context(), walk, applyFunc(func(ctx context.Context, b *track.Batch) error {
		if b.Chunk.Segment == segs[2].Number {
			_ = s.Root().Remove(archive.FileName(segs[0].Number))
			_ = s.Root().Remove(archive.FileName(segs[1].Number))
		}
		return c.Apply(ctx, b)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(); err != nil || c.Unwritten() > 0 {
		t.Fatal(err, c.Unwritten())
	}
	got, err := s.Root().ReadFile(FindingsName)
	if err != nil || len(got) == 0 {
		t.Fatal("no findings:", err)
	}
	kept := time.Unix(0, segs[2].FirstTime)
	for text := range strings.Lines(string(got)) {
		var f Finding
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		if last, err := time.Parse(time.RFC3339Nano, f.Last); err != nil || last.Before(kept) {
			t.Errorf("a finding of a segment that is gone: %s", text)
		}
	}
}

type applyFunc func(context.Context, *track.Batch) error

func (f applyFunc) Apply(ctx context.Context, b *track.Batch) error { return f(ctx, b) }
