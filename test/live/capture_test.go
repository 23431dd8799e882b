package live_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

func TestCaptureCountsEveryPacket(t *testing.T) {
	lab.Needs(t, "capinfos")
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "udp", "port", "5353")
	r.Capturing()
	ns.MustSend(t, 20000, 200, time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	if m.State != "closed" || m.Ledger.Received != 20000 || m.Ledger.Written+m.Ledger.Dropped != 20000 {
		t.Errorf("state %s, ledger %+v", m.State, m.Ledger)
	}
	if n := lab.CountPackets(t, binary, r.Kept()); n != m.Ledger.Written {
		t.Errorf("the archive holds %d packets, the ledger says %d", n, m.Ledger.Written)
	}
	out, err := exec.Command("capinfos", "-c", "-M", filepath.Join(r.Kept(), "000001.pcapng")).Output()
	if err != nil || !strings.Contains(string(out), "20000") {
		t.Errorf("capinfos: %v\n%s", err, out)
	}
	for _, want := range []string{"20,000", "UDP", "10.99.0.1", "10.99.0.2", "every packet is in exactly one place"} {
		if !strings.Contains(r.Stdout(), want) {
			t.Errorf("the final statistics do not say %q:\n%s", want, r.Stdout())
		}
	}
}

func TestSegmentsRollAndReadAsOne(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--segment-size", "1MiB")
	r.Capturing()
	ns.MustSend(t, 5000, 1000, time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	if len(m.Segments) < 4 {
		t.Errorf("%d segments of 5 MB at 1 MiB each", len(m.Segments))
	}
	if n := lab.CountPackets(t, binary, r.Kept()); n != 5000 {
		t.Errorf("%d packets", n)
	}
}

func TestCountStopsExactly(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "out.pcap")
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "-c", "137", "-w", file)
	r.Capturing()
	ns.MustSend(t, 1000, 100, 0)
	if code := r.Wait(10 * time.Second); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	if m.Ledger.Written != 137 {
		t.Errorf("written %d", m.Ledger.Written)
	}
	if n := lab.CountPackets(t, binary, file); n != 137 {
		t.Errorf("-w wrote %d packets", n)
	}
}

func TestKillLosesNothingWritten(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none")
	r.Capturing()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		ns.MustSend(t, 50000, 300, time.Millisecond)
	}()
	time.Sleep(300 * time.Millisecond)
	// ip netns exec replaces itself by the program: this is its process.
	if err := r.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.Wait(5 * time.Second)
	<-sent
	first := r.Kept()
	segment := filepath.Join(first, "000001.pcapng")
	// A torn record, as a power cut would leave it.
	f, err := os.OpenFile(segment, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte{6, 0, 0, 0, 200, 0, 0, 0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	f.Close()

	again := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none")
	again.Capturing()
	if !strings.Contains(again.Stderr(), "11 bytes of a torn record cut") {
		t.Errorf("the next start does not say what was mended:\n%s", again.Stderr())
	}
	if code := again.End(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	m := lab.ReadMeta(t, first)
	lab.Balanced(t, m.Ledger)
	n := lab.CountPackets(t, binary, first)
	if m.State != "recovered" || m.Recovery == nil || m.Recovery.Packets != n || n < 1000 {
		t.Errorf("state %s, recovery %+v, %d packets", m.State, m.Recovery, n)
	}
}

func TestFullDiskIsCountedAndMended(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "log")
	r.Capturing()
	ns.MustSend(t, 4000, 1000, time.Millisecond)
	r.Until("the full disk to be reported", func() bool { return strings.Contains(r.Stderr(), "no space left") })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	ns.MustSend(t, 300, 1000, time.Millisecond)
	r.Until("the archive to go on", func() bool { return strings.Contains(r.Stderr(), "can be written again") })
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	if m.Ledger.Lost == 0 || m.Ledger.Received != 4300 {
		t.Errorf("ledger %+v", m.Ledger)
	}
	n := lab.CountPackets(t, binary, r.Kept())
	lab.FaultRow(t, "data disk full, then freed", m.Ledger.Received, n, m.Ledger.Lost+m.Ledger.Dropped, 0)
	if n != m.Ledger.Written {
		t.Errorf("the archive holds %d packets, the ledger says %d", n, m.Ledger.Written)
	}
}

func TestInterfaceGoesAndComesBack(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "log", "udp")
	r.Capturing()
	ns.MustSend(t, 100, 100, 0)
	ns.Sh(t, "ip link set vb down")
	r.Until("down", func() bool { return strings.Contains(r.Stderr(), "vb down") })
	ns.Sh(t, "ip link set vb up; ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev va")
	r.Until("up", func() bool { return strings.Contains(r.Stderr(), "vb up") })
	ns.MustSend(t, 100, 100, 0)
	ns.Sh(t, "ip link del vb")
	r.Until("gone", func() bool { return strings.Contains(r.Stderr(), "vb gone") })
	ns.Sh(t, `ip link add va type veth peer name vb
		sysctl -qw net.ipv6.conf.va.disable_ipv6=1 net.ipv6.conf.vb.disable_ipv6=1
		ip addr add 10.99.0.1/24 dev va; ip link set va up; ip link set vb up
		ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev va`)
	r.Until("back", func() bool { return strings.Contains(r.Stderr(), "vb back") })
	time.Sleep(200 * time.Millisecond)
	ns.MustSend(t, 100, 100, 0)
	time.Sleep(100 * time.Millisecond)
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	lab.FaultRow(t, "interface down and up, deleted and made anew", 300, m.Ledger.Written, m.Ledger.Lost+m.Ledger.Dropped, 0)
	if m.Ledger.Written != 300 {
		t.Errorf("written %d of 300 packets\n%s", m.Ledger.Written, r.Stderr())
	}
	out, err := os.ReadFile(filepath.Join(r.Kept(), "000001.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"interface vb down", "interface vb gone", "interface vb back"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the segment does not record %q", want)
		}
	}
}

func TestFilterThatMatchesNothingIsExplained(t *testing.T) {
	ns := lab.NewNamespace(t)
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", t.TempDir(), "--view", "none", "tcp", "port", "5353")
	r.Capturing()
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				ns.MustSend(t, 10, 100, 0)
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	r.Until("the hint", func() bool {
		return strings.Contains(r.Stderr(), "has matched none of") && strings.Contains(r.Stderr(), "VLAN")
	})
	close(stop)
	if code := r.End(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestErrorsNameThingReasonAndMend(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text.pcap")
	if err := os.WriteFile(text, []byte("just some words\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	holder := start(t, ns, "capture", "-i", "lo", "--data-dir", filepath.Join(dir, "busy"), "--view", "none")
	holder.Capturing()
	for _, tc := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"unknown option", []string{"capture", "--nonsense"}, 1, []string{"--nonsense", "--help"}},
		{"direction", []string{"capture", "-i", "lo", "-Q", "sideways"}, 1, []string{"sideways", "inout"}},
		{"interface", []string{"capture", "-i", "vbb", "--data-dir", dir}, 2, []string{"vbb", "vb", "tarrafa interfaces"}},
		{"missing file", []string{"stats", filepath.Join(dir, "none.pcap")}, 3, []string{"none.pcap", "no such file"}},
		{"no capture", []string{"read", text}, 3, []string{"text.pcap", "not a capture file"}},
		{"filter", []string{"capture", "-i", "lo", "tpc port 80"}, 4, []string{"tpc", "tcp"}},
		{"field", []string{"read", "-T", "fields", "-e", "ip.srx", text}, 1, []string{"ip.srx", "ip.src"}},
		{"data directory in use", []string{"capture", "-i", "lo", "--data-dir", filepath.Join(dir, "busy")}, 7, []string{"locked", "process", "--data-dir"}},
		{"data directory not writable", []string{"capture", "-i", "lo", "--data-dir", "/proc/nowhere"}, 3, []string{"/proc/nowhere"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, ns, tc.args...)
			if code := r.Wait(30 * time.Second); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, w := range tc.want {
				if !strings.Contains(r.Stderr(), w) {
					t.Errorf("the message does not say %q:\n%s", w, r.Stderr())
				}
			}
			if strings.Contains(r.Stderr(), "goroutine ") {
				t.Errorf("a panic:\n%s", r.Stderr())
			}
		})
	}
	if code := holder.End(); code != 0 {
		t.Errorf("the holder ended with %d", code)
	}
}

func TestNoPermissionSaysHow(t *testing.T) {
	ns := lab.NewNamespace(t)
	cmd := exec.Command("ip", "netns", "exec", string(ns), "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
		"--bounding-set", "-all", "--inh-caps", "-all", binary, "capture", "-i", "lo", "--data-dir", "/tmp/none")
	lab.Needs(t, "setpriv")
	if err := os.Chmod(filepath.Dir(binary), 0o755); err != nil {
		t.Fatal(err)
	}
	r := lab.Start(t, cmd)
	if code := r.Wait(5 * time.Second); code != 5 {
		t.Errorf("exit code %d, want 5\n%s", code, r.Stderr())
	}
	for _, w := range []string{"sudo", "setcap"} {
		if !strings.Contains(r.Stderr(), w) {
			t.Errorf("the message does not say %q:\n%s", w, r.Stderr())
		}
	}
}

func TestFilesBelongToInvokingUser(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for p := dir; p != "/"; p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o777)
		if strings.HasPrefix(filepath.Base(p), "Test") {
			break
		}
	}
	cmd := exec.Command("ip", "netns", "exec", string(ns), binary, "capture", "-i", "vb", "--data-dir", filepath.Join(dir, "data"), "-c", "5",
		"--json="+filepath.Join(dir, "logs", "traffic.json"))
	cmd.Env = append(os.Environ(), "SUDO_UID=65534", "SUDO_GID=65534")
	r := lab.Start(t, cmd)
	r.Capturing()
	ns.MustSend(t, 5, 50, 0)
	if code := r.Wait(10 * time.Second); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	for _, name := range []string{
		filepath.Join(r.Kept(), "000001.pcapng"), filepath.Join(r.Kept(), "record.cursor"), filepath.Join(dir, "logs", "traffic.json"),
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 65534 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: owner %d, mode %o", name, uid, info.Mode().Perm())
		}
	}
}
