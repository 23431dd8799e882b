package live_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// TestCapturesInOneFolder: captures one after another stand side by side, each whole; a second
// one at the same time, and an import, are refused with who is there, and the first goes on.
func TestCapturesInOneFolder(t *testing.T) {
	ns := lab.NewNamespace(t)
	dir := filepath.Join(t.TempDir(), "data")
	capture := func(extra ...string) *lab.Run {
		return start(t, ns, append([]string{"capture", "-i", "vb", "--view", "none", "--data-dir", dir}, extra...)...)
	}
	first := capture()
	first.Capturing()
	ns.MustSend(t, 300, 100, 0)
	for what, other := range map[string]*lab.Run{
		"a capture": capture(),
		"an import": lab.Start(t, exec.Command(binary, "import", "--data-dir", dir, filepath.Join(first.Kept(), "000001.pcapng"))),
	} {
		code := other.Wait(20 * time.Second)
		for _, text := range []string{"locked by another capture (process ", "--data-dir DIR"} {
			if code != 7 || !strings.Contains(other.Stderr(), text) {
				t.Errorf("%s at the same time: exit code %d, %s", what, code, other.Stderr())
			}
		}
	}
	ns.MustSend(t, 200, 100, 0)
	first.Until("all packets", func() bool { return lab.CountPackets(t, binary, first.Kept()) == 500 })
	if code := first.End(); code != 0 {
		t.Fatalf("exit code %d: %s", code, first.Stderr())
	}
	kept := map[string]uint64{first.Kept(): 500}
	for n := range uint64(2) { // in the same second, it may be
		next := capture("-c", "10")
		next.Capturing()
		ns.MustSend(t, 10, 100+int(n), 0)
		if code := next.Wait(20 * time.Second); code != 0 {
			t.Fatalf("exit code %d: %s", code, next.Stderr())
		}
		kept[next.Kept()] = 10
	}
	if len(kept) != 3 {
		t.Errorf("two captures in one folder: %v", kept)
	}
	for folder, want := range kept {
		lab.Balanced(t, lab.ReadMeta(t, folder).Ledger)
		if n := lab.CountPackets(t, binary, folder); n != want || filepath.Dir(folder) != dir {
			t.Errorf("%s: %d packets, want %d", folder, n, want)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 4 { // and the lock
		t.Errorf("%v, %v", list, err)
	}
}
