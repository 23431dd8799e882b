package trust_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sources calls f with every Go file of the repository.
func sources(t *testing.T, f func(path string)) {
	t.Helper()
	must(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			f(path)
		}
		return nil
	}))
}

// Documents of trust, whose claims name the tests that hold them.
var trustDocuments = []string{"docs/threat-model.md", "docs/limits.md", "SECURITY.md"}

// What the documents name exists: tests, folders and files.
func TestDocumentsNameWhatExists(t *testing.T) {
	tests := map[string]bool{}
	definition := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
	sources(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		b, err := os.ReadFile(path)
		must(t, err)
		for _, m := range definition.FindAllStringSubmatch(string(b), -1) {
			tests[m[1]] = true
		}
	})
	name := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
	path := regexp.MustCompile("`((?:test|internal|cmd|bench|tools|packaging|docs|\\.ci)/[\\w./-]*\\w)/?`")
	for _, doc := range trustDocuments {
		b, err := os.ReadFile(filepath.Join("../..", doc))
		must(t, err)
		named := 0
		for _, n := range name.FindAllString(string(b), -1) {
			named++
			if !tests[n] {
				t.Errorf("%s names %s, which does not exist", doc, n)
			}
		}
		for _, m := range path.FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("%s names %s: %v", doc, m[1], err)
			}
		}
		t.Logf("%s names %d tests", doc, named)
	}
}

// Every row of a table of claims, caps or faults names a test: the last column, or the one
// that is called so.
func TestEveryClaimNamesItsTest(t *testing.T) {
	for _, doc := range trustDocuments {
		b, err := os.ReadFile(filepath.Join("../..", doc))
		must(t, err)
		column := -1
		for i, line := range strings.Split(string(b), "\n") {
			if !strings.HasPrefix(line, "|") {
				column = -1
				continue
			}
			cells := strings.Split(strings.Trim(line, "|"), "|")
			if column < 0 {
				for j, c := range cells {
					if c = strings.TrimSpace(c); c == "held by" || c == "test" {
						column = j
					}
				}
				if column < 0 {
					column = len(cells) // a table of something else
				}
				continue
			}
			if column >= len(cells) || strings.HasPrefix(strings.TrimSpace(cells[0]), "---") {
				continue
			}
			if !regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+|make soak`).MatchString(cells[column]) {
				t.Errorf("%s:%d: no test is named for «%s»", doc, i+1, strings.TrimSpace(cells[0]))
			}
		}
	}
}

// The page on dependencies names every module that go.mod asks for and no other; go.mod
// asks for none that no source imports.
func TestEveryDependencyHasItsReason(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	must(t, err)
	page, err := os.ReadFile("../../docs/decisions/0002-dependencies.md")
	must(t, err)
	taken, _, _ := strings.Cut(string(page), "Considered and not taken")
	used := map[string]bool{}
	sources(t, func(path string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		must(t, err)
		for _, i := range file.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			must(t, err)
			used[p] = true
		}
	})
	direct := map[string]bool{}
	for line := range strings.SplitSeq(string(mod), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || !strings.HasPrefix(f[1], "v") || strings.Contains(line, "// indirect") {
			continue
		}
		direct[f[0]] = true
		imported := false
		for p := range used {
			imported = imported || p == f[0] || strings.HasPrefix(p, f[0]+"/")
		}
		if !imported {
			t.Errorf("go.mod asks for %s, and no source imports it", f[0])
		}
	}
	if len(direct) == 0 {
		t.Fatal("go.mod names no module")
	}
	named := map[string]bool{}
	for line := range strings.SplitSeq(taken, "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], " | ")
		for n := range strings.SplitSeq(cell, ", ") {
			if n = strings.TrimSpace(n); strings.Contains(n, "/") {
				named[n] = true
			}
		}
	}
	for m := range direct {
		found := false
		for n := range named {
			found = found || n == m || strings.HasPrefix(n, m+"/")
		}
		if !found {
			t.Errorf("docs/decisions/0002-dependencies.md does not say what %s is for", m)
		}
	}
	for n := range named {
		found := false
		for m := range direct {
			found = found || n == m || strings.HasPrefix(n, m+"/")
		}
		if !found {
			t.Errorf("docs/decisions/0002-dependencies.md names %s, which go.mod does not ask for", n)
		}
	}
}
