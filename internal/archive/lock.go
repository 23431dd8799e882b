package archive

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/words"
)

// LockName is the file in a data directory that says who captures into it.
const LockName = "capture.lock"

// LockedError says that another process captures into the data directory.
type LockedError struct {
	DataDir string
	Holder  string // what the holder wrote about itself: process and start
}

func (e *LockedError) Error() string {
	return words.Sprintf("data directory %s is locked by another capture (%s)", e.DataDir, e.Holder)
}

type lock struct{ f *os.File }

func lockDir(dir string) (*lock, error) {
	// The folder may belong to somebody who left a link there; root would follow it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("archive: lock data directory: %w", err)
	}
	f, err := root.OpenFile(LockName, os.O_RDWR|os.O_CREATE, 0o600)
	_ = root.Close()
	if err != nil {
		return nil, fmt.Errorf("archive: lock data directory %s: %w", dir, err)
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

// Recover puts the captures of a data directory in order that a crash left open, as the
// start of the next capture does. While a capture is running it returns a [*LockedError].
func Recover(dataDir string) ([]Recovery, error) {
	l, err := lockDir(dataDir)
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	return RecoverAll(dataDir)
}

// BusyError says that another process is making the files beside a capture's segments.
type BusyError struct{ Dir string }

// Error implements error.
func (e *BusyError) Error() string {
	return words.Sprintf("%s is being indexed by another process", e.Dir)
}

// Exclusive lets one process at a time make what is derived from the capture; others get
// a [*BusyError]. release ends it.
func (s *Stored) Exclusive() (release func(), err error) {
	f, err := s.root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	// Where folders cannot be locked nobody is kept out.
	if ok, err := tryLock(f); err == nil && !ok {
		_ = f.Close()
		return nil, &BusyError{s.dir}
	}
	return func() { _ = f.Close() }, nil
}
