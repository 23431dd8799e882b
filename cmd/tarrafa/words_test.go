package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/words"
)

var updateWords = flag.Bool("update-words", false, "write the commands' texts into the English catalogue")

// formatters are the local functions that take a text of the catalogue.
var formatters = map[string]bool{"bad": true, "say": true}

// textsOfCommands returns every text of the commands that is to be in the catalogue, with
// where it stands: the help, and what is handed to package words.
func textsOfCommands(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	helpTexts(rootCommand(), func(text *string) {
		if *text != "" {
			texts[*text] = "help"
		}
	})
	var sources []string
	for _, pattern := range []string{"*.go", "../../internal/capture/*.go", "../../internal/archive/*.go", "../../internal/segment/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, found...)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !takesText(call.Fun) {
				return true
			}
			for _, a := range call.Args {
				lit, ok := a.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				if s, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(s, " ") || isWords(call.Fun) {
					texts[s] = set.Position(lit.Pos()).String()
				}
				break // what follows are the values
			}
			return true
		})
	}
	// The thresholds of findings stand behind a text of the catalogue.
	for text := range texts {
		for head := range texts {
			if text != head && strings.HasSuffix(head, ":\n\n") && strings.HasPrefix(text, head) {
				delete(texts, text)
			}
		}
	}
	return texts
}

func takesText(fun ast.Expr) bool {
	name, ok := fun.(*ast.Ident)
	return ok && formatters[name.Name] || isWords(fun)
}

func isWords(fun ast.Expr) bool {
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "words"
}

func TestTextsAreInTheCatalogue(t *testing.T) {
	used := textsOfCommands(t)
	if len(used) < 100 {
		t.Fatalf("only %d texts found", len(used))
	}
	if *updateWords {
		writeEnglish(t, used)
		return
	}
	for l := range words.Languages {
		have := words.Of(l).Commands
		for text, where := range used {
			if have[text] == "" {
				t.Errorf("%s: not in language %d: %q", where, l, text)
			}
		}
		for text := range have {
			if _, ok := used[text]; !ok {
				t.Errorf("language %d: no command says %q", l, text)
			}
		}
	}
	for text, same := range words.Of(words.English).Commands {
		if text != same {
			t.Errorf("the English text of %q is %q", text, same)
		}
	}
}

// TestSentencesOfFindings: the catalogue's English is what findings say, so that its
// translations are of that.
func TestSentencesOfFindings(t *testing.T) {
	if got, want := words.Of(words.English).Findings, flow.Sentences(); !maps.Equal(got, want) {
		t.Errorf("the catalogue says %q, findings say %q", got, want)
	}
	words.Use(words.PortugueseBrazil)
	defer words.Use(words.English)
	var out bytes.Buffer
	if err := writeFindings(&out, []index.Finding{{Severity: "info", Kind: "refused", Key: "finding.refused", Args: map[string]string{"dst": "10.0.0.1:80", "count": "2"}}}, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "Conexões que 10.0.0.1:80 recusou: 2.") {
		t.Error(out.String())
	}
}

func TestHelpInPortuguese(t *testing.T) {
	words.Use(words.PortugueseBrazil)
	defer words.Use(words.English)
	root := rootCommand()
	translateHelp(root)
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs([]string{"capture", "--help"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uso:", "Exemplos:", "interface de onde capturar"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	if code := report(&out, noArgs(root, []string{"x"})); code != exitOptions || !strings.Contains(out.String(), "não recebe argumento") {
		t.Errorf("code %d: %s", code, out.String())
	}
}

// writeEnglish replaces the section of the commands in the English file.
func writeEnglish(t *testing.T, used map[string]string) {
	t.Helper()
	const name = "../../internal/words/en.json"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]string
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	same := map[string]string{}
	for _, text := range slices.Sorted(maps.Keys(used)) {
		same[text] = text
	}
	all["commands"] = same
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
