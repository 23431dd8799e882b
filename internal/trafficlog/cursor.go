package trafficlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// keeper keeps the file that says how far the record got. It is written behind the lines:
// after a crash, lines that it does not know of are counted, or recognised by their
// number, and not written again. A nil keeper keeps nothing.
type keeper struct {
	path  string
	file  *os.File
	place place
	known bool // an earlier run has written some of the capture
	size  int  // of what the file holds, bytes
	err   error
}

// place is what the file holds, a line of JSON.
type place struct {
	Capture string         `json:"capture"`
	Record  string         `json:"record"` // absolute path
	Extra   bool           `json:"extra"`  // the Options
	UDP     bool           `json:"udp"`
	Cursor  segment.Cursor `json:"cursor"`
	File    string         `json:"file"`           // which file the size is of; the name alone says nothing after a rotation
	Size    int64          `json:"size"`           // of the record, after the last line that the cursor covers; -1: nothing was written yet
	Also    []span         `json:"also,omitempty"` // further files with lines behind the cursor: renamed ones
}

// span is a file from an offset on.
type span struct {
	File string `json:"file"`
	Size int64  `json:"size"`
}

// mostSpans bounds place.Also.
const mostSpans = 16

// Kept is what a cursor file says of a record.
type Kept struct {
	Record     string // absolute path
	Capture    string
	Extra, UDP bool           // the Options with which it is written
	Cursor     segment.Cursor // everything before it has its line
}

// ReadKept reads a cursor file: [Options.CursorFile].
func ReadKept(path string) (Kept, error) {
	f, err := os.Open(path)
	if err != nil {
		return Kept{}, fmt.Errorf("trafficlog: %w", err)
	}
	defer func() { _ = f.Close() }()
	p, err := readPlace(f)
	if err != nil {
		return Kept{}, fmt.Errorf("trafficlog: read %s: %w", path, err)
	}
	return Kept{p.Record, p.Capture, p.Extra, p.UDP, p.Cursor}, nil
}

var errNoPlace = errors.New("not a cursor of a traffic record")

func readPlace(f *os.File) (place, error) {
	b, err := io.ReadAll(io.LimitReader(f, largestPlace))
	if err != nil {
		return place{}, err
	}
	var p place
	if json.Unmarshal(b, &p) != nil || p.Cursor.Offset < 0 || p.Size < -1 || p.Capture == "" {
		return place{}, errNoPlace
	}
	return p, nil
}

// openKeeper opens the cursor file, when one is wanted.
func (l *Log) openKeeper() {
	if l.opt.Capture == "" || l.opt.CursorFile == "" || !l.regular {
		return
	}
	k := &keeper{path: l.opt.CursorFile}
	if err := k.open(l); err != nil {
		l.opt.Log.Warn("the record's cursor cannot be kept: after a crash lines may be missing or there twice", "file", k.path, "error", err)
		return
	}
	l.keeper = k
}

// Resume returns the place from which to follow the capture, known from an earlier run
// with the same Capture and CursorFile; the zero Cursor otherwise. Lines that were written
// behind that place are recognised and not written again: by their number, or, without our
// additions, by counting, for which nobody else may have written since. It is called before
// the first Apply.
func (l *Log) Resume() (segment.Cursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keeper
	if k == nil {
		return segment.Cursor{}, nil
	}
	size, err := l.size()
	if err != nil {
		return segment.Cursor{}, err
	}
	p := &k.place
	now := identity(l.file)
	if k.known {
		if p.File == now && size < p.Size && l.opt.Extra {
			// The record lost its end, with the power: from the beginning, to the last number.
			p.Cursor, p.Size = segment.Cursor{}, 0
		}
		l.done, l.skip = before(p.Cursor.Packet), 0
		for _, s := range append(p.Also, span{p.File, p.Size}) {
			if err := l.recognise(s, now); err != nil {
				return segment.Cursor{}, err
			}
		}
		l.found = l.done
	}
	if p.File != now {
		if k.known && len(p.Also) < mostSpans {
			p.Also = append(p.Also, span{p.File, p.Size})
		}
		p.File, p.Size = now, size
		k.write()
	}
	return k.place.Cursor, nil
}

func (l *Log) size() (int64, error) {
	info, err := l.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("trafficlog: %w", err)
	}
	return info.Size(), nil
}

// renamed finds the file that was the record when the program was killed, and has another
// name in the same folder since; an unfinished line at its end is cut off. It is the
// caller's to close; nil when there is none.
func (l *Log) renamed(id string) *os.File {
	dir := filepath.Dir(l.path)
	entries, err := os.ReadDir(dir)
	if err != nil || id == "" {
		return nil
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			continue
		}
		if identity(f) == id {
			if alone(f) {
				if err := l.mendTail(f); err != nil {
					l.opt.Log.Warn("the end of the renamed traffic record", "error", err)
				}
			}
			return f
		}
		_ = f.Close()
	}
	return nil
}

// recognise notes which lines of this capture stand in a part of the record. now is the
// identity of the file that is open.
func (l *Log) recognise(s span, now string) error {
	f := l.file
	if s.File != now {
		if f = l.renamed(s.File); f == nil {
			return nil
		}
		defer func() { _ = f.Close() }()
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("trafficlog: %w", err)
	}
	if info.Size() <= s.Size {
		return nil
	}
	number, lines, err := l.linesBehind(f, s.Size, info.Size())
	if err != nil {
		return err
	}
	if l.opt.Extra {
		l.done = max(l.done, number)
	} else {
		l.skip += lines
	}
	return nil
}

// linesBehind looks at the lines between two offsets of a file. It returns the highest
// packet number among those of this capture, and how many lines there are.
func (l *Log) linesBehind(f *os.File, from, to int64) (number, lines uint64, err error) {
	mark := slices.Concat(textCapture.bytes(), appendString(nil, l.opt.Capture), textNumber.bytes())
	r := bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), longestLine)
	for {
		line, err := r.ReadSlice('\n')
		if err == nil {
			lines++
		}
		if i := bytes.LastIndex(line, mark); i >= 0 {
			number = max(number, leadingNumber(line[i+len(mark):]))
		}
		switch {
		case errors.Is(err, io.EOF):
			return number, lines, nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return 0, 0, fmt.Errorf("trafficlog: read %s: %w", l.path, err)
		}
	}
}

// leadingNumber reads the decimal digits at the beginning of b.
func leadingNumber(b []byte) (n uint64) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// largestPlace bounds what is read of a cursor file.
const largestPlace = 64 << 10

// open opens the cursor file and looks at what it holds. What cannot be understood, or is of
// another capture or record, counts as nothing.
func (k *keeper) open(l *Log) error {
	f, err := os.OpenFile(k.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(k.path, os.O_RDWR, 0)
	}
	if err != nil {
		return fmt.Errorf("trafficlog: %w", err)
	}
	path, err := filepath.Abs(l.path)
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("trafficlog: %w", err)
	}
	k.file = f
	old, err := readPlace(f)
	if err == nil && old.Capture == l.opt.Capture && old.Record == path && old.Size >= 0 {
		k.known, k.place = true, old
	} else {
		k.place = place{Capture: l.opt.Capture, Record: path, Size: -1}
	}
	k.place.Extra, k.place.UDP = l.opt.Extra, l.opt.UDP
	k.write()
	return nil
}

// begin notes where the first line will be, before it is written.
func (k *keeper) begin(f *os.File) {
	if k == nil || k.place.Size >= 0 {
		return
	}
	k.place.File, k.place.Size = identity(f), 0
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		k.place.Size = size
	}
	k.write()
}

// store notes that everything before c is written. An error is kept for close: the lines
// are what counts, and their numbers tell where to go on.
func (k *keeper) store(c segment.Cursor, f *os.File) {
	if k == nil {
		return
	}
	k.place.Cursor, k.place.Also = c, nil
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		k.place.Size = size
	}
	k.write()
}

// moved notes that the record goes on in another file.
func (k *keeper) moved(old, f *os.File) {
	if k == nil {
		return
	}
	// Of a batch that a full disk took in part there are lines behind the cursor.
	if size, err := old.Seek(0, io.SeekEnd); err == nil && k.place.Size >= 0 && size > k.place.Size && len(k.place.Also) < mostSpans {
		k.place.Also = append(k.place.Also, span{k.place.File, k.place.Size})
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
