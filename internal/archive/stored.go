package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// segmentNumbers lists the segments of a capture folder, in order.
func segmentNumbers(root *os.Root) ([]uint32, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("archive: list %s: %w", root.Name(), err)
	}
	var numbers []uint32
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, ".pcapng")
		if !ok || len(digits) < 6 {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || n == 0 || FileName(uint32(n)) != name {
			continue
		}
		numbers = append(numbers, uint32(n))
	}
	slices.Sort(numbers)
	return numbers, nil
}

// IsCapture tells whether dir is a capture folder.
func IsCapture(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, MetaName)); err == nil {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, FileName(1)))
	return err == nil
}

// List returns the capture folders below a data directory, oldest first.
func List(dataDir string) ([]string, error) {
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		if d := filepath.Join(dataDir, e.Name()); e.IsDir() && IsCapture(d) {
			dirs = append(dirs, d)
		}
	}
	return dirs, nil
}

// Stored is a capture that is read, not written: one that has ended, or one that another
// process is writing.
type Stored struct {
	Meta Meta
	dir  string
	root *os.Root
}

// Open opens a capture folder for reading.
func Open(dir string) (*Stored, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("archive: open capture: %w", err)
	}
	s := &Stored{dir: dir, root: root}
	if err := s.Refresh(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// Refresh looks again at what the folder holds: another process may be writing it.
func (s *Stored) Refresh() error {
	meta, err := readMeta(s.root)
	if errors.Is(err, fs.ErrNotExist) {
		meta, err = Meta{Format: MetaFormat, State: StateOpen, ID: filepath.Base(s.dir)}, nil
	}
	if err != nil {
		return err
	}
	segs, err := scanSegments(s.root, meta)
	if err != nil {
		return err
	}
	meta.Segments = meta.Segments[:0]
	for _, sc := range segs {
		meta.Segments = append(meta.Segments, sc.SegmentInfo)
	}
	s.Meta = meta
	return nil
}

// Dir returns the capture's folder.
func (s *Stored) Dir() string { return s.dir }

// Root gives access to the capture's folder and to nothing else.
func (s *Stored) Root() *os.Root { return s.root }

// Packets returns how many packets the segments hold.
func (s *Stored) Packets() uint64 {
	var n uint64
	for _, seg := range s.Meta.Segments {
		n += seg.Packets
	}
	return n
}

// Close gives up the folder.
func (s *Stored) Close() error { return s.root.Close() }

// Walk hands out a stored capture's chunks in order. It is used by one goroutine.
type Walk struct {
	s       *Stored
	at      segment.Cursor
	disk    diskReader
	ifs     []segment.Interface
	ifsOf   uint32
	known   uint64 // packets before this number are no loss
	expired uint64
}

// Walk returns a Walk that starts at from; the zero Cursor means the beginning.
func (s *Stored) Walk(from segment.Cursor) *Walk {
	if from.Packet == 0 {
		from.Packet = 1
	}
	return &Walk{s: s, at: from, disk: diskReader{root: s.root}}
}

// Cursor is the place behind the chunk that was handed out last.
func (w *Walk) Cursor() segment.Cursor { return w.at }

// Known says that the follower has what it needs of the packets before number packet: that
// they are gone is no loss.
func (w *Walk) Known(packet uint64) { w.known = packet }

// Expired returns how many packets were gone before they could be handed out.
func (w *Walk) Expired() uint64 { return w.expired }

// Gone returns how many packets of the segments' numbers are gone before the Walk has
// begun: what Expired would be at its end.
func (w *Walk) Gone() uint64 {
	at, n := w.at.Packet, uint64(0)
	for i := range w.s.Meta.Segments {
		seg := &w.s.Meta.Segments[i]
		n += seg.First - min(seg.First, at)
		at = seg.First + seg.Packets
	}
	return n
}

// Next returns the next chunk, valid until the next call; io.EOF at the end.
func (w *Walk) Next(ctx context.Context) (*segment.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range w.s.Meta.Segments {
		seg := &w.s.Meta.Segments[i]
		if seg.Number < w.at.Segment {
			continue
		}
		if seg.Number > w.at.Segment {
			w.expired += gone(w.at.Packet, seg.First, w.known)
			w.at = segment.Cursor{Segment: seg.Number, Packet: seg.First}
		}
		if w.at.Offset >= seg.Bytes {
			continue
		}
		var c *segment.Chunk
		err := w.interfaces(seg.Number)
		if err == nil {
			c, err = w.disk.read(w.at, seg.Bytes)
		}
		if errors.Is(err, fs.ErrNotExist) {
			w.expired += skip(&w.at, seg, w.known)
			continue
		}
		if err != nil {
			return nil, err
		}
		c.Interfaces = w.ifs
		w.at.Offset += int64(len(c.Bytes))
		w.at.Packet += uint64(c.Packets)
		return c, nil
	}
	return nil, io.EOF
}

// Release exists for the sake of those who take chunks from anywhere.
func (w *Walk) Release(*segment.Chunk) {}

// Close gives up the open segment.
func (w *Walk) Close() { w.disk.close() }

func (w *Walk) interfaces(number uint32) error {
	if w.ifsOf == number {
		return nil
	}
	f, err := w.s.root.Open(FileName(number))
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer func() { _ = f.Close() }()
	if _, w.ifs, err = segment.ReadHead(f); err != nil {
		return fmt.Errorf("archive: read %s: %w", f.Name(), err)
	}
	w.ifsOf = number
	return nil
}

// Settle records in capture.json that a follower has caught up after the capture's end.
func (s *Stored) Settle(f FollowerEntry) error {
	if s.Meta.Ledger == nil {
		s.Meta.Ledger = &Ledger{Received: s.Packets(), Delivered: s.Packets(), Written: s.Packets()}
	}
	l := s.Meta.Ledger
	l.Followers = slices.DeleteFunc(slices.Clone(l.Followers), func(o FollowerEntry) bool { return o.Name == f.Name })
	l.Followers = append(l.Followers, f)
	return s.Meta.write(s.root)
}
