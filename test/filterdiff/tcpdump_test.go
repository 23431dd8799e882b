package filterdiff

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// newTcpdump is the real one over a folder of the test. Without it the test is skipped, and fails in CI.
func newTcpdump(t *testing.T) *Tcpdump {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tcpdump is not installed, and this is CI")
		}
		t.Skip("tcpdump is not installed")
	}
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && len(d) > 1; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			break
		}
	}
	d, err := NewTcpdump(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
