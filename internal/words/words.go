// Package words holds the program's visible texts in each language that it speaks: one
// file a language, for the commands, the terminal view, the page and the findings.
//
// The commands' texts are named by their English wording, so that the code can be read
// where it prints; a text that a language lacks is printed in English. What machines read
// (JSON, CSV, field names, log lines, exit codes) is never translated.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
)

// Language is one of those that the program speaks.
type Language uint8

// The languages.
const (
	English Language = iota
	PortugueseBrazil
	Languages // how many there are
)

var files = [Languages]string{"en.json", "pt-BR.json"}

//go:embed en.json pt-BR.json
var embedded embed.FS

// Catalogue is one language's texts. The page's own section is not read here.
type Catalogue struct {
	Commands map[string]string `json:"commands"` // by their English wording
	Terminal map[string]string `json:"terminal"` // by key
	Findings map[string]string `json:"findings"` // sentences by key; names of values stand in braces
}

var catalogues [Languages]func() *Catalogue

func init() {
	for l := range Languages {
		catalogues[l] = sync.OnceValue(func() *Catalogue {
			b, err := embedded.ReadFile(files[l])
			if err != nil {
				panic(err) // the names are constants
			}
			c := new(Catalogue)
			if err := json.Unmarshal(b, c); err != nil {
				panic(err) // a test reads both
			}
			return c
		})
	}
}

// Of returns a language's texts; they are not to be changed.
func Of(l Language) *Catalogue { return catalogues[l]() }

// From returns the language that the environment asks for, by POSIX's order LC_ALL,
// LC_MESSAGES, LANG. getenv is os.Getenv or the like.
func From(getenv func(string) string) Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			if strings.HasPrefix(strings.ToLower(value), "pt") {
				return PortugueseBrazil
			}
			return English
		}
	}
	return English
}

var chosen atomic.Uint32

// Use makes l the language of T, Sprintf, Errorf and Fprintf, for the whole process.
func Use(l Language) { chosen.Store(uint32(l)) }

// Chosen returns the language of the process.
func Chosen() Language { return Language(chosen.Load()) }

// T returns a text of the commands in the chosen language.
func T(english string) string {
	if l := Chosen(); l != English {
		if s, ok := Of(l).Commands[english]; ok {
			return s
		}
	}
	return english
}

// Finding returns the sentence of a finding in the chosen language: the text of key with its
// values put in, which are never looked into for names. A language that lacks it says it in
// English.
func Finding(key string, values map[string]string, english string) string {
	text, ok := Of(Chosen()).Findings[key]
	if !ok {
		return english
	}
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Sprintf formats a text of the commands in the chosen language.
func Sprintf(english string, args ...any) string { return fmt.Sprintf(T(english), args...) }

// Errorf makes an error of a text of the commands in the chosen language.
func Errorf(english string, args ...any) error { return fmt.Errorf(T(english), args...) }

// Fprintf prints a text of the commands in the chosen language.
func Fprintf(w io.Writer, english string, args ...any) (int, error) {
	return fmt.Fprintf(w, T(english), args...)
}
