package page_test

import (
	"testing"

	"github.com/tarrafa/tarrafa/test/page/feed"
)

// TestArchive: any place of a stored capture is painted after a jump, the first rows of a
// filter come before all of it was looked at, and the page does not grow with the capture.
// The bounds are generous: bench/page prints the figures.
func TestArchive(t *testing.T) {
	const packets = 300_000
	dir, err := feed.Archive(t.TempDir(), packets)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Total         int
		P50, P95, Max float64 // milliseconds
		Renderer      float64 // bytes
		Filters       []struct {
			Filter string
			MS     float64
		}
		Problems []string
	}
	drive(t, "archive", viewer(t, build(t), dir), &r, "20")
	t.Logf("%+v", r)
	if r.Total != packets || r.P95 > 3000 || r.Renderer == 0 || r.Renderer > 300e6 || len(r.Filters) != 3 || len(r.Problems) > 0 {
		t.Errorf("%+v", r)
	}
	for _, f := range r.Filters {
		if f.MS > 10_000 {
			t.Errorf("the first rows of %s took %.0f ms", f.Filter, f.MS)
		}
	}
}
