package index

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/zeebo/xxh3"

	"github.com/tarrafa/tarrafa/internal/archive"
)

// Verify reads the whole file and compares it with its checksums: every byte, those that
// only other Parquet readers look at too. The error is a [*DamageError], or what reading
// said.
func (f *File) Verify() error {
	h, err := f.root.Open(f.name)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer func() { _ = h.Close() }()
	stat, err := h.Stat()
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	d, end, err := readDirectory(h, stat.Size())
	if err != nil {
		return &DamageError{f.name, err.Error()}
	}
	if d.Body != f.body || d.Foot != f.foot || end != f.end {
		return &DamageError{f.name, "it has changed"}
	}
	foot, err := footOf(h, stat.Size())
	if err != nil {
		return err
	}
	body := xxh3.New()
	if err := hashFile(h, end, body); err != nil {
		return err
	}
	if xxh3.Hash(foot) != f.foot || body.Sum64() != f.body {
		return &DamageError{f.name, "its bytes are not those that were written"}
	}
	return nil
}

// hashFile adds the first n bytes of a file to a hash.
func hashFile(r io.ReaderAt, n int64, to hash.Hash) error {
	if _, err := io.CopyBuffer(to, io.NewSectionReader(r, 0, n), make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// footOf returns the Parquet footer without what ends the file.
func footOf(h *os.File, size int64) ([]byte, error) {
	tail := make([]byte, 8)
	if _, err := h.ReadAt(tail, max(size-8, 0)); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	n := int64(tail[0]) | int64(tail[1])<<8 | int64(tail[2])<<16 | int64(tail[3])<<24
	if string(tail[4:]) != parquetMagic || n > size-8 || n > directoryMax {
		return nil, errors.New("index: no Parquet footer")
	}
	foot := make([]byte, n)
	if _, err := h.ReadAt(foot, size-8-n); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return foot, nil
}

// certify puts a directory without columns before the footer of a finished Parquet file,
// so that it can be verified.
func certify(h *os.File, kind string, notes []byte) error {
	stat, err := h.Stat()
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	foot, err := footOf(h, stat.Size())
	if err != nil {
		return err
	}
	end := stat.Size() - 8 - int64(len(foot))
	body := xxh3.New()
	if err := hashFile(h, end, body); err != nil {
		return err
	}
	d := directory{Version: FormatVersion, Kind: kind, Notes: notes, Body: body.Sum64(), Foot: xxh3.Hash(foot)}
	if _, err := h.WriteAt(append(d.pack(), parquetEnd(foot)...), end); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// verified tells whether a segment has all that is derived from it, as it was written, with
// what was found out of its connections.
func verified(s *archive.Stored, seg *archive.SegmentInfo) (index *File, good bool) {
	f, err := Open(s.Root(), s.Meta.ID, seg)
	if err != nil || f.Verify() != nil || f.Info.FlowMemory == 0 {
		return nil, false
	}
	seconds, err := openCounts(s.Root(), SecondsName(seg.Number), "seconds", secondSpecs, s.Meta.ID, seg)
	if err != nil || seconds.Verify() != nil {
		return f, false
	}
	addresses, err := openCounts(s.Root(), AddressesName(seg.Number), "addresses", addressSpecs, s.Meta.ID, seg)
	if err != nil || addresses.Verify() != nil {
		return f, false
	}
	flows, err := openFile(s.Root(), FlowsName(seg.Number), flowsKind, []string{})
	if err != nil || flows.Verify() != nil || flows.Info.Capture != s.Meta.ID || flows.Info.Segment != seg.Number {
		return f, false
	}
	return f, true
}
