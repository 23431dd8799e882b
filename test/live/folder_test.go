package live_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCapturesInOneFolder: captures one after another stand side by side, each whole; a second
// one at the same time, and an import, are refused with who is there, and the first goes on.
func TestCapturesInOneFolder(t *testing.T) {
	ns := newNamespace(t)
	dir := filepath.Join(t.TempDir(), "data")
	capture := func(extra ...string) *run {
		return ns.start(t, append([]string{"capture", "-i", "vb", "--view", "none", "--data-dir", dir}, extra...)...)
	}
	first := capture()
	first.capturing()
	ns.sendUDP(t, 300, 100, 0)
	for what, other := range map[string]*run{
		"a capture": capture(),
		"an import": startCommand(t, exec.Command(binary, "import", "--data-dir", dir, filepath.Join(first.kept(), "000001.pcapng"))),
	} {
		code := other.wait(20 * time.Second)
		for _, text := range []string{"locked by another capture (process ", "--data-dir DIR"} {
			if code != 7 || !strings.Contains(other.stderr(), text) {
				t.Errorf("%s at the same time: exit code %d, %s", what, code, other.stderr())
			}
		}
	}
	ns.sendUDP(t, 200, 100, 0)
	first.until("all packets", func() bool { return countPackets(t, first.kept()) == 500 })
	if code := first.end(); code != 0 {
		t.Fatalf("exit code %d: %s", code, first.stderr())
	}
	kept := map[string]uint64{first.kept(): 500}
	for n := range uint64(2) { // in the same second, it may be
		next := capture("-c", "10")
		next.capturing()
		ns.sendUDP(t, 10, 100+int(n), 0)
		if code := next.wait(20 * time.Second); code != 0 {
			t.Fatalf("exit code %d: %s", code, next.stderr())
		}
		kept[next.kept()] = 10
	}
	if len(kept) != 3 {
		t.Errorf("two captures in one folder: %v", kept)
	}
	for folder, want := range kept {
		balanced(t, readMeta(t, folder).Ledger)
		if n := countPackets(t, folder); n != want || filepath.Dir(folder) != dir {
			t.Errorf("%s: %d packets, want %d", folder, n, want)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 4 { // and the lock
		t.Errorf("%v, %v", list, err)
	}
}
