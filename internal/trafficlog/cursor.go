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

	"github.com/tarrafa/tarrafa/internal/segment"
)

// keeper keeps the file that says how far the record got. It is written behind the lines:
// after a crash, lines that it does not know of are counted, or recognised by their
// number, and not written again. A nil keeper keeps nothing.
type keeper struct {
	path  string
	file  *os.File
	place place
	size  int // of what the file holds, bytes
	err   error
}

// place is what the file holds, a line of JSON.
type place struct {
	Capture string         `json:"capture"`
	Cursor  segment.Cursor `json:"cursor"`
	File    string         `json:"file"` // which file the size is of; the name alone says nothing after a rotation
	Size    int64          `json:"size"` // of the record, after the last line that the cursor covers
}

// CursorPath returns where the cursor of a record is kept.
func CursorPath(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".cursor")
}

// findPlace works out where to go on, from the cursor file and from the record itself.
func (l *Log) findPlace() error {
	if l.opt.Capture == "" || !l.opt.KeepCursor || !l.regular {
		return nil
	}
	k := &keeper{path: CursorPath(l.path)}
	old, err := k.open(l)
	if err != nil {
		l.opt.Log.Warn("the record's cursor cannot be kept: after a crash lines may be there twice", "file", k.path, "error", err)
		return nil
	}
	l.keeper = k
	known := old.Capture == l.opt.Capture
	if known {
		l.start = old.Cursor
		l.done = before(old.Cursor.Packet)
	}
	// Lines behind the cursor.
	size, err := l.size()
	if err != nil {
		return err
	}
	if l.opt.Extra {
		if number, ok := l.lastNumber(); ok {
			l.done = max(l.done, number)
		}
	} else if known && old.File == identity(l.file) && size > old.Size {
		if l.skip, err = l.countLines(old.Size, size); err != nil {
			return err
		}
	}
	l.found = l.done
	k.place = place{Capture: l.opt.Capture, Cursor: l.start, File: identity(l.file), Size: old.Size}
	if !known || old.File != identity(l.file) {
		k.place.Size = size
	}
	k.write()
	return nil
}

func (l *Log) size() (int64, error) {
	info, err := l.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("trafficlog: %w", err)
	}
	return info.Size(), nil
}

// lastNumber returns the packet number in the last line, when that is of this capture.
func (l *Log) lastNumber() (uint64, bool) {
	tail, _, err := l.tail()
	if err != nil {
		return 0, false
	}
	tail = bytes.TrimSuffix(tail, []byte{'\n'})
	var last struct {
		Capture string `json:"capture"`
		Number  uint64 `json:"number"`
	}
	if json.Unmarshal(tail[bytes.LastIndexByte(tail, '\n')+1:], &last) != nil || last.Capture != l.opt.Capture {
		return 0, false
	}
	return last.Number, true
}

// countLines counts the ends of lines between two offsets of the record.
func (l *Log) countLines(from, to int64) (n uint64, err error) {
	buf := make([]byte, 64<<10)
	for from < to {
		m, err := l.file.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		n += uint64(bytes.Count(buf[:m], []byte{'\n'}))
		from += int64(m)
		if err != nil && !errors.Is(err, io.EOF) || m == 0 {
			return 0, fmt.Errorf("trafficlog: read %s: %w", l.path, err)
		}
	}
	return n, nil
}

// largestPlace bounds what is read of a cursor file.
const largestPlace = 64 << 10

// open opens the cursor file and returns what it holds. What cannot be understood counts
// as nothing.
func (k *keeper) open(l *Log) (place, error) {
	f, err := os.OpenFile(k.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = l.own(k.path)
	} else if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(k.path, os.O_RDWR, 0)
	}
	if err != nil {
		return place{}, fmt.Errorf("trafficlog: %w", err)
	}
	k.file = f
	b, err := io.ReadAll(io.LimitReader(f, largestPlace))
	if err != nil {
		_ = f.Close()
		return place{}, fmt.Errorf("trafficlog: %w", err)
	}
	var p place
	if json.Unmarshal(b, &p) != nil || p.Cursor.Offset < 0 || p.Size < 0 {
		return place{}, nil //nolint:nilerr // a damaged cursor is no cursor: the record itself tells the place
	}
	return p, nil
}

// store notes that everything before c is written. An error is kept for close: the lines
// are what counts, and their numbers tell where to go on.
func (k *keeper) store(c segment.Cursor, f *os.File) {
	if k == nil {
		return
	}
	k.place.Cursor = c
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		k.place.Size = size
	}
	k.write()
}

// moved notes that the record goes on in another file.
func (k *keeper) moved(f *os.File) {
	if k == nil {
		return
	}
	k.place.File = identity(f)
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		k.place.Size = size
	}
	k.write()
}

// write replaces the file's contents with one write of constant length, which a killed
// process does or does not.
func (k *keeper) write() {
	b, err := json.Marshal(&k.place)
	if err == nil {
		const multiple = 256
		b = append(b, bytes.Repeat([]byte{' '}, multiple-1-len(b)%multiple)...)
		b = append(b, '\n')
		_, err = k.file.WriteAt(b, 0)
	}
	if err == nil && k.size != len(b) {
		err = k.file.Truncate(int64(len(b)))
		k.size = len(b)
	}
	k.err = err
}

func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	return errors.Join(k.err, k.file.Close())
}
