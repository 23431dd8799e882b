package archive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// FindingsName is the file of a capture's findings: a JSON object a line.
const FindingsName = "findings.jsonl"

// PruneFindings takes the findings out of a capture's folder whose packets are gone: those
// that were last seen before the oldest packet that is kept, ns since 1970-01-01 UTC. It
// returns how many bytes are left. Nobody else may be writing to the file. What is no
// finding stays: it is not for this package to judge.
func PruneFindings(root *os.Root, oldest int64) (left int64, err error) {
	old, err := root.Open(FindingsName)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("archive: %w", err)
	}
	defer func() { _ = old.Close() }()
	const name = FindingsName + ".tmp"
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("archive: %w", err)
	}
	left, err = keepFindings(f, old, time.Unix(0, oldest))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(name, FindingsName)
	}
	if err != nil {
		_ = root.Remove(name)
		return 0, fmt.Errorf("archive: %s: %w", FindingsName, err)
	}
	return left, nil
}

// keepFindings copies the lines of findings that are not older.
func keepFindings(w io.Writer, r io.Reader, oldest time.Time) (n int64, err error) {
	in, out := bufio.NewReaderSize(r, 1<<16), bufio.NewWriterSize(w, 1<<16)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return n, err
		}
		var f struct {
			Last time.Time `json:"last"`
		}
		if len(line) > 0 && (json.Unmarshal(line, &f) != nil || f.Last.IsZero() || !f.Last.Before(oldest)) {
			n += int64(len(line))
			if _, err := out.Write(line); err != nil {
				return n, err
			}
		}
		if errors.Is(err, io.EOF) {
			return n, out.Flush()
		}
	}
}
