package trust_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kernelProperties are what some kernels do not have and no package brings. A test that
// needs one is skipped there, in CI too: its words, and why.
var kernelProperties = map[string]string{
	"no BIG TCP":                  "IPv6 packets beyond 64 KiB: Linux 5.19",
	"no tun devices":              "a driver, missing in many containers",
	"no /dev/full":                "a device, missing in some containers",
	"no /dev/null here":           "a device, missing in some containers",
	"this kernel has no Landlock": "Linux 5.13, and switched on; the start line and docs/threat-model.md say what is missing then",
	"own namespace is out of reach": "a container may keep its own network namespace from being entered; the same is tried over the " +
		"Unix socket without it",
}

// notOurs are words of skips for things that are beside the repository and no part of it,
// of parts of a test that another run of it does, of inputs that a test is not about (made
// by a fuzzer, or compressed where parts are compared), and of peers that answer differently.
var notOurs = []string{"beside the repository", "not part of the repository", "inside of the repository", "shared/", "no shared", "captures not present", "no part of the repository", "scapy differs", "-compare", "SCREENSHOTS names", "the same questions as with the index", "no capture to compare", "\"compressed\""}

// A skipped test proves nothing. What can be installed fails in CI when it is missing;
// what is skipped there nevertheless is listed above with the reason.
func TestSkipsAreFailuresInCI(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			if d != nil && d.IsDir() {
				return filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "skips_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, src, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			text := func(n ast.Node) string { return string(src[set.Position(n.Pos()).Offset:set.Position(n.End()).Offset]) }
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || sel.Sel.Name != "Skip" && sel.Sel.Name != "Skipf" && sel.Sel.Name != "SkipNow" {
					return true
				}
				if why := allowed(text(call), text(f), seen); why != "" {
					t.Errorf("%s: %s: %s", set.Position(call.Pos()), text(call), why)
				}
				return true
			})
		}
		return nil
	})
	must(t, err)
	for words := range kernelProperties {
		if !seen[words] {
			t.Errorf("nothing is skipped for %q any more: take it off the list", words)
		}
	}
}

// allowed says what is wrong with a skip in a function; empty: nothing.
func allowed(call, function string, seen map[string]bool) string {
	for words := range kernelProperties {
		if strings.Contains(call, words) {
			seen[words] = true
			return ""
		}
	}
	for _, words := range notOurs {
		if strings.Contains(call, words) {
			return ""
		}
	}
	if strings.Contains(function, `os.Getenv("CI")`) || strings.Contains(function, "testing.Short()") {
		return ""
	}
	return "skips in CI as well; fail there (lab.Missing), or list the kernel's property"
}
