// Package live_test runs the real program on real traffic, in network namespaces that it
// makes itself: what a user does, and the faults that a user meets.
package live_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

var binary string

func TestMain(m *testing.M) {
	program, remove, err := lab.Build("github.com/tarrafa/tarrafa/cmd/tarrafa")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = program
	code := m.Run()
	remove()
	os.Exit(code)
}

// start runs the program in the namespace.
func start(t *testing.T, ns lab.Namespace, args ...string) *lab.Run {
	t.Helper()
	return lab.Start(t, ns.Command(binary, args...))
}
