//go:build linux && !amd64 && !arm64

package sandbox

import (
	"fmt"
	"runtime"
)

func restrictCalls(*Access) error {
	return fmt.Errorf("%w: no list of system calls for %s", ErrUnsupported, runtime.GOARCH)
}
