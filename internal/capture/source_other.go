//go:build !linux && !darwin && !windows

package capture

import (
	"errors"
	"runtime"
)

// ErrUnsupported tells that there is no source for this operating system.
var ErrUnsupported = errors.New("capturing is not supported on " + runtime.GOOS + "; reading files is")

// LinuxExtensions says whether a program for this system may use the ancillary loads of
// Linux (VLAN tag, direction, interface).
const LinuxExtensions = false

// Open returns [ErrUnsupported].
func Open(Options) (Source, error) { return nil, ErrUnsupported }
