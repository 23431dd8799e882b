//go:build amd64

package trust_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// bombOf writes a zstd file of 4 bytes for each 128 KiB of zeros that follow a capture's
// header: packets without bytes (RFC 8878, 3.1.1.2: blocks of one byte, repeated).
func bombOf(t *testing.T, name string, blocks int) {
	t.Helper()
	block := func(b []byte, last, kind, size uint32) []byte {
		v := last | kind<<1 | size<<3
		return append(b, byte(v), byte(v>>8), byte(v>>16))
	}
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x38} // a window of 128 KiB
	head := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	head = append(head, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	b = append(block(b, 0, 0, uint32(len(head))), head...)
	for i := range blocks {
		last := uint32(0)
		if i == blocks-1 {
			last = 1
		}
		b = append(block(b, last, 1, 128<<10), 0)
	}
	must(t, os.WriteFile(name, b, 0o600))
}

// A small file that unpacks to thousands of times its size is read in little memory, and
// fills no disk.
func TestBombs(t *testing.T) {
	forgetPeak(t)
	dir := t.TempDir()
	bomb := filepath.Join(dir, "bomb.pcap.zst")
	bombOf(t, bomb, 4096) // 16 KB to 512 MiB
	resident := func(cmd *exec.Cmd) {
		t.Helper()
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok || usage.Maxrss > 128<<10 {
			t.Errorf("%v: resident %d MB", cmd.Args[1:], usage.Maxrss>>10)
		}
	}
	cmd := exec.Command(program, "stats", "--json", bomb)
	out, err := cmd.Output()
	var d struct{ Packets uint64 }
	if err != nil || json.Unmarshal(out, &d) != nil || d.Packets != 512<<20/16 {
		t.Errorf("stats: %v: %.300s", err, out)
	}
	resident(cmd)
	for _, question := range [][]string{{"packets"}, {"top", "ip.src"}, {"import", "--data-dir", filepath.Join(dir, "data")}} {
		cmd := exec.Command(program, append(question, bomb)...)
		cmd.Env = append(os.Environ(), "TMPDIR="+dir)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 3 || !strings.Contains(string(out), "256 MiB") {
			t.Errorf("%v: %v: %s", question, err, out)
		}
		resident(cmd)
	}
	if err := os.Remove(filepath.Join(dir, "data")); err != nil && !os.IsNotExist(err) {
		t.Errorf("in the data directory: %v", err) // the sandbox makes the folder
	}
	if list := tree(t, dir); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}

// What the program says of a capture in files that a person looks at acts on no terminal,
// and no spreadsheet.
func TestFilesOfACaptureAreInert(t *testing.T) {
	dir := t.TempDir()
	files := []string{filepath.Join(beside(t, "hostile"), "strings.pcap")}
	for i, face := range []string{"bidi\u202egpj\u2066", "c1\u009b31m", "del\x7f", "esc\x1b]0;owned\a", "=cmd|' /C calc'!A0", "line\u2028\u2029break", "new\nline"} {
		file := filepath.Join(dir, fmt.Sprintf("%d.pcapng", i))
		pcapngOf(t, file, face)
		files = append(files, file)
	}
	texts := 0
	for i, file := range files {
		data := filepath.Join(dir, fmt.Sprint("data", i))
		if out, err := exec.Command(program, "import", "--data-dir", data, file).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		seen := 0
		must(t, filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".pcapng") {
				return err
			}
			if strings.HasSuffix(path, ".parquet") {
				texts += inertParquet(t, path)
				return nil
			}
			seen++
			b, err := os.ReadFile(path)
			for line := range strings.SplitSeq(string(b), "\n") {
				if what := unclean(line); what != "" {
					t.Errorf("%s: a %s: %.200q", path, what, line)
				}
			}
			return err
		}))
		if seen < 2 {
			t.Errorf("%v", tree(t, data))
		}
		out, err := exec.Command(program, "export", "--format", "csv", "-o", "-", file).Output()
		must(t, err)
		for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\n"), "\n") {
			if what := unclean(line); what != "" || strings.Contains(line, ",=") {
				t.Errorf("%s: a %s: %.200q", file, what, line)
			}
		}
	}
	if texts < 100 {
		t.Errorf("%d texts in Parquet files", texts)
	}
}

// inertParquet looks at every text of a Parquet file, and returns how many there are.
func inertParquet(t *testing.T, path string) (texts int) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	must(t, err)
	file, err := parquet.OpenFile(f, info.Size())
	must(t, err)
	for _, group := range file.RowGroups() {
		for i, column := range group.ColumnChunks() {
			if logical := column.Type().LogicalType(); logical == nil || logical.String() != "STRING" {
				continue
			}
			pages := column.Pages()
			for {
				page, err := pages.ReadPage()
				if err != nil {
					break
				}
				values := make([]parquet.Value, page.NumValues())
				n, _ := page.Values().ReadValues(values)
				for _, v := range values[:n] {
					if v.IsNull() {
						continue
					}
					texts++
					for line := range strings.SplitSeq(string(v.ByteArray()), "\n") { // of the column of names
						if what := unclean(line); what != "" {
							t.Errorf("%s: column %d: a %s: %.200q", filepath.Base(path), i, what, line)
						}
					}
				}
				parquet.Release(page)
			}
			_ = pages.Close()
		}
	}
	return texts
}

// A name that holds a line end forges no line of what the program says.
func TestNamesForgeNoLines(t *testing.T) {
	dir := t.TempDir()
	forged := "x\ntarrafa: everything is well\n0 packets"
	file := filepath.Join(dir, forged)
	must(t, os.WriteFile(file, []byte("no capture"), 0o600))
	good := filepath.Join(dir, forged+".pcap")
	madeCapture(t, good, 5)
	for _, args := range [][]string{
		{"read", file}, {"stats", file}, {"read", file + "gone"}, {"findings", good, good}, {"flows", good}, {"import", "--data-dir", filepath.Join(dir, forged+"data"), good},
		{"view", file + "gone"}, {"reindex", file}, {"capture", "-i", forged}, {"packets", file}, {"filter", "--on", file, "tcp"}, {"capture", "-i", "lo", "--data-dir", file},
		{"follow", "--stream", "0", file}, {"export", "--format", "csv", "-o", file + "gone/x", good},
	} {
		out, _ := exec.Command(program, args...).CombinedOutput()
		for line := range strings.SplitSeq(string(out), "\n") {
			if strings.HasPrefix(line, "tarrafa: everything") || strings.HasPrefix(line, "0 packets") {
				t.Errorf("%q: a forged line: %q", args, out)
			}
		}
	}
}

// Links that somebody left where root writes lead nowhere, with the sandbox and without.
func TestLinksWhereRootWrites(t *testing.T) {
	lab.NeedsRoot(t)
	lab.Needs(t, "setpriv")
	ns := lab.NewNamespace(t)
	for _, off := range []bool{false, true} {
		dir := lab.OpenDir(t)
		home, precious := filepath.Join(dir, "home"), filepath.Join(dir, "precious")
		must(t, os.Mkdir(home, 0o700))
		must(t, os.Mkdir(precious, 0o755))
		secret := filepath.Join(precious, "file")
		must(t, os.WriteFile(secret, []byte("precious\n"), 0o600))
		must(t, os.Chown(home, 65534, 65534))
		file := filepath.Join(dir, "in.pcap")
		madeCapture(t, file, 10)
		must(t, os.Chmod(file, 0o644))
		flags := []string{}
		if off {
			flags = append(flags, "--no-sandbox")
		}
		// The lock of the data directory, for root's import.
		data := filepath.Join(home, "data")
		must(t, os.Mkdir(data, 0o700))
		must(t, os.Symlink(secret, filepath.Join(data, "capture.lock")))
		out, err := exec.Command(program, append([]string{"import", "--data-dir", data, file}, flags...)...).CombinedOutput()
		if err == nil {
			t.Errorf("import followed a link: %s", out)
		}
		// The data directory, the record and the -w file themselves, for sudo's user.
		must(t, os.Symlink(precious, filepath.Join(home, "link")))
		must(t, os.Symlink(secret, filepath.Join(home, "record.json")))
		must(t, os.Symlink(filepath.Join(precious, "new"), filepath.Join(home, "out.pcapng")))
		for _, args := range [][]string{
			{"--data-dir", filepath.Join(home, "link")}, {"--data-dir", filepath.Join(home, "link", "deeper")},
			{"--data-dir", filepath.Join(home, "own"), "--json=" + filepath.Join(home, "record.json"), "--json-udp"},
			{"--data-dir", filepath.Join(home, "own"), "-w", filepath.Join(home, "out.pcapng")},
		} {
			cmd := ns.Command(program, append(append([]string{"capture", "-i", "vb", "--view", "none", "--no-page", "--duration", "100ms"}, args...), flags...)...)
			cmd.Env = append(os.Environ(), "SUDO_UID="+nobody, "SUDO_GID="+nobody)
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("%v: a link to root's was followed: %s", args, out)
			}
		}
		b, err := os.ReadFile(secret)
		must(t, err)
		info, err := os.Stat(secret)
		must(t, err)
		stat, ok := info.Sys().(*syscall.Stat_t)
		if string(b) != "precious\n" || !ok || stat.Uid != 0 || len(tree(t, precious)) != 1 {
			t.Errorf("what belongs to root was changed: %q, user %d, %v", b, stat.Uid, tree(t, precious))
		}
	}
}

// Pipes and devices as inputs and outputs do what they are for, and hang nobody.
func TestPipesAndDevices(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "made.pcap")
	madeCapture(t, file, 3000)
	content, err := os.ReadFile(file)
	must(t, err)
	run := func(stdin io.Reader, want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		var out, talk bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &talk
		r := time.AfterFunc(hang, func() { _ = cmd.Process.Kill() })
		defer r.Stop()
		if err := cmd.Run(); err != nil || !strings.Contains(out.String()+talk.String(), want) {
			t.Errorf("%v: %v\n%.300s%s", args, err, out.String(), talk.String())
		}
	}
	run(bytes.NewReader(content), "3,000", "stats", "-")
	run(bytes.NewReader(content), "3,000", "stats", "/dev/stdin")
	stdin, err := os.Open(file)
	must(t, err)
	defer func() { _ = stdin.Close() }()
	run(stdin, "3,000", "stats", "/dev/stdin")
	run(nil, "", "read", "-w", "/dev/null", file)
	fifo := filepath.Join(dir, "fifo")
	must(t, unix.Mkfifo(fifo, 0o600))
	got := make(chan int64, 1)
	go func() {
		f, err := os.Open(fifo)
		if err != nil {
			got <- -1
			return
		}
		n, _ := io.Copy(io.Discard, f)
		_ = f.Close()
		got <- n
	}()
	run(nil, "", "read", "-w", fifo, file)
	if n := <-got; n < int64(len(content)) {
		t.Errorf("%d bytes through the pipe", n)
	}
	for _, never := range []string{"/dev/zero", "/dev/urandom", "/proc/self/mem", dir} {
		cmd := exec.CommandContext(t.Context(), program, "read", never)
		out, err := cmd.CombinedOutput()
		if err == nil && never != dir {
			t.Errorf("%s is a capture: %.200s", never, out)
		}
	}
}

// A program that was built so that it cannot confine itself says so with every command
// that reads, and does not capture.
func TestBuildWithCgoSaysThatNothingIsEnforced(t *testing.T) {
	lab.Needs(t, "gcc")
	dir := t.TempDir()
	with := filepath.Join(dir, "tarrafa")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", with, "../../cmd/tarrafa")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(dir, "made.pcap")
	madeCapture(t, file, 5)
	for _, args := range [][]string{{"stats", file}, {"read", file}, {"packets", file}, {"flows", file}, {"filter", "--on", file, "tcp"}} {
		var talk bytes.Buffer
		cmd := exec.Command(with, args...)
		cmd.Stderr = &talk
		if err := cmd.Run(); err != nil || strings.Count(talk.String(), "NOT enforced: everything") != 1 {
			t.Errorf("%v: %v: %s", args, err, talk.String())
		}
		talk.Reset()
		cmd = exec.Command(program, append(args, "--no-sandbox")...)
		cmd.Stderr = &talk
		if err := cmd.Run(); err != nil || !strings.Contains(talk.String(), "NO SANDBOX") {
			t.Errorf("%v --no-sandbox: %v: %s", args, err, talk.String())
		}
	}
	out, err := exec.Command(with, "capture", "-i", "lo", "--data-dir", filepath.Join(dir, "data"), "--duration", "1s").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cgo") {
		t.Errorf("capture: %v: %s", err, out)
	}
}
