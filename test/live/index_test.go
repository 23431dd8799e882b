package live_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// rawPackets counts the packets by reading them.
func rawPackets(t *testing.T, path string) uint64 {
	t.Helper()
	return uint64(bytes.Count(printed(t, "read", "-T", "fields", "-e", "frame.number", path), []byte("\n")))
}

// answersOf asks a capture and makes one text of the answers.
func answersOf(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	for _, args := range [][]string{
		{"stats", "--json", folder}, {"top", "udp.dstport", folder}, {"top", "src", folder}, {"series", folder, "--json"},
		{"packets", folder, "-Y", "udp.port == 5353 && frame.len > 100", "-n", "5", "--json"},
		{"top", "udp.stream", folder}, {"packets", folder, "-Y", "udp.stream == 0", "-n", "3", "--json"},
	} {
		b.Write(printed(t, args...))
	}
	return b.String()
}

// mended makes the index and checks that the answers are those that there were without, and
// that there is nothing left to do or of what was in hand.
func mended(t *testing.T, folder string) {
	t.Helper()
	printed(t, "reindex", folder)
	if m := lab.ReadMeta(t, folder); m.State == "open" {
		t.Error("the capture is still open")
	}
	after := answersOf(t, folder)
	if again := string(printed(t, "reindex", folder)); !strings.Contains(again, ": 0 segments indexed") {
		t.Errorf("there was something left to do: %s", again)
	}
	derived, err := filepath.Glob(filepath.Join(folder, "*.parquet"))
	must(t, err)
	if len(derived) < 4 {
		t.Errorf("%d files beside the segments", len(derived))
	}
	for _, name := range derived {
		must(t, os.Remove(name))
	}
	if before := answersOf(t, folder); before != after {
		t.Errorf("with an index:\n%s\nwithout:\n%s", after, before)
	}
	if left, err := filepath.Glob(filepath.Join(folder, "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// The disk is full when a segment's index is to be written: capture and questions go on,
// it is said, and reindex mends it when there is room.
func TestFullDiskWhileIndexing(t *testing.T) {
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
	must(t, os.WriteFile(ballast, make([]byte, 2<<20), 0o600))
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "log")
	r.Capturing()
	ns.MustSend(t, 4000, 1000, time.Millisecond)
	r.Until("the full disk to be reported", func() bool { return strings.Contains(r.Stderr(), "no space left") })
	// What a chunk of packets left over would do for an index.
	rest, err := os.OpenFile(filepath.Join(dir, "rest"), os.O_CREATE|os.O_WRONLY, 0o600)
	must(t, err)
	for err == nil {
		_, err = rest.Write(make([]byte, 4096))
	}
	rest.Close()
	r.End() // capture.json cannot be written either
	if said := r.Stderr(); !strings.Contains(said, "has no index") || !strings.Contains(said, "tarrafa reindex") {
		t.Errorf("nothing is said of the index:\n%s", said)
	}
	folder := r.Kept()
	n := rawPackets(t, folder)
	if got := lab.CountPackets(t, binary, folder); got != n || n < 1000 {
		t.Errorf("%d packets, %d were read", got, n)
	}
	must(t, os.Remove(ballast))
	must(t, os.Remove(rest.Name()))
	mended(t, folder)
	if got := rawPackets(t, folder); got != n {
		t.Errorf("%d packets, there were %d", got, n)
	}
}

// Killed at any moment while segments are sealed and indexed, nothing is answered wrongly,
// and reindex mends what is missing without another capture.
func TestKilledWhileSealing(t *testing.T) {
	ns := lab.NewNamespace(t)
	for i := range 4 {
		dir := t.TempDir()
		r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--segment-size", "1MiB")
		r.Capturing()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			ns.MustSend(t, 12000, 1000, time.Millisecond)
		}()
		folder := r.Kept()
		// As soon as a segment has been sealed, and a little later each time.
		r.Until("a segment to be sealed", func() bool {
			_, err := os.Stat(filepath.Join(folder, fmt.Sprintf("%06d.pcapng", 2+i)))
			return err == nil
		})
		time.Sleep(time.Duration(i*7) * time.Millisecond)
		must(t, r.Cmd.Process.Kill())
		r.Wait(5 * time.Second)
		<-sent
		n := rawPackets(t, folder)
		if got := lab.CountPackets(t, binary, folder); got != n || n == 0 {
			t.Errorf("round %d: %d packets, %d were read", i, got, n)
		}
		before := answersOf(t, folder)
		mended(t, folder)
		if got := rawPackets(t, folder); got != n {
			t.Errorf("round %d: %d packets, there were %d", i, got, n)
		}
		// The ledger is written anew: compare what the packets say.
		plain := func(s string) string { _, s, _ = strings.Cut(s, "packets  "); return s }
		if after := answersOf(t, folder); plain(after) != plain(before) {
			t.Errorf("round %d, after:\n%s\nbefore:\n%s", i, after, before)
		}
	}
}

// Others ask while a capture runs: answers grow and are never wrong; a second capture and
// reindex keep away.
func TestTwoProcessesOnOneDirectory(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	r := start(t, ns, "capture", "-i", "vb", "--data-dir", dir, "--view", "none", "--segment-size", "1MiB")
	r.Capturing()
	folder := r.Kept()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		ns.MustSend(t, 8000, 1000, 2*time.Millisecond)
	}()
	last := uint64(0)
	for i := range 8 {
		n := lab.CountPackets(t, binary, folder)
		if n < last || n > 8000 {
			t.Errorf("%d packets after %d", n, last)
		}
		last = n
		var page struct{ Rows int }
		page.Rows = bytes.Count(printed(t, "packets", folder, "-Y", "udp.stream == 0 && udp.port == 5353", "-n", "10000", "--json"), []byte("\n"))
		if page.Rows < int(n) || page.Rows > 8000 {
			t.Errorf("round %d: %d rows after %d packets", i, page.Rows, n)
		}
	}
	again := lab.Start(t, exec.Command(binary, "reindex", folder))
	if code := again.Wait(10 * time.Second); code != 0 || !strings.Contains(again.Stderr(), "being captured") {
		t.Errorf("reindex meanwhile: code %d, %s", code, again.Stderr())
	}
	<-sent
	r.Until("all packets", func() bool { return lab.CountPackets(t, binary, folder) == 8000 })
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d: %s", code, r.Stderr())
	}
	lab.Balanced(t, lab.ReadMeta(t, folder).Ledger)
	mended(t, folder)
	if n := rawPackets(t, folder); n != 8000 {
		t.Errorf("%d packets", n)
	}
}
