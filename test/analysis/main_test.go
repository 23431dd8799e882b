// Package analysis_test runs the program over captures that others made and compares what
// it says of their connections with tshark.
package analysis_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	program string
	files   []string // the captures beside the repository
)

func TestMain(m *testing.M) { os.Exit(prepare(m)) }

func prepare(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tarrafa-analysis")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "tarrafa")
	build := exec.Command("go", "build", "-o", program, "github.com/tarrafa/tarrafa/cmd/tarrafa")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	all, err := filepath.Glob(filepath.Join(filepath.Dir(root), "shared", "captures", "*"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, f := range all {
		if !strings.HasSuffix(f, ".md") && !strings.HasSuffix(f, ".tsv") {
			files = append(files, f)
		}
	}
	return m.Run()
}

// needs skips a test that has no captures or no tshark.
func needs(t *testing.T) {
	t.Helper()
	if len(files) == 0 {
		t.Skip("the captures are not part of the repository: no ../shared/captures")
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is not installed")
		}
		t.Skip("tshark is not installed")
	}
}

// run returns what a command prints. That a file is damaged or cut off is no failure: what
// comes before counts.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || out.Len() == 0 && len(args) > 0 && exit.ExitCode() == 1) {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out.Bytes()
}

func tarrafa(t *testing.T, args ...string) []byte {
	t.Helper()
	return run(t, program, args...)
}
