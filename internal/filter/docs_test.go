package filter

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentation compiles every example of docs/filter.md.
func TestDocumentation(t *testing.T) {
	b, err := os.ReadFile("../../docs/filter.md")
	if err != nil {
		t.Fatal(err)
	}
	comment := regexp.MustCompile(`\s{2,}#.*$`)
	kind, n := "", 0
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if s, ok := strings.CutPrefix(line, "```"); ok {
			kind = s
			continue
		}
		if !strings.HasPrefix(kind, "filter") {
			continue
		}
		expr := comment.ReplaceAllString(line, "")
		_, err := Compile(expr, Target{LinkType: linkEther, Live: kind == "filter live", Resolver: docNames{}})
		if (err != nil) != (kind == "filter refused") {
			t.Errorf("%s (%s): %v", expr, kind, err)
		}
		n++
	}
	if n < 60 {
		t.Errorf("only %d examples found", n)
	}
}

// docNames knows the names of the documentation.
type docNames struct{ noNames }

func (docNames) Protocol(name string) (int, bool) {
	n, ok := map[string]int{"sctp": ipSCTP}[name]
	return n, ok
}
