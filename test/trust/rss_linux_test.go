package trust_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// forgetPeak gives memory back that other tests used, and begins [peakRSS] again. A program
// that is started inherits the peak of who starts it (getrusage(2), ru_maxrss), so a test
// that measures one calls this, too.
func forgetPeak(t *testing.T) {
	t.Helper()
	debug.FreeOSMemory()
	must(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

// peakRSS is the most memory that this process had resident since [forgetPeak], or since
// it began, bytes.
func peakRSS(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	must(t, err)
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	var kb int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kb); err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
