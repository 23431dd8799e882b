//go:build !linux

package dissect

import (
	"errors"
	"io"
	"os/exec"
)

// Supported tells whether a helper can run on this system.
const Supported = false

func apart(*exec.Cmd) {}

// Serve answers questions from in until its end: only on Linux.
func Serve(io.Reader, io.Writer, string) error { return errors.ErrUnsupported }
