package live_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// numbers reads the packet numbers of JSON Lines files, and checks that each line is a
// whole object.
func numbers(t *testing.T, files ...string) map[uint64]int {
	t.Helper()
	seen := map[uint64]int{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 4<<20)
		for sc.Scan() {
			var r struct{ Number uint64 }
			if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
				t.Fatalf("%s: %v: %.100s", name, err, sc.Text())
			}
			seen[r.Number]++
		}
		if err := sc.Err(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return seen
}

func onceEach(t *testing.T, seen map[uint64]int, total uint64) {
	t.Helper()
	for n := uint64(1); n <= total; n++ {
		if seen[n] != 1 {
			t.Fatalf("packet %d has %d lines", n, seen[n])
		}
	}
	if uint64(len(seen)) != total {
		t.Errorf("%d lines for %d packets", len(seen), total)
	}
}

func TestRotationLosesAndDoublesNoLine(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "logs", "traffic.json")
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--json", file, "--json-udp", "--view", "none", "udp")
	r.Capturing()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		ns.MustSend(t, 20000, 100, 10*time.Millisecond)
	}()
	files := []string{file}
	for i := range 100 {
		old := fmt.Sprintf("%s.%d", file, i)
		if err := os.Rename(file, old); err != nil {
			t.Fatal(err)
		}
		files = append(files, old)
		r.Signal(syscall.SIGHUP)
		r.Until("a new file", func() bool { _, err := os.Stat(file); return err == nil })
	}
	<-sent
	time.Sleep(100 * time.Millisecond)
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	if m.Ledger.Written != 20000 {
		t.Errorf("written %d", m.Ledger.Written)
	}
	onceEach(t, numbers(t, files...), m.Ledger.Written)
}

func TestJSONToStandardOutput(t *testing.T) {
	ns := lab.NewNamespace(t)
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", t.TempDir(), "--json", "-", "--json-udp", "-c", "50", "udp")
	r.Capturing()
	ns.MustSend(t, 50, 64, 0)
	if code := r.Wait(10 * time.Second); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	lines := strings.Split(strings.TrimSpace(r.Stdout()), "\n")
	if len(lines) != 50 {
		t.Fatalf("%d lines on stdout", len(lines))
	}
	var rec struct {
		Src, Dst, Protocol string
		Dport, Len         int
		Direction          string
	}
	if err := json.Unmarshal([]byte(lines[0]), &rec); err != nil {
		t.Fatal(err)
	}
	if rec.Src != "10.99.0.1" || rec.Dport != 5353 || rec.Protocol != "UDP" || rec.Len != 64 || rec.Direction != "RECEBIDO" {
		t.Errorf("%+v", rec)
	}
	if !strings.Contains(r.Stderr(), "every packet is in exactly one place") {
		t.Error("the statistics are not on stderr")
	}
}

// database starts a PostgreSQL and returns it with a connection string that works from
// any network namespace.
func database(t *testing.T) (*pgtest.Server, string, string) {
	t.Helper()
	s := pgtest.Start(t)
	name := s.Database(t)
	return s, name, s.DSN(name, name)
}

func count(t *testing.T, s *pgtest.Server, name, query string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimSpace(s.Run(t, name, query)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDatabaseFaultsLoseAndDoubleNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault func(t *testing.T, s *pgtest.Server)
	}{
		{"none", func(*testing.T, *pgtest.Server) {}},
		{"killed and restarted", func(t *testing.T, s *pgtest.Server) {
			must(t, s.Kill())
			time.Sleep(700 * time.Millisecond)
			must(t, s.Start())
		}},
		{"stopped and restarted", func(t *testing.T, s *pgtest.Server) {
			must(t, s.Stop())
			time.Sleep(700 * time.Millisecond)
			must(t, s.Start())
		}},
		{"hanging", func(t *testing.T, s *pgtest.Server) {
			must(t, s.Pause())
			time.Sleep(2 * time.Second)
			must(t, s.Resume())
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ns := lab.NewNamespace(t)
			s, name, dsn := database(t)
			r := start(t, ns, "capture", "-i", "vb", "--data-dir", t.TempDir(), "--view", "none", "--db", dsn, "udp")
			r.Capturing()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				ns.MustSend(t, 30000, 100, 5*time.Millisecond)
			}()
			time.Sleep(400 * time.Millisecond)
			tc.fault(t, s)
			<-sent
			time.Sleep(100 * time.Millisecond)
			// Give the sink the time to come back; the flush at the end is bounded.
			r.Until("the rows to be stored", func() bool {
				out, err := s.Psql(name, "select count(*) from packets")
				return err == nil && strings.TrimSpace(out) == "30000"
			})
			if code := r.End(); code != 0 {
				t.Fatalf("exit code %d\n%s", code, r.Stderr())
			}
			m := lab.ReadMeta(t, r.Kept())
			lab.Balanced(t, m.Ledger)
			rows := count(t, s, name, "select count(*) from packets")
			distinct := count(t, s, name, "select count(distinct number) from packets")
			if tc.name != "none" {
				lab.FaultRow(t, "PostgreSQL "+tc.name, 30000, rows, m.Ledger.Lost+m.Ledger.Dropped, rows-distinct)
			}
			if rows != m.Ledger.Written || distinct != rows {
				t.Errorf("%d rows, %d distinct, ledger %+v", rows, distinct, m.Ledger)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseAwayAllTheTimeIsCaughtUpByNextStart(t *testing.T) {
	ns := lab.NewNamespace(t)
	s, name, dsn := database(t)
	dir := t.TempDir()
	must(t, s.Stop())
	first := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--db", dsn, "udp")
	first.Capturing()
	ns.MustSend(t, 5000, 100, time.Millisecond)
	first.Until("the missing database to be reported", func() bool {
		return strings.Contains(first.Stderr(), "problem") || strings.Contains(first.Stderr(), "warning")
	})
	if code := first.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, first.Stderr())
	}
	m := lab.ReadMeta(t, first.Kept())
	lab.Balanced(t, m.Ledger)
	if m.Ledger.Written != 5000 {
		t.Errorf("written %d", m.Ledger.Written)
	}
	must(t, s.Start())
	second := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--db", dsn, "udp")
	second.Capturing()
	ns.MustSend(t, 100, 100, 0)
	second.Until("both captures to be stored", func() bool {
		out, err := s.Psql(name, "select count(*) from packets")
		return err == nil && strings.TrimSpace(out) == "5100"
	})
	if code := second.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, second.Stderr())
	}
	lab.Balanced(t, lab.ReadMeta(t, first.Kept()).Ledger)
	lab.Balanced(t, lab.ReadMeta(t, second.Kept()).Ledger)
	rows, distinct := count(t, s, name, "select count(*) from packets"), count(t, s, name, "select count(distinct (capture, number)) from packets")
	lab.FaultRow(t, "PostgreSQL absent all the time, then the next start", 5100, rows, 0, rows-distinct)
}

func TestKilledCaptureIsCompletedInDatabase(t *testing.T) {
	ns := lab.NewNamespace(t)
	s, name, dsn := database(t)
	dir := t.TempDir()
	first := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--db", dsn, "udp")
	first.Capturing()
	go ns.MustSend(t, 20000, 100, 2*time.Millisecond)
	time.Sleep(300 * time.Millisecond)
	must(t, first.Cmd.Process.Kill())
	first.Wait(5 * time.Second)
	time.Sleep(500 * time.Millisecond)
	second := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--db", dsn, "port", "9")
	second.Capturing()
	second.Until("the earlier capture to be complete", func() bool { return strings.Contains(second.Stderr(), "wholly in the database") })
	if code := second.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, second.Stderr())
	}
	written := lab.ReadMeta(t, first.Kept()).Ledger.Written
	rows := count(t, s, name, "select count(*) from packets")
	if rows != written || written == 0 || count(t, s, name, "select count(distinct number) from packets") != rows {
		t.Errorf("%d rows for %d packets", rows, written)
	}
	// Every packet is one of a flow, and no flow is there twice or in halves.
	if n := count(t, s, name, "select sum(from_client_packets + from_server_packets)::bigint from flows"); n != rows {
		t.Errorf("the flows have %d packets, the table %d", n, rows)
	}
	if n := count(t, s, name, "select count(*) from packets where flow is null or flow not in (select flow from flows)"); n != 0 {
		t.Errorf("%d packets are of no flow", n)
	}
	if n := count(t, s, name, "select sum(packets)::bigint from tarrafa_seconds"); n != rows {
		t.Errorf("the sums by second have %d packets, the table %d", n, rows)
	}
	if n := count(t, s, name, "select sum(src_packets)::bigint from tarrafa_addresses"); n != rows {
		t.Errorf("the sums by address have %d packets, the table %d", n, rows)
	}
}

// TestKilledCaptureIsCompletedInRecord kills two captures whose records are behind, because
// the disk is full, the second one while it completes the first one's. The next start
// writes each missing line once.
func TestKilledCaptureIsCompletedInRecord(t *testing.T) {
	lab.Needs(t, "mount")
	for _, extra := range []bool{true, false} {
		t.Run(map[bool]string{true: "with additions", false: "old fields"}[extra], func(t *testing.T) {
			ns := lab.NewNamespace(t)
			dir, logs := t.TempDir(), t.TempDir()
			disk := func(options string) {
				if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", logs).CombinedOutput(); err != nil {
					t.Fatalf("mount: %v: %s", err, out)
				}
			}
			disk("size=2m")
			t.Cleanup(func() { _ = exec.Command("umount", "-l", logs).Run() })
			file := filepath.Join(logs, "traffic.json")
			start := func(filter string) *lab.Run {
				r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none",
					"--json="+file, "--json-udp", "--json-extra="+strconv.FormatBool(extra), filter)
				r.Capturing()
				return r
			}
			var killed []string
			for round, room := range []int{1 << 20, 8 << 20} {
				r := start("udp")
				ns.MustSend(t, 5_000+round, 1000, time.Millisecond)
				r.Until("a full disk", func() bool {
					info, err := os.Stat(file)
					return err == nil && info.Size() > int64(room)
				})
				r.Until("the archive", func() bool { return lab.CountPackets(t, binary, r.Kept()) == uint64(5_000+round) })
				must(t, r.Cmd.Process.Kill())
				r.Wait(5 * time.Second)
				killed = append(killed, r.Kept())
				disk(map[int]string{0: "remount,size=9m", 1: "remount,size=256m"}[round])
			}
			missing := 10_001 - countLines(file)
			r := start("port 9")
			for i, k := range killed {
				r.Until("the earlier captures to be complete", func() bool {
					l := lab.ReadMeta(t, k).Ledger
					return len(l.Followers) == 1 && l.Followers[0].Behind == 0
				})
				l := lab.ReadMeta(t, k).Ledger
				if lab.Balanced(t, l); l.Written != uint64(5_000+i) {
					t.Errorf("capture %d has %d packets", i, l.Written)
				}
			}
			if code := r.End(); code != 0 {
				t.Fatalf("exit code %d\n%s", code, r.Stderr())
			}
			t.Logf("%d lines were missing", missing)
			b, err := os.ReadFile(file)
			must(t, err)
			seen := map[string]int{}
			for line := range strings.Lines(string(b)) {
				var record struct {
					Len        int
					PayloadHex string `json:"payload_hex"`
				}
				if err := json.Unmarshal([]byte(line), &record); err != nil {
					t.Fatalf("%v: %.100q", err, line)
				}
				seen[record.PayloadHex[:16]]++ // the number that was sent
			}
			if lines := strings.Count(string(b), "\n"); lines != 10_001 || missing < 1_000 {
				t.Errorf("%d lines for 10001 packets", lines)
			}
			for i := range 5_001 {
				want := 2
				if i == 5_000 {
					want = 1 // of the second capture only
				}
				if n := seen[sentAs(i)]; n != want {
					t.Fatalf("packet %d of both captures has %d lines, want %d", i, n, want)
				}
			}
		})
	}
}

// sentAs is how the payload of sendUDP's packet i begins, in hex.
func sentAs(i int) string {
	b := make([]byte, 8)
	copy(b, strconv.Itoa(i)+"\n")
	return hex.EncodeToString(b)
}

func countLines(file string) int {
	b, _ := os.ReadFile(file)
	return strings.Count(string(b), "\n")
}

func TestWrongPasswordIsSaidAndCaptureGoesOn(t *testing.T) {
	ns := lab.NewNamespace(t)
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", t.TempDir(), "--view", "none",
		"--db", "postgres://packetuser:secret-word@127.0.0.1:1/packetdb", "udp")
	r.Capturing()
	ns.MustSend(t, 100, 100, 0)
	r.Until("the database's trouble", func() bool { return strings.Contains(r.Stderr(), "127.0.0.1:1") })
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	if strings.Contains(r.Stderr()+r.Stdout(), "secret-word") {
		t.Error("the password is shown")
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	if m.Ledger.Written != 100 {
		t.Errorf("written %d", m.Ledger.Written)
	}
}
