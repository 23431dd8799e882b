//go:build linux

// Soak lets a capture run for a while under load and has one accident after another happen
// to it, at random from a printed seed: the database killed, stopped, hanging; the capture
// stopped, interrupted, killed; its record rotated; its interface down, or deleted and made
// anew. At the end every ledger must balance, and the database must hold every packet of
// every capture once.
//
// It needs root, iproute2 and PostgreSQL, and works in a network namespace of its own:
//
//	make soak DURATION=10m SEED=7
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

func main() {
	duration := flag.Duration("duration", 2*time.Minute, "of the load")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()%1e9), "of the accidents")
	flag.Parse()
	os.Exit(run(*duration, *seed))
}

func run(duration time.Duration, seed uint64) (code int) {
	t := &report{}
	defer t.cleanUp()
	defer func() {
		switch v := recover().(type) {
		case nil:
		case stopped:
			code = v.code
		default:
			panic(v)
		}
	}()
	fmt.Printf("soak: seed %d, %s\n", seed, duration)
	s := newSoak(t, seed)
	s.load(duration)
	s.check()
	if t.failed.Load() {
		fmt.Printf("soak: FAILED, seed %d\n", seed)
		return 1
	}
	fmt.Println("soak: every ledger balances, every packet is in the database once")
	return 0
}

// report is the lab's test. It is used by one goroutine at a time, except for Errorf.
type report struct {
	failed   atomic.Bool
	cleanups []func()
}

// stopped ends the soak early.
type stopped struct{ code int }

// Helper implements lab.T.
func (*report) Helper() {}

// Cleanup implements lab.T.
func (r *report) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// Errorf implements lab.T.
func (r *report) Errorf(format string, args ...any) {
	r.failed.Store(true)
	fmt.Printf("soak: "+format+"\n", args...)
}

// Fatalf implements lab.T.
func (r *report) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(stopped{1})
}

// Skipf implements lab.T.
func (*report) Skipf(format string, args ...any) {
	fmt.Printf("soak: cannot run here: "+format+"\n", args...)
	panic(stopped{0})
}

func (r *report) cleanUp() {
	for _, v := range slices.Backward(r.cleanups) {
		v()
	}
}

type soak struct {
	t       *report
	rng     *rand.Rand
	ns      lab.Namespace
	server  *pgtest.Server
	name    string
	program string
	dir     string
	record  string
	records []string
	capture *lab.Run
	sent    atomic.Uint64
	done    map[string]int // accidents by name
	starts  int
	begin   time.Time
}

func newSoak(t *report, seed uint64) *soak {
	s := &soak{t: t, rng: rand.New(rand.NewPCG(seed, 1)), done: map[string]int{}, begin: time.Now()}
	s.ns = lab.NewNamespace(t)
	var err error
	if s.server, err = pgtest.New(); err != nil {
		lab.Missing(t, "%v", err)
	}
	t.Cleanup(func() { _ = s.server.Close() })
	var remove func()
	if s.program, remove, err = lab.Build("./cmd/tarrafa"); err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(remove)
	s.dir = lab.OpenDir(t)
	s.record = filepath.Join(s.dir, "logs", "traffic.json")
	s.name = pgtest.Superuser
	s.start()
	return s
}

func (s *soak) say(format string, args ...any) {
	fmt.Printf("%6.1fs %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// start starts a capture, as a user without rights.
func (s *soak) start() {
	s.starts++
	s.capture = lab.Start(s.t, s.ns.Command(s.program, "capture", "-i", "vb", "--user", "nobody", "--view", "none",
		"--data-dir", filepath.Join(s.dir, "data"), "--segment-size", "1MiB", "--json="+s.record, "--json-udp",
		"--db="+s.server.DSN(s.name, s.name), "udp port 5353"))
	s.capture.Capturing()
}

// accidents happen one after another; each leaves things so that the next can happen.
var accidents = []struct {
	name string
	f    func(s *soak)
}{
	{"database killed", func(s *soak) { s.try(s.server.Kill()); s.wait(1500); s.try(s.server.Start()) }},
	{"database stopped", func(s *soak) { s.try(s.server.Stop()); s.wait(1500); s.try(s.server.Start()) }},
	{"database hangs", func(s *soak) { s.try(s.server.Pause()); s.wait(3000); s.try(s.server.Resume()) }},
	{"database's connections ended", func(s *soak) {
		_, _ = s.server.Psql(s.name, "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and application_name = 'tarrafa'")
	}},
	{"table locked", func(s *soak) {
		_, _ = s.server.Psql(s.name, "begin; lock table packets in access exclusive mode; select pg_sleep(1); commit")
	}},
	{"record rotated", func(s *soak) {
		old := s.record + "." + strconv.Itoa(len(s.records))
		if os.Rename(s.record, old) == nil {
			s.records = append(s.records, old)
		}
		s.capture.Signal(syscall.SIGHUP)
	}},
	{"capture stands still", func(s *soak) { s.capture.Signal(syscall.SIGSTOP); s.wait(500); s.capture.Signal(syscall.SIGCONT) }},
	{"capture killed", func(s *soak) { _ = s.capture.Cmd.Process.Kill(); s.capture.Wait(10 * time.Second); s.start() }},
	{"capture ended", func(s *soak) { s.end(); s.start() }},
	{"interface down", func(s *soak) {
		s.ns.Sh(s.t, "ip link set vb down")
		s.wait(500)
		s.ns.Sh(s.t, "ip link set vb up; ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev va")
	}},
	{"interface deleted", func(s *soak) {
		s.ns.Sh(s.t, "ip link del vb")
		s.wait(500)
		s.ns.Sh(s.t, lab.Link)
	}},
}

func (s *soak) try(err error) {
	if err != nil {
		s.t.Fatalf("%v", err)
	}
}

// wait lets up to so many milliseconds pass.
func (s *soak) wait(most int) { time.Sleep(time.Duration(s.rng.IntN(most)) * time.Millisecond) }

func (s *soak) end() {
	if code := s.capture.End(); code != 0 {
		s.t.Errorf("the capture ended with %d:\n%s", code, s.capture.Stderr())
	}
}

// load sends packets and has accidents happen for a while.
func (s *soak) load(duration time.Duration) {
	s.begin = time.Now()
	stop := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			n, _ := s.ns.SendUDP(500, 100+i*37%1000, 2*time.Millisecond) // an interface that is away takes none
			s.sent.Add(uint64(n))
			time.Sleep(5 * time.Millisecond)
		}
	})
	for time.Since(s.begin) < duration {
		s.wait(2000)
		a := accidents[s.rng.IntN(len(accidents))]
		s.say("%s", a.name)
		s.done[a.name]++
		a.f(s)
		if s.capture.Exited() {
			s.t.Errorf("the capture is gone:\n%s", s.capture.Stderr())
			s.start()
		}
	}
	close(stop)
	sender.Wait()
	time.Sleep(200 * time.Millisecond)
	s.end()
}

// check compares archive, ledger, database and record.
func (s *soak) check() {
	// A last start finishes what the database is still owed.
	s.start()
	dirs, err := filepath.Glob(filepath.Join(s.dir, "data", "*", "capture.json"))
	s.try(err)
	var written, lost, dropped uint64
	inOrder := map[string]uint64{}
	for _, d := range dirs {
		d = filepath.Dir(d)
		if d == s.capture.Kept() {
			continue
		}
		m := lab.ReadMeta(s.t, d)
		lab.Balanced(s.t, m.Ledger)
		if n := lab.CountPackets(s.t, s.program, d); n != m.Ledger.Written {
			s.t.Errorf("%s holds %d packets, its ledger says %d", d, n, m.Ledger.Written)
		}
		if m.State == "open" {
			s.t.Errorf("%s is still open", d)
		}
		written += m.Ledger.Written
		lost += m.Ledger.Lost
		dropped += m.Ledger.Dropped
		if m.State == "closed" {
			for _, f := range m.Ledger.Followers {
				if f.Name == "JSON" {
					inOrder[m.ID] = f.Applied
				}
			}
		}
	}
	var rows string
	for limit := time.Now().Add(60 * time.Second); time.Now().Before(limit); time.Sleep(100 * time.Millisecond) {
		rows, _ = s.server.Psql(s.name, "select count(*) from packets")
		if strings.TrimSpace(rows) == strconv.FormatUint(written, 10) {
			break
		}
	}
	s.end()
	stored, _ := strconv.ParseUint(strings.TrimSpace(rows), 10, 64)
	// Sorted: on a table that was never analysed a hash of millions in parts takes minutes.
	different, err := s.server.Psql(s.name, "set enable_hashagg = off", "set max_parallel_workers_per_gather = 0",
		"select count(*) from (select distinct capture, number from packets) d")
	s.try(err)
	if stored != written || strings.TrimSpace(different) != strings.TrimSpace(rows) {
		s.t.Errorf("%d packets written, %d rows, %s different", written, stored, strings.TrimSpace(different))
	}
	lines := s.checkRecord(inOrder)
	s.say("%d captures, %v", s.starts, s.done)
	fmt.Printf("| sent | written | rows | doubled | lines | dropped by kernel | lost on disk |\n| %d | %d | %d | %d | %d | %d | %d |\n",
		s.sent.Load(), written, stored, stored-min(stored, written), lines, dropped, lost)
	if written > s.sent.Load() || written == 0 {
		s.t.Errorf("%d packets written, but %d sent", written, s.sent.Load())
	}
}

// checkRecord wants every line whole and there once; and of captures that ended in order,
// as many as their ledgers say.
func (s *soak) checkRecord(inOrder map[string]uint64) (lines int) {
	type key struct {
		Capture string
		Number  uint64
	}
	seen := map[key]bool{}
	per := map[string]uint64{}
	for _, name := range append(s.records, s.record) {
		b, err := os.ReadFile(name)
		s.try(err)
		for line := range strings.Lines(string(b)) {
			var k key
			if err := json.Unmarshal([]byte(line), &k); err != nil || !strings.HasSuffix(line, "\n") {
				s.t.Errorf("%s: a torn line: %.100q", name, line)
				continue
			}
			if seen[k] {
				s.t.Errorf("packet %d of %s has two lines", k.Number, k.Capture)
			}
			seen[k] = true
			per[k.Capture]++
			lines++
		}
	}
	for id, applied := range inOrder {
		if per[id] != applied {
			s.t.Errorf("%s: %d lines, the ledger says %d", id, per[id], applied)
		}
	}
	return lines
}
