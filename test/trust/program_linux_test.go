//go:build amd64

package trust_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

const nobody = "65534"

// statuses reads /proc/PID/status of every thread.
func statuses(t *testing.T, pid int) []map[string]string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	var all []map[string]string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		m := map[string]string{}
		for line := range strings.SplitSeq(string(b), "\n") {
			k, v, _ := strings.Cut(line, ":")
			m[k] = strings.Join(strings.Fields(v), " ")
		}
		all = append(all, m)
	}
	return all
}

// No thread of a running capture has anything left, however the capture was started.
func TestEveryThreadHasGivenUpEverything(t *testing.T) {
	ns := lab.NewNamespace(t)
	lab.Needs(t, "setpriv", "setcap")
	allowed := filepath.Join(filepath.Dir(program), "with-setcap")
	b, err := os.ReadFile(program)
	must(t, err)
	must(t, os.WriteFile(allowed, b, 0o755))
	must(t, os.Chmod(allowed, 0o755))
	if out, err := exec.Command("setcap", "cap_net_raw,cap_net_admin=eip", allowed).CombinedOutput(); err != nil {
		lab.Missing(t, "setcap: %v: %s", err, out)
	}
	none := "0000000000000000"
	for _, tc := range []struct {
		name  string
		start func(dir string) *exec.Cmd
		uid   string
		bound bool // the bounding set can be emptied, too
	}{
		{"root", func(dir string) *exec.Cmd {
			return ns.Command(program, "capture", "-i", "vb", "--data-dir", dir)
		}, "0", true},
		{"--user", func(dir string) *exec.Cmd {
			return ns.Command(program, "capture", "-i", "vb", "--data-dir", dir, "--user", "nobody")
		}, nobody, true},
		{"sudo", func(dir string) *exec.Cmd {
			cmd := ns.Command(program, "capture", "-i", "vb", "--data-dir", dir)
			cmd.Env = append(os.Environ(), "SUDO_UID="+nobody, "SUDO_GID="+nobody)
			return cmd
		}, nobody, true},
		{"setcap", func(dir string) *exec.Cmd {
			return ns.Command("setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups",
				allowed, "capture", "-i", "vb", "--data-dir", dir)
		}, nobody, false},
		{"as packaging/tarrafa.service starts it", func(dir string) *exec.Cmd {
			return ns.Command("setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups", "--no-new-privs",
				"--inh-caps", "-all,+net_raw", "--ambient-caps", "-all,+net_raw", "--bounding-set", "-all,+net_raw",
				"--securebits", "+noroot,+noroot_locked,+no_setuid_fixup,+no_setuid_fixup_locked",
				program, "capture", "-i", "vb", "--data-dir", dir)
		}, nobody, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(lab.OpenDir(t), "data")
			r := lab.Start(t, tc.start(dir))
			r.Capturing()
			ns.MustSend(t, 1000, 100, time.Millisecond)
			threads := statuses(t, r.PID())
			for _, s := range threads {
				want := map[string]string{
					"Uid":    strings.Join([]string{tc.uid, tc.uid, tc.uid, tc.uid}, " "),
					"Gid":    strings.Join([]string{tc.uid, tc.uid, tc.uid, tc.uid}, " "),
					"CapInh": none, "CapPrm": none, "CapEff": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
				}
				if tc.bound {
					want["CapBnd"] = none
				}
				if tc.uid != "0" {
					if groups := s["Groups"]; groups != "" && groups != nobody {
						t.Errorf("thread %s still has the groups %s", s["Pid"], groups)
					}
				}
				for k, v := range want {
					if s[k] != v {
						t.Errorf("thread %s: %s is %q, want %q", s["Pid"], k, s[k], v)
					}
				}
			}
			t.Logf("%d threads; %s", len(threads), regexp.MustCompile(`(?m)^sandbox: .*$`).FindString(r.Stderr()))
			if !strings.Contains("\n"+r.Stderr(), "\nsandbox: user ") {
				t.Errorf("the start line does not say what is enforced:\n%s", r.Stderr())
			}
			limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", r.PID()))
			must(t, err)
			if !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0 bytes") {
				t.Errorf("core files are possible:\n%s", limits)
			}
			if code := r.End(); code != 0 {
				t.Errorf("exit code %d\n%s", code, r.Stderr())
			}
			m := lab.ReadMeta(t, r.Kept())
			lab.Balanced(t, m.Ledger)
			if m.Ledger.Written != 1000 {
				t.Errorf("written %d of 1000", m.Ledger.Written)
			}
			private(t, dir)
		})
	}
}

// private checks that nobody else may look at what was written.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	must(t, err)
}

func TestNoSandboxIsShouted(t *testing.T) {
	ns := lab.NewNamespace(t)
	r := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", t.TempDir(), "--no-sandbox"))
	r.Capturing()
	for _, s := range statuses(t, r.PID()) {
		if s["Seccomp"] != "0" || s["NoNewPrivs"] != "0" {
			t.Errorf("--no-sandbox leaves seccomp %s, no_new_privs %s", s["Seccomp"], s["NoNewPrivs"])
		}
	}
	if !strings.Contains(r.Stderr(), "WARNING: --no-sandbox: NO SANDBOX") {
		t.Errorf("nobody shouts:\n%s", r.Stderr())
	}
	if code := r.End(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Everything that a capture does still works without any privilege, for a user who is not
// root: outputs, rotation, new segments, an interface that is made anew, the database.
func TestSandboxedCaptureCanDoEverything(t *testing.T) {
	for _, transport := range []string{"unix socket", "TCP"} {
		t.Run(transport, func(t *testing.T) {
			ns := lab.NewNamespace(t)
			server := pgtest.Start(t)
			name := server.Database(t)
			dsn := server.DSN(name, name)
			cmd := ns.Command
			if transport == "TCP" {
				// The server listens on this machine's loopback, so the capture lives there too;
				// traffic comes from a namespace through one end of its pair.
				dsn = fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", pgtest.Superuser, pgtest.Password, server.Port, name)
				moved := fmt.Sprintf("vb%d", os.Getpid())
				ns.Sh(t, fmt.Sprintf("ip link set vb down; ip link set vb name %s netns 1; ip link set va up", moved))
				t.Cleanup(func() { _ = exec.Command("ip", "link", "del", moved).Run() })
				if out, err := exec.Command("ip", "link", "set", moved, "up").CombinedOutput(); err != nil {
					t.Skipf("this machine's own namespace is out of reach: %v: %s", err, out)
				}
				cmd = func(program string, args ...string) *exec.Cmd {
					for i := range args {
						if args[i] == "vb" {
							args[i] = moved
						}
					}
					return exec.Command(program, args...)
				}
			}
			dir := lab.OpenDir(t)
			record := filepath.Join(dir, "logs", "traffic.json")
			file := filepath.Join(dir, "out.pcapng")
			r := lab.Start(t, cmd(program, "capture", "-i", "vb", "--user", "nobody", "--view", "none", "--segment-size", "1MiB",
				"--data-dir", filepath.Join(dir, "data"), "--json="+record, "--json-udp", "-w", file, "--db="+dsn, "udp port 5353"))
			r.Capturing()
			ns.MustSend(t, 3000, 900, time.Millisecond)
			sent := uint64(3000)
			must(t, os.Rename(record, record+".1"))
			r.Signal(syscall.SIGHUP)
			r.Until("a new record", func() bool { _, err := os.Stat(record); return err == nil })
			if transport == "unix socket" {
				ns.Sh(t, "ip link del vb")
				r.Says("vb gone")
				ns.Sh(t, lab.Link)
				r.Says("vb back")
				time.Sleep(200 * time.Millisecond)
			}
			ns.MustSend(t, 500, 900, time.Millisecond)
			sent += 500
			r.Until("all rows", func() bool {
				out, err := server.Psql(name, "select count(*) from packets")
				return err == nil && strings.TrimSpace(out) == fmt.Sprint(sent)
			})
			if code := r.End(); code != 0 {
				t.Fatalf("exit code %d\n%s", code, r.Stderr())
			}
			m := lab.ReadMeta(t, r.Kept())
			lab.Balanced(t, m.Ledger)
			if m.Ledger.Written != sent || len(m.Segments) < 3 {
				t.Errorf("written %d of %d in %d segments\n%s", m.Ledger.Written, sent, len(m.Segments), r.Stderr())
			}
			if n := lab.CountPackets(t, program, file); n != sent {
				t.Errorf("-w holds %d packets of %d", n, sent)
			}
			if n := countLines(t, record, record+".1"); n != sent {
				t.Errorf("%d lines for %d packets", n, sent)
			}
			private(t, filepath.Join(dir, "data"))
			private(t, filepath.Join(dir, "logs"))
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("-w: %v %v", info.Mode(), err)
			}
			args := strings.Join(r.Cmd.Args, " ")
			if transport == "TCP" && !strings.Contains(args, pgtest.Password) {
				t.Error("the test did not give a password")
			}
			if strings.Contains(r.Stderr()+r.Stdout(), pgtest.Password) {
				t.Error("the password is shown")
			}
		})
	}
}

// countLines counts the records in JSON Lines files, every one of which must be whole.
func countLines(t *testing.T, files ...string) uint64 {
	t.Helper()
	var n uint64
	for _, name := range files {
		b, err := os.ReadFile(name)
		must(t, err)
		for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
			if line == "" {
				continue
			}
			if !json.Valid([]byte(line)) {
				t.Fatalf("%s: torn line %.80q", name, line)
			}
			n++
		}
	}
	return n
}

// A password on the command line is overwritten before anybody can look; one in the
// environment is in a file that belongs to root.
func TestPasswordCannotBeSeen(t *testing.T) {
	ns := lab.NewNamespace(t)
	lab.Needs(t, "setpriv", "grep")
	const secret = "secret-word"
	cmd := ns.Command(program, "capture", "-i", "vb", "--data-dir", filepath.Join(lab.OpenDir(t), "d"), "--user", "nobody",
		"--view", "none", "--db", "postgres://packetuser:"+secret+"@127.0.0.1:1/packetdb", "udp")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+secret)
	r := lab.Start(t, cmd)
	r.Capturing()
	r.Says("127.0.0.1:1")
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", r.PID()))
	must(t, err)
	if strings.Contains(string(b), secret) || !strings.Contains(string(b), "packetuser:xxx") {
		t.Errorf("the command line is %q", b)
	}
	for _, f := range []string{"environ", "mem", "maps", "fd"} {
		path := fmt.Sprintf("/proc/%d/%s", r.PID(), f)
		out, err := exec.Command("setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups", "ls", "-l", path+"/").CombinedOutput()
		if f != "fd" {
			out, err = exec.Command("setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups", "head", "-c1", path).CombinedOutput()
		}
		if err == nil {
			t.Errorf("the same user can read %s: %.100q", path, out)
		}
	}
	if code := r.End(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(r.Stderr()+r.Stdout(), secret) {
		t.Error("the password is shown")
	}
	meta, err := os.ReadFile(filepath.Join(r.Kept(), "capture.json"))
	must(t, err)
	if strings.Contains(string(meta), secret) {
		t.Error("capture.json holds the password")
	}
}
