package trust_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// onTerminal runs a command whose standard output and error are one terminal of 80×24, and
// returns what it has been sent, as it was sent.
func onTerminal(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		lab.Missing(t, "no pseudo-terminal: %v", err)
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	defer func() { _ = master.Close() }()
	must(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	must(t, unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	term, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	must(t, err)
	term.Oflag &^= unix.OPOST // line ends as they were written
	must(t, unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, term))
	cmd.Stdout, cmd.Stderr = slave, slave
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=1")
	must(t, cmd.Start())
	_ = slave.Close()
	var out bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&out, master) // ends with EIO when nobody has the other end open
	}()
	_ = cmd.Wait()
	select {
	case <-done:
	case <-time.After(hang):
		t.Fatalf("%v: the terminal was not given back", cmd.Args)
	}
	return out.String()
}

// progressBar is what the program itself sends to move its progress bar, when colours are off.
const progressBar = "\r\x1b[K"

// Names and contents from outside are shown harmless by every command that shows any, on a
// terminal and elsewhere.
func TestHostileTextInEveryOutput(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(beside(t, "hostile"), "strings.pcap"))
	must(t, err)
	dir := filepath.Join(t.TempDir(), "esc\x1b[2J\x1b]0;owned\a bidi\u202egpj c1\u009b31m bad\xff\xfe new\nline\rback")
	must(t, os.Mkdir(dir, 0o700))
	file, data := filepath.Join(dir, "strings\x1b[31m\u2066.pcap"), filepath.Join(dir, "data\x1b[5m")
	must(t, os.WriteFile(file, content, 0o600))
	if out, err := exec.Command(program, "import", "--data-dir", data, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var capture string
	folders, err := os.ReadDir(data)
	must(t, err)
	for _, f := range folders {
		if f.IsDir() {
			capture = filepath.Join(data, f.Name())
		}
	}
	gone := filepath.Join(dir, "gone\x1b[1m\u202e")
	damaged := filepath.Join(dir, "damaged\x1b[1m.pcap")
	must(t, os.WriteFile(damaged, content[:len(content)-7], 0o600))

	var commands [][]string
	for _, in := range []string{file, capture, damaged, gone} {
		commands = append(commands,
			[]string{"read", in}, []string{"read", "--json", "-", "--json-udp", in}, []string{"read", "-Y", "http or dns or tls", in},
			[]string{"read", "-T", "fields", "-e", "frame.number", "-e", "http.host", "-e", "http.user_agent", "-e", "http.request.uri", "-e", "dns.qry.name", "-e", "tls.handshake.extensions_server_name", "-e", "tcp.payload", in},
			[]string{"stats", in}, []string{"stats", "--json", in}, []string{"flows", in}, []string{"flows", "--json", in}, []string{"flows", "-n", "5", in},
			[]string{"findings", in}, []string{"findings", "--json", "--severity", "info", in},
			[]string{"packets", in}, []string{"packets", "--json", "-n", "1000", in}, []string{"top", "http.host", in}, []string{"top", "dns.qry.name", "--json", in}, []string{"series", in},
			[]string{"export", "--format", "csv", "-o", "-", in}, []string{"export", "--format", "jsonl", "-o", "-", in},
			[]string{"filter", "--on", in, "tcp"}, []string{"import", "--data-dir", filepath.Join(dir, "more"), in}, []string{"reindex", "--all", in},
		)
		for _, as := range []string{"ascii", "hex", "json"} {
			for stream := range 12 {
				commands = append(commands, []string{"follow", "--stream", fmt.Sprint(stream), "--as", as, in})
			}
			commands = append(commands, []string{"follow", "--udp", "--stream", "0", "--as", as, in})
		}
	}
	bad := "x\x1b[2J\u202e\xff\n"
	commands = append(commands,
		[]string{"read", "-f", bad, file}, []string{"read", "-Y", bad, file}, []string{"read", "-T", bad, file}, []string{"read", "-T", "fields", "-e", bad, file},
		[]string{"read", "-E", bad, file}, []string{"top", bad, file}, []string{"filter", bad}, []string{"export", "--format", bad, file}, []string{"export", "-o", gone + "/x.csv", file},
		[]string{"packets", "--from", bad, file}, []string{"findings", "--threshold", bad, file}, []string{"findings", "--severity", bad, file}, []string{"follow", "--stream", "0", "--as", bad, file},
		[]string{"stats", "--db=" + bad}, []string{"stats", "--db=host=127.0.0.1 port=1 user=u dbname=d application_name='" + bad[:8] + "'"}, []string{"capture", "-i", bad}, []string{"capture", "-i", "lo", "--user", bad},
		[]string{"capture", "-i", "lo", "--data-dir", file}, []string{"view", gone}, []string{bad}, []string{"read", "--" + bad}, []string{"import", "--segment-size", bad, file},
		[]string{"capture", "-Q", bad}, []string{"capture", "--view", bad}, []string{"read", "--local", bad, "--json=-", file}, []string{"series", "--bucket", bad, file},
	)
	check := func(how, text string, args []string) {
		t.Helper()
		for line := range strings.SplitSeq(text, "\n") {
			if what := unclean(line); what != "" {
				t.Errorf("%s: %.200q: a %s: %.300q", how, args, what, line)
				return
			}
		}
	}
	for _, args := range commands {
		cmd := exec.Command(program, args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		check("stdout", stdout.String(), args)
		check("stderr", stderr.String(), args)
		check("terminal", strings.ReplaceAll(onTerminal(t, exec.Command(program, args...)), progressBar, ""), args)
	}
	t.Logf("%d command lines", len(commands))

	// What is bytes and not text does not go to a terminal at all.
	for _, args := range [][]string{
		{"follow", "--stream", "0", "--as", "raw", file}, {"read", "-w", "-", file}, {"export", "--format", "pcapng", "-o", "-", file}, {"export", "--format", "parquet", file},
	} {
		if out := onTerminal(t, exec.Command(program, args...)); !strings.Contains(out, "terminal") || len(out) > 400 {
			t.Errorf("%q writes to the terminal: %.300q", args, out)
		}
		out, err := exec.Command(program, args...).Output()
		if err != nil || len(out) == 0 {
			t.Errorf("%q into a pipe: %d bytes, %v", args, len(out), err)
		}
	}
}
