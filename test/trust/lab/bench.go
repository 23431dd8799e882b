package lab

import (
	"fmt"
	"os"
	"slices"
)

// benchFailed is the exit code of a bench that could not measure.
const benchFailed = 3

// Bench is the T of a bench, which is a program of its own: what is missing or fails ends it,
// after what was made has been taken away.
type Bench struct{ cleanups []func() }

var _ T = (*Bench)(nil)

// Helper implements T.
func (*Bench) Helper() {}

// Cleanup implements T.
func (b *Bench) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }

// Errorf implements T.
func (*Bench) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Fatalf implements T.
func (b *Bench) Fatalf(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	b.CleanUp()
	os.Exit(benchFailed)
}

// Skipf implements T.
func (b *Bench) Skipf(format string, args ...any) { b.Fatalf(format, args...) }

// CleanUp takes away what was made, the newest first.
func (b *Bench) CleanUp() {
	for _, f := range slices.Backward(b.cleanups) {
		f()
	}
	b.cleanups = nil
}
