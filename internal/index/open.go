package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/tarrafa/tarrafa/internal/archive"
)

// DamageError says that an index file is not what was written.
type DamageError struct {
	Name string
	What string
}

// Error implements error.
func (e *DamageError) Error() string { return fmt.Sprintf("index %s is damaged: %s", e.Name, e.What) }

// StaleError says that an index is not of the segment beside it.
type StaleError struct{ Name, What string }

// Error implements error.
func (e *StaleError) Error() string {
	return fmt.Sprintf("index %s does not belong to its segment: %s", e.Name, e.What)
}

// File is one index file, or a file of counts, opened for reading: its table of contents.
// It holds no open file and is not changed, so that any number of goroutines may use it.
type File struct {
	Info   SegmentInfo
	Groups []GroupInfo

	root *os.Root
	name string
	kind string

	end        int64 // of the column data
	body, foot uint64
}

// Name returns the file's name in its folder.
func (f *File) Name() string { return f.name }

// Open reads the table of contents of a segment's index and checks that it speaks of that
// segment. The error is a [*DamageError], a [*VersionError], a [*StaleError], or what
// opening the file said ([fs.ErrNotExist]): all of them are mended by making the index
// again.
func Open(root *os.Root, capture string, seg *archive.SegmentInfo) (*File, error) {
	f, err := openFile(root, FileName(seg.Number), "packets", specNames(specs[:]))
	if err != nil {
		return nil, err
	}
	i := &f.Info
	switch {
	case capture != "" && i.Capture != capture:
		return nil, &StaleError{f.name, "it is of capture " + i.Capture}
	case i.Segment != seg.Number || i.First != seg.First || i.Packets != seg.Packets || i.SegmentBytes != seg.Bytes:
		return nil, &StaleError{f.name, fmt.Sprintf("it is of segment %d, packets %d to %d, %d bytes; the segment has packets %d to %d, %d bytes",
			i.Segment, i.First, i.First+i.Packets-1, i.SegmentBytes, seg.First, seg.First+seg.Packets-1, seg.Bytes)}
	}
	rows := uint64(0)
	for g := range f.Groups {
		rows += uint64(f.Groups[g].Rows)
		if f.Groups[g].Rows < GroupRows && g < len(f.Groups)-1 {
			return nil, &DamageError{f.name, "a row group that is not full"}
		}
	}
	if rows != i.Packets {
		return nil, &DamageError{f.name, "rows are missing"}
	}
	return f, nil
}

func specNames(s []spec) []string {
	names := make([]string, len(s))
	for i := range s {
		names[i] = s[i].name
	}
	return names
}

func openFile(root *os.Root, name, kind string, columns []string) (*File, error) {
	h, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	defer func() { _ = h.Close() }()
	stat, err := h.Stat()
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	d, end, err := readDirectory(h, stat.Size())
	if err != nil {
		if _, ok := errors.AsType[*VersionError](err); ok {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return nil, &DamageError{name, err.Error()}
	}
	if d.Kind != kind || !slices.Equal(d.Columns, columns) {
		return nil, &DamageError{name, "it is not a table of " + kind}
	}
	f := &File{Groups: d.Groups, root: root, name: name, kind: kind, end: end, body: d.Body, foot: d.Foot}
	if err := json.Unmarshal(d.Notes, &f.Info); err != nil {
		return nil, &DamageError{name, err.Error()}
	}
	return f, nil
}

// readDirectory finds the directory before the Parquet footer and checks it. end is where
// it starts.
func readDirectory(r io.ReaderAt, size int64) (d *directory, end int64, err error) {
	read := func(n, end int64) ([]byte, error) {
		if n > end {
			return nil, errors.New("it is cut off")
		}
		b := make([]byte, n)
		if _, err := r.ReadAt(b, end-n); err != nil {
			return nil, fmt.Errorf("it cannot be read: %w", err)
		}
		return b, nil
	}
	tail, err := read(8, size)
	if err != nil {
		return nil, 0, err
	}
	if string(tail[4:]) != parquetMagic {
		return nil, 0, errors.New("it does not end as a Parquet file does")
	}
	end = size - 8 - int64(binary.LittleEndian.Uint32(tail))
	t, err := read(trailerSize, end)
	if err != nil {
		return nil, 0, err
	}
	if string(t[12:]) != trailerMagic {
		return nil, 0, errors.New("it has no table of contents of this program")
	}
	n := int64(binary.LittleEndian.Uint32(t[8:]))
	if n > directoryMax {
		return nil, 0, errDirectory
	}
	b, err := read(n, end-trailerSize)
	if err != nil {
		return nil, 0, err
	}
	if xxh3.Hash(b) != binary.LittleEndian.Uint64(t) {
		return nil, 0, errDirectory
	}
	d = new(directory)
	end -= trailerSize + n
	return d, end, d.unpack(b, end)
}

// Rebuildable tells whether an error of this package is mended by making the index again.
func Rebuildable(err error) bool {
	var damage *DamageError
	var version *VersionError
	var stale *StaleError
	return errors.As(err, &damage) || errors.As(err, &version) || errors.As(err, &stale) || errors.Is(err, fs.ErrNotExist)
}
