package track_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// fileSource reads a capture file.
type fileSource struct{ *segment.Reader }

func (f fileSource) Next(context.Context) (*segment.Chunk, error) { return f.Reader.Next() }

// watchFile reads a capture and returns what was found in it.
func watchFile(t *testing.T, name string) (found []*flow.Finding, c track.AnalysisCounters) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := segment.NewReader(bytes.NewReader(data), segment.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w := flow.NewWatch(flow.WatchOptions{})
	a := track.NewAnalysis(track.AnalysisOptions{Watch: w})
	if err := track.NewAnalysing(a).Run(t.Context(), fileSource{r}, follower(func(*track.Batch) error { return nil })); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	a.Drain()
	for f := range w.All() {
		found = append(found, f)
	}
	return found, a.Counters()
}

// Each detector speaks over the capture that shows what it looks for, and is silent over
// the one that is much like it. internal/flow writes both.
func TestFindingsOfCaptures(t *testing.T) {
	names, err := filepath.Glob("../flow/testdata/findings/*.pcap")
	if err != nil || len(names) != 34 {
		t.Fatalf("%d captures: %v", len(names), err)
	}
	for _, name := range names {
		kind := strings.TrimSuffix(filepath.Base(name), ".pcap")
		kind, quiet := strings.CutSuffix(kind, "-not")
		t.Run(filepath.Base(name), func(t *testing.T) {
			found, c := watchFile(t, name)
			n := 0
			for _, f := range found {
				if f.Kind.String() == kind {
					n++
					if quiet {
						t.Errorf("found: %s", f.Sentence())
					}
					if len(f.Evidence()) == 0 {
						t.Error("no evidence")
					}
				}
			}
			if !quiet && n != 1 {
				t.Errorf("%d findings of the kind among %d", n, len(found))
			}
			fl := c.Flow
			if fl.Flows != fl.Idle+fl.Closed+fl.Forced+fl.Reused+fl.Drained+fl.Live || fl.NoFlow != 0 {
				t.Errorf("flows do not add up, or packets belong to none: %+v", fl)
			}
		})
	}
}
