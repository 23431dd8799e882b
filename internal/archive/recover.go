package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// Recovery says what was found and mended in a capture that a crash left open.
type Recovery struct {
	Capture  string    `json:"capture"`           // folder
	At       time.Time `json:"at"`                // when it was recovered
	Packets  uint64    `json:"packets"`           // whole packets found in all segments
	TornAt   int64     `json:"torn_at,omitempty"` // where the last segment was cut, bytes
	TornLen  int64     `json:"torn_bytes"`        // bytes of the torn record that were cut off
	LastSeen time.Time `json:"last_write"`        // the last write to the capture
	LastTime int64     `json:"last_packet_time"`  // of the newest packet, nanoseconds since 1970
	Dropped  uint64    `json:"dropped_by_kernel"` // as last noted in the segments
	Problem  string    `json:"problem,omitempty"` // why a part could not be recovered
}

// String says it in one line for the person who starts the next capture.
func (r Recovery) String() string {
	s := fmt.Sprintf("recovered %s: %d packets kept", r.Capture, r.Packets)
	if r.TornLen > 0 {
		s += fmt.Sprintf(", %d bytes of a torn record cut at byte %d", r.TornLen, r.TornAt)
	} else {
		s += ", no torn record"
	}
	s += fmt.Sprintf("; last write %s: packets that arrived later, or less than a second before, are lost", r.LastSeen.UTC().Format(time.RFC3339))
	if r.Problem != "" {
		s += "; " + r.Problem
	}
	return s
}

// RecoverAll puts every capture below dataDir in order that a crash left open. The caller
// holds the data directory's lock, so that an open capture is nobody's.
func RecoverAll(dataDir string) ([]Recovery, error) {
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return nil, fmt.Errorf("archive: read data directory: %w", err)
	}
	var all []Recovery
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		r, err := recoverCapture(filepath.Join(dataDir, e.Name()))
		if err != nil {
			return all, err
		}
		if r != nil {
			all = append(all, *r)
		}
	}
	return all, nil
}

// recoverCapture returns nil when the folder is no capture or was closed in order.
func recoverCapture(dir string) (*Recovery, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer func() { _ = root.Close() }()
	meta, err := readMeta(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, serr := root.Stat(FileName(1)); serr != nil {
			return nil, nil
		}
		meta = Meta{Format: MetaFormat, State: StateOpen} // killed before the first capture.json
	case err != nil:
		// Another version's, or damaged: it is not ours to change.
		return nil, nil
	}
	if meta.State != StateOpen {
		return nil, nil
	}
	r := &Recovery{Capture: dir, At: time.Now().UTC()}
	segs, err := scanSegments(root, meta)
	if err != nil {
		return nil, err
	}
	for i := range segs {
		s := &segs[i]
		if s.torn > 0 {
			r.TornAt, r.TornLen = s.Bytes, r.TornLen+s.torn
			if err := truncate(root, s.SegmentInfo); err != nil {
				return nil, err
			}
		}
		if s.problem != "" {
			r.Problem = s.problem
		}
		s.Sealed = true
		r.Packets += s.Packets
		r.LastTime = max(r.LastTime, s.LastTime)
		if s.modified.After(r.LastSeen) {
			r.LastSeen = s.modified.UTC()
		}
		if s.id != "" && meta.ID == "" {
			meta.ID = s.id
		}
		r.Dropped = max(r.Dropped, s.dropped)
	}
	meta.Segments = meta.Segments[:0]
	for _, s := range segs {
		meta.Segments = append(meta.Segments, s.SegmentInfo)
	}
	if meta.ID == "" {
		meta.ID = filepath.Base(dir)
	}
	meta.State = StateRecovered
	meta.Ended = r.LastSeen
	meta.Recovery = r
	meta.Ledger = &Ledger{
		Received: r.Packets + r.Dropped, Dropped: r.Dropped, Delivered: r.Packets, Written: r.Packets,
	}
	if err := meta.write(root); err != nil {
		return nil, err
	}
	return r, nil
}

func truncate(root *os.Root, s SegmentInfo) error {
	f, err := root.OpenFile(FileName(s.Number), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("archive: cut torn record: %w", err)
	}
	err = errors.Join(f.Truncate(s.Bytes), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("archive: cut torn record of %s: %w", f.Name(), err)
	}
	return nil
}

// scanned is a segment as its file shows it.
type scanned struct {
	SegmentInfo
	id       string
	torn     int64
	dropped  uint64
	modified time.Time
	problem  string
}

// scanSegments looks at the segment files of a capture. Sealed segments that are as long
// as meta says are believed, all others are read.
func scanSegments(root *os.Root, meta Meta) ([]scanned, error) {
	known := make(map[uint32]SegmentInfo, len(meta.Segments))
	for _, s := range meta.Segments {
		known[s.Number] = s
	}
	numbers, err := segmentNumbers(root)
	if err != nil {
		return nil, err
	}
	next := uint64(1)
	out := make([]scanned, 0, len(numbers))
	for _, n := range numbers {
		s, err := scanSegment(root, n, known[n], next)
		if errors.Is(err, fs.ErrNotExist) {
			continue // retention was faster
		}
		if err != nil {
			return nil, err
		}
		next = s.First + s.Packets
		out = append(out, s)
	}
	return out, nil
}

func scanSegment(root *os.Root, number uint32, known SegmentInfo, first uint64) (scanned, error) {
	s := scanned{SegmentInfo: SegmentInfo{Number: number, First: first}}
	f, err := root.Open(FileName(number))
	if err != nil {
		return s, fmt.Errorf("archive: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return s, fmt.Errorf("archive: %w", err)
	}
	s.modified = info.ModTime()
	if known.Sealed && known.Bytes == info.Size() {
		s.SegmentInfo = known
		return s, nil
	}
	d := diskReader{root: root}
	defer d.close()
	at := segment.Cursor{Segment: number, Packet: first}
	var ifs []segment.Interface
	for at.Offset < info.Size() {
		c, err := d.read(at, info.Size())
		if err != nil {
			if _, ok := errors.AsType[*segment.DamageError](err); !ok {
				return s, err
			}
			break // the torn tail
		}
		if at.Offset == 0 {
			head, faces, err := segment.ReadHead(d.file)
			if err != nil {
				return s, fmt.Errorf("archive: read %s: %w", d.file.Name(), err)
			}
			ifs = faces
			for _, comment := range head.Comments {
				if id, _, p, ok := parseSectionComment(comment); ok {
					s.id, s.First, at.Packet = id, p, p
				}
			}
		}
		c.Interfaces = ifs
		times(c, &s.SegmentInfo)
		for _, n := range segment.Notes(c.Bytes, ifs) {
			s.dropped = max(s.dropped, n.OSDropped)
		}
		at.Offset += int64(len(c.Bytes))
		at.Packet += uint64(c.Packets)
		s.Packets += uint64(c.Packets)
	}
	s.Bytes = at.Offset
	s.torn = info.Size() - at.Offset
	return s, nil
}

// times widens the segment's first and last time by the chunk's.
func times(c *segment.Chunk, s *SegmentInfo) {
	it := c.Records()
	var r segment.Record
	for it.Next(&r) {
		if s.FirstTime == 0 {
			s.FirstTime = r.Time
		}
		s.LastTime = max(s.LastTime, r.Time)
	}
}

func firstTime(c *segment.Chunk) int64 {
	it := c.Records()
	var r segment.Record
	if it.Next(&r) {
		return r.Time
	}
	return 0
}
