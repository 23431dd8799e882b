package page_test

import (
	"os/exec"
	"testing"

	"github.com/tarrafa/tarrafa/test/page/feed"
)

// TestKeys: each key of the help does what it says, over a stored capture as the program
// itself serves it, and what is marked and commented is kept.
func TestKeys(t *testing.T) {
	dir, err := feed.Archive(t.TempDir(), 3000)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Steps    map[string]bool `json:"steps"`
		Links    map[string]int  `json:"links"` // format: bytes, or minus the status
		Problems []string        `json:"problems"`
	}
	drive(t, "keys", viewer(t, build(t), dir), &r)
	for name, ok := range r.Steps {
		if !ok {
			t.Errorf("%s does not work", name)
		}
	}
	if len(r.Steps) < 25 || len(r.Problems) > 0 {
		t.Errorf("%d steps, problems %q, exports %v", len(r.Steps), r.Problems, r.Links)
	}
}

// TestSlow: keys pressed before the server has answered do what they do afterwards.
func TestSlow(t *testing.T) {
	dir, err := feed.Archive(t.TempDir(), 3000)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Steps    map[string]bool `json:"steps"`
		Problems []string        `json:"problems"`
	}
	drive(t, "slow", viewer(t, build(t), dir), &r)
	for name, ok := range r.Steps {
		if !ok {
			t.Errorf("%s: not so", name)
		}
	}
	if len(r.Steps) != 16 || len(r.Problems) > 0 {
		t.Errorf("%d steps, problems %q", len(r.Steps), r.Problems)
	}
}

// TestStory: names of addresses and of applications, endpoints, TCP health and sharkd's
// tree, as the program itself serves them.
func TestStory(t *testing.T) {
	dir, err := feed.Story(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dissector := "sharkd"
	if _, err := exec.LookPath(dissector); err != nil {
		dissector = "none"
	}
	var r struct {
		Steps    map[string]bool `json:"steps"`
		Problems []string        `json:"problems"`
	}
	drive(t, "story", viewer(t, build(t), dir), &r, dissector)
	for name, ok := range r.Steps {
		if !ok {
			t.Errorf("%s: not so", name)
		}
	}
	if len(r.Steps) < 10 || len(r.Problems) > 0 {
		t.Errorf("%d steps, problems %q", len(r.Steps), r.Problems)
	}
	if dissector == "none" {
		missing(t, "sharkd")
	}
}
