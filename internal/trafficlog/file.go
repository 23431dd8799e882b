package trafficlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// openFile opens the file at the record's path. On failure the Log stays as it was.
func (l *Log) openFile() error {
	if err := l.makeFolder(filepath.Dir(l.path)); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		f, err = openExisting(l.path)
	}
	if err != nil {
		return fmt.Errorf("trafficlog: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("trafficlog: %w", err)
	}
	l.file, l.out, l.regular = f, f, info.Mode().IsRegular()
	return nil
}

// openExisting opens a file that is there: for reading too where that is possible, since
// its end has to be looked at. A named pipe or a terminal can only be written to.
func openExisting(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
		if !errors.Is(err, fs.ErrPermission) {
			return f, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// makeFolder makes a folder and those above it that are missing.
func (l *Log) makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := l.makeFolder(parent); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("trafficlog: %w", err)
	}
	return nil
}

// longestLine bounds how far back the beginning of the last line is looked for: a record
// of the largest packet that is captured is half as long.
const longestLine = 2 << 20

// recordStart is how every record begins.
var recordStart = []byte(`{"timestamp"`)

// mendTail looks at the end of the file. An unfinished record is cut off, since its packet
// is written again; to anything else without an end of line one is added.
func (l *Log) mendTail(f *os.File) error {
	tail, err := tailOf(f)
	if err != nil || len(tail) == 0 || tail[len(tail)-1] == '\n' {
		return err
	}
	last := tail[bytes.LastIndexByte(tail, '\n')+1:]
	if bytes.HasPrefix(last, recordStart[:min(len(last), len(recordStart))]) && !json.Valid(last) {
		info, err := f.Stat()
		if err == nil {
			err = f.Truncate(info.Size() - int64(len(last)))
		}
		if err != nil {
			return fmt.Errorf("trafficlog: cut an unfinished line: %w", err)
		}
		l.status.Torn++
		l.opt.Log.Warn("cut an unfinished line off the traffic record", "file", f.Name(), "bytes", len(last))
		return nil
	}
	if _, err := f.Write([]byte{'\n'}); err != nil {
		return fmt.Errorf("trafficlog: %w", err)
	}
	return nil
}

// tailOf returns the last bytes of a file, at most longestLine. It returns nothing for a file
// that may not be read.
func tailOf(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("trafficlog: %w", err)
	}
	from := max(info.Size()-longestLine, 0)
	b := make([]byte, info.Size()-from)
	n, err := f.ReadAt(b, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil // not readable: appended to as it is
	}
	return b[:n], nil
}
