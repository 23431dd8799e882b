package archive

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// LockName is the file in a data directory that says who captures into it.
const LockName = "capture.lock"

// LockedError says that another process captures into the data directory.
type LockedError struct {
	DataDir string
	Holder  string // what the holder wrote about itself: process and start
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("data directory %s is locked by another capture (%s)", e.DataDir, e.Holder)
}

type lock struct{ f *os.File }

func lockDir(dir string) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, LockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("archive: lock data directory: %w", err)
	}
	ok, err := tryLock(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("archive: lock data directory %s: %w", dir, err)
	}
	if !ok {
		text, _ := io.ReadAll(io.LimitReader(f, 200))
		_ = f.Close()
		holder := strings.TrimSpace(string(text))
		if holder == "" {
			holder = "unknown process"
		}
		return nil, &LockedError{DataDir: dir, Holder: holder}
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintf(f, "process %d since %s\n", os.Getpid(), time.Now().Format(time.RFC3339))
	}
	return &lock{f}, nil
}

func (l *lock) unlock() {
	_ = l.f.Truncate(0)
	_ = l.f.Close()
}
