//go:build amd64

package trust_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// madeCapture writes a pcap file of n TCP packets of one connection each.
func madeCapture(t *testing.T, name string, n int) {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	for i := range n {
		f := tcpFrame(100)
		binary.BigEndian.PutUint16(f[16:], uint16(len(f)-14))
		binary.BigEndian.PutUint32(f[26:], 0x0a000100+uint32(i%200))
		f[47] = 0x18
		for _, v := range []uint32{1_700_000_000 + uint32(i/1000), uint32(i%1000) * 1000, uint32(len(f)), uint32(len(f))} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, f...)
	}
	must(t, os.WriteFile(name, b, 0o600))
}

// fullPipe returns a pipe that takes nothing more, so that who writes to it waits, and how
// much stands in it.
func fullPipe(t *testing.T) (r, w *os.File, full int) {
	t.Helper()
	var fds [2]int
	must(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	size, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, 4096)
	must(t, err)
	if n, err := unix.Write(fds[1], make([]byte, size)); err != nil || n != size {
		t.Fatalf("%d bytes in the pipe: %v", n, err)
	}
	return os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe"), size
}

// watched runs a command whose output nobody takes until every thread was seen to have
// given up everything but the capabilities that may stay; it returns the output.
func watched(t *testing.T, cmd *exec.Cmd, capabilities string) string {
	t.Helper()
	r, w, full := fullPipe(t)
	defer func() { _ = r.Close() }()
	var talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &talk
	must(t, cmd.Start())
	_ = w.Close()
	want := map[string]string{
		"CapInh": none, "CapPrm": capabilities, "CapEff": capabilities, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
	}
	if capabilities == asUser {
		want["CapPrm"], want["CapEff"] = none, none
		delete(want, "CapBnd") // who has no right to empty it does not need to
	}
	wrong := "never looked"
	for end := time.Now().Add(20 * time.Second); wrong != "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		wrong = ""
		for _, s := range statuses(t, cmd.Process.Pid) {
			if strings.HasPrefix(s["State"], "Z") {
				wrong = "the program has ended"
			}
			for k, v := range want {
				if s[k] != v {
					wrong = fmt.Sprintf("thread %s: %s is %q, want %q", s["Pid"], k, s[k], v)
				}
			}
		}
		if wrong == "the program has ended" {
			break
		}
	}
	out, err := io.ReadAll(r)
	must(t, err)
	if err := cmd.Wait(); err != nil || len(out) <= full {
		t.Errorf("%v: %v\n%s", cmd.Args[1:], err, talk.String())
	}
	if wrong != "" {
		t.Errorf("%v: %s", cmd.Args[1:], wrong)
	}
	return string(out[min(full, len(out)):])
}

const (
	none         = "0000000000000000"
	foreignFiles = "0000000000000002" // CAP_DAC_OVERRIDE, for other users' captures
	asUser       = "a user's"
)

// Every command that looks at bytes from outside, asked about files or about a database,
// has given up everything on all threads, and its feature works all the same.
func TestEveryCommandIsConfined(t *testing.T) {
	lab.NeedsRoot(t)
	lab.Needs(t, "setpriv")
	dir := lab.OpenDir(t)
	file, data := filepath.Join(dir, "made.pcap"), filepath.Join(dir, "data")
	madeCapture(t, file, 3000)
	server := pgtest.Start(t)
	name := server.Database(t)
	socket := server.DSN(name, name)
	out := watched(t, exec.Command(program, "import", "--data-dir", data, file), foreignFiles)
	if !strings.HasPrefix(out, "3000 packets in "+data) {
		t.Fatalf("import: %s", out)
	}
	private(t, data)
	capture := strings.TrimSpace(strings.TrimPrefix(out, "3000 packets in "))
	if out, err := exec.Command(program, "read", "--db="+socket, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, args := range [][]string{
		{"reindex", "--all", data},
		{"reindex", "--all", capture},
		{"read", file}, {"read", "-T", "fields", "-e", "frame.number", file},
		{"stats", file}, {"stats", capture}, {"top", "ip.src", capture}, {"series", capture}, {"packets", capture},
		{"flows", file}, {"flows", capture}, {"follow", "--stream", "0", file},
		{"filter", "--on", file, "tcp port http"},
		{"findings", file, file}, // of two files each is named
		{"export", "--format", "csv", "-o", "-", capture}, {"export", "--format", "csv", "-o", "-", file},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			watched(t, exec.Command(program, args...), foreignFiles)
		})
	}

	// By name, with the password of a file, and by address; by socket.
	pass := filepath.Join(dir, "pgpass")
	must(t, os.WriteFile(pass, fmt.Appendf(nil, "*:*:*:%s:%s\n", pgtest.Superuser, pgtest.Password), 0o600))
	for way, dsn := range map[string]string{
		"socket":  socket,
		"address": fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", pgtest.Superuser, pgtest.Password, server.Port, name),
		"name":    fmt.Sprintf("host=localhost port=%d dbname=%s user=%s sslmode=disable", server.Port, name, pgtest.Superuser),
	} {
		for _, args := range [][]string{
			{"stats"}, {"top", "src"}, {"series"}, {"packets"}, {"export", "--format", "csv", "-o", "-"},
			{"flows"}, {"findings"},
		} {
			t.Run(args[0]+" --db by "+way, func(t *testing.T) {
				cmd := exec.Command(program, append(args, "--db="+dsn)...)
				cmd.Env = append(os.Environ(), "PGPASSFILE="+pass)
				watched(t, cmd, none)
			})
		}
	}

	t.Run("as a user", func(t *testing.T) {
		own, made := filepath.Join(dir, "own"), filepath.Join(dir, "made-by-user.pcap")
		madeCapture(t, made, 10)
		must(t, os.Chmod(made, 0o644))
		out := watched(t, exec.Command("setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups", program, "import", "--data-dir", own, made), asUser)
		if !strings.HasPrefix(out, "10 packets") {
			t.Errorf("import: %s", out)
		}
		private(t, own)
	})
}

// Names in filters are asked for while the files that know them are in reach.
func TestFilterNamesWorkInTheSandbox(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made.pcap")
	madeCapture(t, file, 5)
	for _, args := range [][]string{{"read", "-T", "fields", "-e", "frame.number", "-f", "EXPR", file}, {"filter", "--on", file, "EXPR"}} {
		for expr, known := range map[string]bool{
			"dst port https": true, "not host localhost": true, "not port gopher": true, "not ip proto ospf": true, "not net loopback": true,
			"host nowhere.invalid": false, "port nonsense": false,
		} {
			a := slices.Clone(args)
			for i := range a {
				if a[i] == "EXPR" {
					a[i] = expr
				}
			}
			out, err := exec.Command(program, a...).CombinedOutput()
			if known && (err != nil || strings.TrimSpace(string(out)) != "1\n2\n3\n4\n5" && !strings.HasPrefix(string(out), "5 of 5")) {
				t.Errorf("%q: %v: %s", a, err, out)
			}
			if !known && (err == nil || !strings.Contains(string(out), "unknown ") || strings.Contains(string(out), "not permitted")) {
				t.Errorf("%q: %v: %s", a, err, out)
			}
		}
	}
}

// What import may read was settled when it began: a file that has taken the place of one
// that was named is out of reach, for root as well.
func TestImportReadsOnlyWhatWasNamed(t *testing.T) {
	lab.NeedsRoot(t)
	needsLandlock(t)
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	must(t, unix.Mkfifo(first, 0o600))
	madeCapture(t, second, 1)
	data := filepath.Join(dir, "data")
	r := lab.Start(t, exec.Command(program, "import", "--data-dir", data, first, second))
	// It waits for somebody to write to the pipe, which it has reached after its rules.
	var pipe *os.File
	r.Until("the pipe's reader", func() bool {
		var err error
		pipe, err = os.OpenFile(first, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil || !errors.Is(err, unix.ENXIO)
	})
	other := filepath.Join(dir, "other")
	madeCapture(t, other, 1)
	must(t, os.Rename(other, second))
	made := filepath.Join(dir, "content")
	madeCapture(t, made, 3)
	b, err := os.ReadFile(made)
	must(t, err)
	_, err = pipe.Write(b)
	must(t, errors.Join(err, pipe.Close()))
	if code := r.Wait(20 * time.Second); code == 0 || !strings.Contains(r.Stderr(), "permission denied") {
		t.Errorf("exit code %d: %s%s", code, r.Stdout(), r.Stderr())
	}
	if list, _ := filepath.Glob(filepath.Join(data, "*", "*.pcapng")); len(list) > 0 {
		t.Errorf("half an import was left: %v", list)
	}
}

// needsLandlock skips what a kernel without Landlock, or with it switched off, cannot hold:
// docs/threat-model.md says so.
func needsLandlock(t *testing.T) {
	t.Helper()
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 {
		t.Skipf("this kernel has no Landlock: %v", errno)
	}
}
