package lab

import (
	"fmt"
	"os"
)

// faultTable is the environment variable that names the file to which the table of faults
// is appended: `make faults` prints it.
const faultTable = "TARRAFA_FAULT_TABLE"

// FaultRow says what came of a fault: packets sent, stored, reported as lost, and there
// more than once.
func FaultRow(t interface {
	T
	Logf(format string, args ...any)
}, fault string, sent, stored, lost, doubled uint64) {
	t.Helper()
	line := fmt.Sprintf("| %s | %d | %d | %d | %d |", fault, sent, stored, lost, doubled)
	t.Logf("%s", line)
	name := os.Getenv(faultTable)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Errorf("%v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("%v", err)
	}
}
