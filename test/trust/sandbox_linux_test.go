//go:build amd64

package trust_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// probe describes the sandbox that test/trust/probe enters.
type probe struct {
	User, Write, Read, Outside, Socket string
	Connect, Listen, Other             uint16
	Quiet                              bool
}

func newProbe(t *testing.T) probe {
	t.Helper()
	lab.NeedsRoot(t)
	dir := lab.OpenDir(t)
	p := probe{
		User: "nobody", Write: filepath.Join(dir, "inside"), Outside: filepath.Join(dir, "outside"),
		Read: filepath.Join(dir, "readable"), Socket: filepath.Join(dir, "sockets", "s"),
	}
	for _, d := range []string{p.Outside, filepath.Dir(p.Socket)} {
		must(t, os.Mkdir(d, 0o777))
		must(t, os.Chmod(d, 0o777))
	}
	for _, f := range []string{p.Read, filepath.Join(p.Outside, "old")} {
		must(t, os.WriteFile(f, []byte("old"), 0o666))
		must(t, os.Chmod(f, 0o666))
	}
	port := func(network, address string) uint16 {
		l, err := net.Listen(network, address)
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		if a, ok := l.Addr().(*net.TCPAddr); ok {
			return uint16(a.Port)
		}
		return 0
	}
	p.Connect, p.Other = port("tcp", "127.0.0.1:0"), port("tcp", "127.0.0.1:0")
	port("unix", p.Socket)
	must(t, os.Chmod(p.Socket, 0o777))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p.Listen = uint16(free.Addr().(*net.TCPAddr).Port)
	must(t, free.Close())
	return p
}

func (p probe) command(t *testing.T, attempts ...string) *exec.Cmd {
	t.Helper()
	setup, err := json.Marshal(p)
	must(t, err)
	return exec.Command(prober, append([]string{string(setup)}, attempts...)...)
}

// What must still work in the sandbox, and what must not: each attempt is made for real.
func TestSandboxRefusesAndAllows(t *testing.T) {
	p := newProbe(t)
	want := map[string]string{
		"write inside": "ok", "read allowed": "ok", "time zones": "ok", "new thread": "ok", "connect": "ok",
		"listen": "ok", "unix socket": "ok", "netlink": "ok", "interfaces": "ok", "tcp socket": "ok",
		"udp socket": "ok", "core file": "ok",

		"write outside": "EACCES", "append outside": "EACCES", "cut outside": "EACCES", "mkdir outside": "EACCES",
		"remove outside": "EACCES", "rename outside": "EACCES", "link outside": "EACCES", "read outside": "EACCES",
		"list outside": "EACCES", "read shadow": "EACCES", "own environment": "EACCES",
		"become root": "EPERM", "become group": "EPERM", "join groups": "EPERM", "regain rights": "EPERM",
		"packet socket": "EPERM", "raw socket": "EPROTONOSUPPORT", "crypto socket": "EPERM", "vsock": "EPERM",
		"multipath tcp": "EPROTONOSUPPORT", "sctp": "EPROTONOSUPPORT",
		"connect other": "EACCES", "listen other": "EACCES",
		"start program": "EPERM", "new namespace": "EPERM", "clone3": "ENOSYS", "signal parent": "EPERM",
		"push terminal": "EPERM", "set clock": "EPERM",
	}
	names := make([]string, 0, len(want))
	for name := range want {
		names = append(names, name)
	}
	out, err := p.command(t, names...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		name, got, _ := strings.Cut(line, ": ")
		if name == "sandbox" {
			if !strings.Contains(got, "user nobody, no capabilities, no_new_privs") || !strings.Contains(got, "seccomp") {
				t.Errorf("the report is %q", line)
			}
			if !strings.Contains(got, "Landlock") {
				t.Skip("this kernel has no Landlock")
			}
			continue
		}
		if want[name] != got {
			t.Errorf("%s: %s, want %s", name, got, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("no answer for %q", name)
	}
}

// Root that nobody called by sudo stays root by number, and by nothing else.
func TestSandboxedRootIsPowerless(t *testing.T) {
	p := newProbe(t)
	p.User = ""
	cmd := p.command(t, "become group", "write outside", "read shadow", "packet socket", "set clock", "write inside")
	cmd.Env = append(os.Environ(), "SUDO_UID=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"sandbox: user root, no capabilities", "become group: EPERM", "write outside: EACCES", "read shadow: EACCES",
		"packet socket: EPERM", "set clock: EPERM", "write inside: ok",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A capture without page and database has no use for the network, and cannot use it.
func TestSandboxWithoutNetwork(t *testing.T) {
	p := newProbe(t)
	p.Quiet = true
	out, err := p.command(t, "tcp socket", "udp socket", "unix socket", "netlink", "interfaces").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"tcp socket: EPERM", "udp socket: EPERM", "unix socket: ok", "netlink: ok", "interfaces: ok"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// Calls that this program never makes end it.
func TestSandboxKills(t *testing.T) {
	p := newProbe(t)
	for _, name := range []string{
		"execve", "execveat", "ptrace", "process_vm_readv", "mount", "chroot", "fsopen", "bpf", "perf_event_open", "io_uring_setup",
		"userfaultfd", "init_module", "finit_module", "keyctl", "add_key", "kexec_load", "reboot", "swapon", "iopl",
		"x32 call", "32-bit call",
	} {
		t.Run(name, func(t *testing.T) {
			cmd := p.command(t, name)
			out, err := cmd.CombinedOutput()
			status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if err == nil || !status.Signaled() || status.Signal() != syscall.SIGSYS {
				t.Errorf("not ended by SIGSYS: %v\n%s", err, out)
			}
		})
	}
}
