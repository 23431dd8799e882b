// Package faults_test breaks things under a running capture and checks what it promises:
// what was sent is stored or reported as lost, nothing is there twice, the ledger balances.
package faults_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

var program string

func TestMain(m *testing.M) {
	path, remove, err := lab.Build("../../cmd/tarrafa")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = path
	code := m.Run()
	remove()
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lines reads the packet numbers of a record, in which no line may be torn.
func lines(t *testing.T, files ...string) (numbers map[uint64]int) {
	t.Helper()
	numbers = map[uint64]int{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		must(t, err)
		for line := range strings.Lines(string(b)) {
			var r struct{ Number uint64 }
			if err := json.Unmarshal([]byte(line), &r); err != nil || !strings.HasSuffix(line, "\n") {
				t.Fatalf("%s: a torn line: %v: %.100q", name, err, line)
			}
			numbers[r.Number]++
		}
	}
	return numbers
}

// doubled counts what is there more than once.
func doubled(numbers map[uint64]int) (n uint64) {
	for _, times := range numbers {
		n += uint64(times - 1)
	}
	return n
}
