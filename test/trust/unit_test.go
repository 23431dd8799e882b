package trust_test

import (
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// The service of packaging/ is closed off by systemd too: its own measure, 0 best to 10.
func TestServiceIsClosedOff(t *testing.T) {
	lab.Needs(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "../../packaging/tarrafa.service").CombinedOutput()
	m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		lab.Missing(t, "no measure from this systemd: %v\n%s", err, out)
	}
	level, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil || level >= 3.0 {
		t.Errorf("exposure %s %v, want less than 3.0\n%s", m[1], err, out)
	}
	t.Logf("exposure %.1f", level)
	if regexp.MustCompile(`Unknown|Failed to parse|ignoring`).Match(out) {
		t.Errorf("systemd does not understand all of it:\n%.300s", out)
	}
}
