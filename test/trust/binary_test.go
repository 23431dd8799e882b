package trust_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// readers are the ways in which a user looks at a file; FILE and OUT are replaced.
var readers = [][]string{
	{"read", "FILE"},
	{"read", "-T", "fields", "-e", "frame.number", "-e", "ip.src", "-e", "tcp.payload", "-E", "header=y", "FILE"},
	{"read", "--json", "-", "--json-udp", "FILE"},
	{"read", "-w", "OUT.pcapng", "FILE"},
	{"read", "-w", "OUT.pcap", "-f", "tcp or udp or arp", "FILE"},
	{"stats", "FILE"},
	{"stats", "--json", "FILE"},
	{"packets", "--json", "FILE"},
	{"export", "-o", "-", "--format", "csv", "FILE"},
}

// tryFile runs the program over a file in every way, and checks that it ends in order (a
// damaged file is 3, a filter that makes no sense for the link type is 4), in
// time, in little memory, and says nothing that could act on a terminal.
func tryFile(t *testing.T, file, id string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	for _, args := range readers {
		args := append([]string(nil), args...)
		for i := range args {
			args[i] = strings.NewReplacer("FILE", file, "OUT", out).Replace(args[i])
		}
		ctx, cancel := context.WithTimeout(t.Context(), hang)
		cmd := exec.CommandContext(ctx, program, args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		late := ctx.Err() != nil
		cancel()
		what := fmt.Sprintf("%s: %s", id, strings.Join(args, " "))
		if late {
			t.Errorf("%s: not done after %s", what, hang)
			continue
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() != 3 && exit.ExitCode() != 4 || err != nil && exit == nil {
			t.Errorf("%s: %v\n%.1000s", what, err, stderr.String())
		}
		if err != nil && stderr.Len() == 0 {
			t.Errorf("%s: fails and does not say why", what)
		}
		if strings.Contains(stderr.String(), "goroutine ") {
			t.Errorf("%s: panic\n%.1000s", what, stderr.String())
		}
		for name, text := range map[string]string{"stdout": stdout.String(), "stderr": stderr.String()} {
			for line := range strings.SplitSeq(text, "\n") {
				if bad := unclean(line); bad != "" {
					t.Errorf("%s: %s holds a %s: %.200q", what, name, bad, line)
					break
				}
			}
		}
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && usage.Maxrss > maxRSS>>10 {
			t.Errorf("%s: resident %d MB", what, usage.Maxrss>>10)
		}
	}
}

func TestHostileFilesThroughProgram(t *testing.T) {
	forgetPeak(t)
	dir := beside(t, "hostile")
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	must(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f, ".md") {
			t.Run(filepath.Base(f), func(t *testing.T) { tryFile(t, f, filepath.Base(f)) })
		}
	}
}

// A sample of the mutants, so that what the program adds around the packages is tried too.
func TestMutantsThroughProgram(t *testing.T) {
	forgetPeak(t)
	bases := captureBases(t, beside(t, "captures"))
	count := 100
	if testing.Short() {
		count = 10
	}
	file := filepath.Join(t.TempDir(), "mutant.cap")
	for i := range count {
		b := &bases[i%len(bases)]
		m, _, what := mutate(rand.New(rand.NewPCG(*seed, uint64(i))), b.data)
		must(t, os.WriteFile(file, m, 0o600))
		tryFile(t, file, fmt.Sprintf("%s, seed %d, mutant %d (%s)", b.name, *seed, i, what))
	}
}

// Names of files and what they hold come from outside; none of it reaches the terminal raw.
func TestNamesOfFilesAreShownHarmless(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"esc\x1b[2J\x1b]0;owned\a.pcap", "bidi\u202egpj.pcap", "bad\xff\xfe.pcap", "line\nbreak.pcap", "c1\u009b31m.pcap"} {
		file := filepath.Join(dir, name)
		must(t, os.WriteFile(file, []byte("no capture at all\x1b[31m"), 0o600))
		for _, args := range [][]string{{"read", file}, {"stats", file}, {"read", file + "gone"}, {"read", "-f", name, file}, {"read", "-T", "fields", "-e", name, file}} {
			out, err := exec.Command(program, args...).CombinedOutput()
			if err == nil {
				t.Errorf("%q: no error", args)
			}
			for line := range strings.SplitSeq(string(out), "\n") {
				if bad := unclean(line); bad != "" {
					t.Errorf("%q: a %s: %q", args, bad, line)
				}
			}
		}
	}
}

// The database takes every packet, whatever its bytes are, and gives the same bytes back.
func TestHostileStringsAreStoredWhole(t *testing.T) {
	file := filepath.Join(beside(t, "hostile"), "strings.pcap")
	server := pgtest.Start(t)
	name := server.Database(t)
	out, err := exec.Command(program, "read", "--db="+server.DSN(name, name), file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "balanced") {
		t.Errorf("the ledger does not balance:\n%s", out)
	}
	want := lab.CountPackets(t, program, file)
	rows := strings.TrimSpace(server.Run(t, name, "select count(*) || ' ' || count(distinct number) || ' ' || min(number) || ' ' || max(number) from packets"))
	if rows != fmt.Sprintf("%d %d 1 %d", want, want, want) {
		t.Errorf("%d packets, stored (rows, different, first, last): %s\n%s", want, rows, out)
	}
	// Reading it again stores nothing twice.
	begin := time.Now()
	if out, err := exec.Command(program, "read", "--db="+server.DSN(name, name), file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if again := strings.TrimSpace(server.Run(t, name, "select count(*) from packets")); again != fmt.Sprint(want) {
		t.Errorf("%s rows after reading it again (%s)", again, time.Since(begin))
	}
}
