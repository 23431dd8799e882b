// Package trust_test tries to abuse the program: its privileges, its parsers, its memory.
package trust_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

var program, prober string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	for _, b := range []struct {
		to  *string
		pkg string
	}{{&program, "../../cmd/tarrafa"}, {&prober, "./probe"}} {
		path, remove, err := lab.Build(b.pkg)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer remove()
		*b.to = path
	}
	return m.Run()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
