// Package architecture_test holds the rules that the packages of the project keep.
package architecture_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tarrafa/tarrafa/"

// floors: a package imports only from floors below its own.
var floors = map[string]int{
	"internal/nearest": 0,
	"internal/words":   1, "internal/inert": 1, "internal/packet": 1, "internal/filter": 1, "internal/sandbox": 1,
	"internal/segment": 2, "internal/query": 2, "internal/flow": 2, "internal/app": 2, "internal/stats": 2,
	"internal/track": 3, "internal/archive": 3, "internal/capture": 3,
	"internal/index": 4, "internal/postgres": 4, "internal/trafficlog": 4, "internal/live": 4,
	"internal/history": 5, "internal/web": 5, "internal/terminal": 5,
	"cmd/tarrafa": 6,
}

// sideways are imports between neighbours of a floor that the design draws.
var sideways = map[string][]string{
	"internal/query": {"internal/flow", "internal/app"},
}

// never are imports that no floor allows.
var never = map[string][]string{
	"internal/web":      {"internal/capture", "internal/archive", "internal/postgres"},
	"internal/terminal": {"internal/capture", "internal/archive", "internal/web"},
	"internal/index":    {"internal/capture", "internal/web"},
	"internal/postgres": {"internal/archive", "internal/web"},
	"internal/archive":  {"internal/capture", "internal/track", "internal/web"},
	"internal/capture":  {"internal/archive", "internal/track", "internal/web"},
	"internal/history":  {"internal/web", "internal/postgres"},
	"internal/live":     {"net/http"},
}

// pure packages touch neither files nor network.
var pure = []string{"internal/packet", "internal/query", "internal/flow", "internal/app", "internal/stats", "internal/track", "internal/segment"}

var impure = []string{"os", "net/http", "syscall", "golang.org/x/sys/unix"}

// allowed are exceptions: flow asks the kernel for large pages (madvise), which reads and
// writes nothing.
var allowed = map[string]string{"internal/flow": "syscall"}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		for i := range p.Imports {
			p.Imports[i] = strings.TrimPrefix(p.Imports[i], module)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}

func TestImportsGoDown(t *testing.T) {
	for _, p := range packages(t) {
		floor, ok := floors[p.ImportPath]
		if !ok {
			if strings.HasPrefix(p.ImportPath, "internal/") && !under(p.ImportPath) {
				t.Errorf("%s stands on no floor: add it to the table in docs/architecture.md and here", p.ImportPath)
			}
			continue
		}
		for _, i := range p.Imports {
			below, ours := floors[i]
			if ours && below >= floor && !slices.Contains(sideways[p.ImportPath], i) {
				t.Errorf("%s (floor %d) imports %s (floor %d)", p.ImportPath, floor, i, below)
			}
			if slices.Contains(never[p.ImportPath], i) {
				t.Errorf("%s must never import %s", p.ImportPath, i)
			}
			if i == "C" {
				t.Errorf("%s uses cgo", p.ImportPath)
			}
		}
		if floor == 1 {
			for _, i := range p.Imports {
				if strings.HasPrefix(i, "internal/") && floors[i] > 0 {
					t.Errorf("%s imports %s: floor 1 knows no other package", p.ImportPath, i)
				}
			}
		}
	}
}

// under tells whether a package is part of one that has a floor (its test support).
func under(path string) bool {
	for known := range floors {
		if strings.HasPrefix(path, known+"/") {
			return true
		}
	}
	return false
}

func TestPurePackagesDoNoInputOutput(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.ImportPath) {
			continue
		}
		for _, i := range p.Imports {
			if slices.Contains(impure, i) && allowed[p.ImportPath] != i {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}
