//go:build linux

package faults_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// smallDisk mounts a tmpfs of the given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		lab.Missing(t, "mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestRecordDiskFull(t *testing.T) {
	for _, freed := range []bool{true, false} {
		name := map[bool]string{true: "freed", false: "until the end"}[freed]
		t.Run(name, func(t *testing.T) {
			ns := lab.NewNamespace(t)
			disk := smallDisk(t, "8m")
			ballast := filepath.Join(disk, "ballast")
			must(t, os.WriteFile(ballast, make([]byte, 7<<20), 0o600))
			record := filepath.Join(disk, "traffic.json")
			r := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", t.TempDir(), "--view", "none",
				"--json="+record, "--json-udp", "udp port 5353"))
			r.Capturing()
			ns.MustSend(t, 2000, 700, time.Millisecond)
			r.Says("no space left")
			sent := uint64(2000)
			numbers := lines(t, record)
			if len(numbers) == 0 || len(numbers) >= 2000 {
				t.Errorf("%d lines on the full disk", len(numbers))
			}
			if freed {
				must(t, os.Remove(ballast))
				must(t, os.Rename(record, record+".1"))
				// The old lines move to another disk, as logrotate would do it.
				moved := filepath.Join(t.TempDir(), "old.json")
				r.Signal(syscall.SIGHUP)
				r.Until("a new record", func() bool { _, err := os.Stat(record); return err == nil })
				b, err := os.ReadFile(record + ".1")
				must(t, err)
				must(t, os.WriteFile(moved, b, 0o600))
				must(t, os.Remove(record+".1"))
				r.Until("the record to catch up", func() bool {
					info, err := os.Stat(record)
					return err == nil && info.Size() > 100
				})
				time.Sleep(6 * time.Second) // the longest pause between two attempts is 5 s
				if code := r.End(); code != 0 {
					t.Fatalf("exit code %d\n%s", code, r.Stderr())
				}
				numbers = lines(t, moved, record)
			} else {
				_ = r.End()
				numbers = lines(t, record)
			}
			m := lab.ReadMeta(t, r.Kept())
			lab.Balanced(t, m.Ledger)
			if m.Ledger.Written != sent {
				t.Errorf("written %d of %d", m.Ledger.Written, sent)
			}
			if freed && uint64(len(numbers)) != sent {
				t.Errorf("%d lines of %d packets\n%s", len(numbers), sent, r.Stderr())
			}
			for _, f := range m.Ledger.Followers {
				if f.Name == "JSON" && f.Applied != uint64(len(numbers)) {
					t.Errorf("the ledger says that %d are applied, the record has %d lines", f.Applied, len(numbers))
				}
			}
			lab.FaultRow(t, "record's disk full, "+name, sent, uint64(len(numbers)), sent-uint64(len(numbers)), doubled(numbers))
			if doubled(numbers) != 0 {
				t.Error("lines are there twice")
			}
		})
	}
}

// The ring overruns while the capture stands still: what is missing is what the kernel
// said, to the packet.
func TestStoppedCaptureReportsItsLossExactly(t *testing.T) {
	ns := lab.NewNamespace(t)
	r := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", t.TempDir(), "--view", "none", "-B", "2048", "udp port 5353"))
	r.Capturing()
	sent := uint64(0)
	for range 3 {
		ns.MustSend(t, 500, 900, time.Millisecond)
		r.Signal(syscall.SIGSTOP)
		ns.MustSend(t, 8000, 900, 0)
		r.Signal(syscall.SIGCONT)
		sent += 8500
		time.Sleep(300 * time.Millisecond)
	}
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	stored := lab.CountPackets(t, program, r.Kept())
	lab.FaultRow(t, "ring overrun (SIGSTOP three times)", sent, stored, m.Ledger.Dropped, 0)
	if m.Ledger.Received != sent || stored+m.Ledger.Dropped != sent || m.Ledger.Dropped == 0 {
		t.Errorf("sent %d, stored %d, ledger %+v", sent, stored, m.Ledger)
	}
}

func TestSignalStorms(t *testing.T) {
	t.Run("SIGHUP", func(t *testing.T) {
		ns := lab.NewNamespace(t)
		dir := t.TempDir()
		record := filepath.Join(dir, "traffic.json")
		r := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--json="+record, "--json-udp", "udp port 5353"))
		r.Capturing()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 2000 {
				_ = r.Cmd.Process.Signal(syscall.SIGHUP)
				time.Sleep(200 * time.Microsecond)
			}
		}()
		ns.MustSend(t, 10000, 200, time.Millisecond)
		<-done
		time.Sleep(200 * time.Millisecond)
		if code := r.End(); code != 0 {
			t.Fatalf("exit code %d\n%s", code, r.Stderr())
		}
		m := lab.ReadMeta(t, r.Kept())
		lab.Balanced(t, m.Ledger)
		numbers := lines(t, record)
		lab.FaultRow(t, "2000 × SIGHUP", 10000, uint64(len(numbers)), m.Ledger.Dropped+m.Ledger.Lost, doubled(numbers))
		if m.Ledger.Written != 10000 || len(numbers) != 10000 || doubled(numbers) != 0 {
			t.Errorf("written %d, %d lines", m.Ledger.Written, len(numbers))
		}
	})
	// A second Ctrl+C ends the program at once, on purpose; what was written survives that.
	t.Run("SIGINT and SIGTERM", func(t *testing.T) {
		ns := lab.NewNamespace(t)
		dir := t.TempDir()
		for _, pause := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond} {
			r := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "udp port 5353"))
			r.Capturing()
			ns.MustSend(t, 1000, 200, time.Millisecond)
			time.Sleep(300 * time.Millisecond)
			for i := range 50 {
				_ = r.Cmd.Process.Signal([]syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2])
				time.Sleep(pause)
			}
			r.Wait(10 * time.Second)
			if strings.Contains(r.Stderr(), "goroutine ") {
				t.Errorf("panic:\n%s", r.Stderr())
			}
			if m := lab.ReadMeta(t, r.Kept()); m.State == "closed" {
				lab.Balanced(t, m.Ledger)
			}
			// The next start puts in order what was cut short.
			again := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--duration", "100ms", "port 9"))
			if code := again.Wait(10 * time.Second); code != 0 {
				t.Fatalf("exit code %d\n%s", code, again.Stderr())
			}
			m := lab.ReadMeta(t, r.Kept())
			lab.Balanced(t, m.Ledger)
			stored := lab.CountPackets(t, program, r.Kept())
			lab.FaultRow(t, "50 × SIGINT/SIGTERM, every "+pause.String()+" ("+m.State+")", 1000, stored, m.Ledger.Dropped+m.Ledger.Lost, 0)
			if stored != 1000 || m.Ledger.Written != 1000 {
				t.Errorf("stored %d, ledger %+v", stored, m.Ledger)
			}
		}
	})
}

// kill -9 under load loses at most what came in the last second, and the next start says
// how much is there.
func TestKillLosesLessThanASecond(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	r := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "udp port 5353"))
	r.Capturing()
	var sent atomic.Uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	begin := time.Now()
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			n, _ := ns.SendUDP(200, 300, 2*time.Millisecond)
			sent.Add(uint64(n))
		}
	}()
	time.Sleep(1500 * time.Millisecond)
	must(t, r.Cmd.Process.Kill())
	before, took := sent.Load(), time.Since(begin)
	close(stop)
	<-done
	r.Wait(5 * time.Second)
	again := lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--duration", "100ms", "port 9"))
	if code := again.Wait(10 * time.Second); code != 0 {
		t.Fatalf("exit code %d\n%s", code, again.Stderr())
	}
	if !strings.Contains(again.Stderr(), "recovered") {
		t.Errorf("the next start does not say what it found:\n%s", again.Stderr())
	}
	stored := lab.CountPackets(t, program, r.Kept())
	second := uint64(float64(before) / took.Seconds())
	lost := before - min(before, stored)
	lab.FaultRow(t, "kill -9 under load", before, stored, lost, 0)
	if lost > second {
		t.Errorf("%d of %d packets lost, more than a second's %d", lost, before, second)
	}
	lab.Balanced(t, lab.ReadMeta(t, r.Kept()).Ledger)
}

// Of several captures that start at once on one directory, exactly one runs.
func TestOnlyOneCaptureOwnsADirectory(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	var runs []*lab.Run
	for range 5 {
		runs = append(runs, lab.Start(t, ns.Command(program, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "udp port 5353")))
	}
	var owner *lab.Run
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		ended := 0
		for _, r := range runs {
			if r.Exited() {
				ended++
			} else if strings.Contains(r.Stderr(), "Capturing on") {
				owner = r
			}
		}
		if ended == len(runs)-1 && owner != nil {
			break
		}
	}
	if owner == nil {
		t.Fatal("nobody captures")
	}
	ns.MustSend(t, 1000, 100, time.Millisecond)
	for _, r := range runs {
		if r == owner {
			continue
		}
		if code := r.Wait(time.Second); code != 7 || !strings.Contains(r.Stderr(), "locked") {
			t.Errorf("exit code %d\n%s", code, r.Stderr())
		}
	}
	time.Sleep(100 * time.Millisecond)
	if code := owner.End(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	m := lab.ReadMeta(t, owner.Kept())
	lab.Balanced(t, m.Ledger)
	lab.FaultRow(t, "five captures on one directory", 1000, m.Ledger.Written, m.Ledger.Dropped+m.Ledger.Lost, 0)
	if m.Ledger.Written != 1000 {
		t.Errorf("written %d", m.Ledger.Written)
	}
}
