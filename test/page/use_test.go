package page_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tarrafa/tarrafa/test/page/feed"
)

// TestAccessibility: no serious or critical finding of axe-core, and nothing cut off at
// 1280×720, in both themes and languages.
func TestAccessibility(t *testing.T) {
	source, err := filepath.Abs("../../ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("PLAYWRIGHT_CORE"); dir != "" {
		source = filepath.Join(filepath.Dir(dir), "axe-core", "axe.min.js")
	}
	if _, err := os.Stat(source); err != nil {
		missing(t, "axe-core (run: npm ci, in ui)")
	}
	story, err := feed.Story(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, link := range map[string]func(t *testing.T) string{
		"running": func(t *testing.T) string { return liveFeed(t, 500, 20_000).Link() },
		"stored":  func(t *testing.T) string { return viewer(t, build(t), story) },
	} {
		t.Run(name, func(t *testing.T) {
			var r struct {
				Findings []string `json:"findings"`
				Problems []string `json:"problems"`
			}
			drive(t, "axe", link(t), &r, source)
			for _, f := range append(r.Findings, r.Problems...) {
				t.Error(f)
			}
		})
	}
}

// TestKeyboard: the page can be used without a mouse.
func TestKeyboard(t *testing.T) {
	var r struct {
		Steps    map[string]bool `json:"steps"`
		Problems []string        `json:"problems"`
	}
	drive(t, "keyboard", liveFeed(t, 500, 20_000).Link(), &r)
	for name, ok := range r.Steps {
		if !ok {
			t.Errorf("%s does not work by keyboard", name)
		}
	}
	if len(r.Steps) == 0 || len(r.Problems) > 0 {
		t.Errorf("%d steps, problems %q", len(r.Steps), r.Problems)
	}
}

// firstLoad is what the first visit may transfer, bytes, compressed.
const firstLoad = 150_000

// TestFirstLoad: the page is small and there soon.
func TestFirstLoad(t *testing.T) {
	var r struct {
		Ready       int      `json:"ready"`
		Transferred int      `json:"transferred"`
		Requests    int      `json:"requests"`
		Problems    []string `json:"problems"`
	}
	drive(t, "load", liveFeed(t, 500, 20_000).Link(), &r)
	t.Logf("%d bytes in %d requests, rows after %d ms", r.Transferred, r.Requests, r.Ready)
	if r.Transferred == 0 || r.Transferred > firstLoad || len(r.Problems) > 0 {
		t.Errorf("%+v", r)
	}
}
