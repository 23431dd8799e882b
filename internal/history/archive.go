package history

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Open opens a capture folder: one that has ended, or one that is being written, whose
// newest packets are then read as they come.
func Open(dir string, opt Options) (*Capture, error) {
	s, err := archive.Open(dir)
	if err != nil {
		return nil, err
	}
	c := newCapture(opt)
	c.stored, c.close = s, s.Close
	c.metaTime = metaTime(s)
	if err := c.build(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return c, nil
}

// Dir returns the capture's folder; "" for a file.
func (c *Capture) Dir() string {
	if c.stored == nil {
		return ""
	}
	return c.stored.Dir()
}

func metaTime(s *archive.Stored) time.Time {
	info, err := s.Root().Stat(archive.MetaName)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// refresh looks at what is new and returns what a question will see. force looks at
// everything again.
func (c *Capture) refresh(force bool) (view, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return view{}, errClosed
	}
	if c.stored == nil {
		return view{c.parts, c.units, c.packets}, nil
	}
	var err error
	for range attempts {
		if err = c.renew(force); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		force = true // the segment that was the newest has been ended and removed since
	}
	if err != nil {
		return view{}, err
	}
	return view{c.parts, c.units, c.packets}, nil
}

// renew brings the lists up to date.
func (c *Capture) renew(force bool) error {
	changed := false
	if t := metaTime(c.stored); force || !t.Equal(c.metaTime) {
		c.metaTime = t
		if err := c.stored.Refresh(); err != nil {
			return err
		}
		changed = true
		if err := c.build(); err != nil {
			return err
		}
	}
	if n := len(c.parts); n > 0 && !c.parts[n-1].sealed {
		if err := c.grow(c.parts[n-1]); err != nil {
			return err
		}
	}
	if changed {
		c.cache.forget(c.units)
	}
	return nil
}

// build makes the list of units anew, from the old one where a part is as it was.
func (c *Capture) build() error {
	old := map[uint32]*part{}
	for _, p := range c.parts {
		old[p.number] = p
	}
	oldUnits := map[uint32][]*unit{}
	for _, u := range c.units {
		oldUnits[u.part.number] = append(oldUnits[u.part.number], u)
	}
	c.parts, c.units, c.packets = nil, nil, 0
	segs := c.stored.Meta.Segments
	for i := range segs {
		s := &segs[i]
		sealed := s.Sealed || c.stored.Meta.State != archive.StateOpen
		if p := old[s.Number]; p != nil && p.sealed && !p.again && p.packets == s.Packets && (p.file == nil) == c.bad[s.Number] {
			c.append(p, oldUnits[s.Number])
			continue
		}
		p, units, err := c.part(s, sealed)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed this moment
			}
			return err
		}
		c.append(p, units)
	}
	return nil
}

func (c *Capture) append(p *part, units []*unit) {
	for _, u := range units {
		var prev *unit
		if n := len(c.units); n > 0 {
			prev = c.units[n-1]
		}
		u.prev.Store(prev)
		c.units = append(c.units, u)
	}
	c.parts = append(c.parts, p)
	c.packets += p.packets
}

// part looks at one segment.
func (c *Capture) part(s *archive.SegmentInfo, sealed bool) (*part, []*unit, error) {
	root, name := c.stored.Root(), archive.FileName(s.Number)
	p := &part{
		number: s.Number, first: s.First, sealed: sealed,
		open: func() (reader, error) { return root.Open(name) },
	}
	if err := p.head(); err != nil {
		return nil, nil, err
	}
	if sealed && !c.bad[s.Number] {
		f, err := index.Open(root, c.stored.Meta.ID, s)
		switch {
		case err == nil:
			p.file, p.packets = f, s.Packets
			return p, c.groups(p), nil
		case !index.Rebuildable(err):
			return nil, nil, err
		case s.Packets > 0 && (c.stored.Meta.State != archive.StateOpen || !errors.Is(err, fs.ErrNotExist)):
			// The newest segments of a running capture may not have been indexed yet.
			c.tell("segment %d has no index that can be used (%v): it is read itself; make one: tarrafa reindex %s", s.Number, err, c.stored.Dir())
		}
	}
	units, err := p.scan(nil, s.Bytes)
	return p, units, err
}

func (c *Capture) groups(p *part) []*unit {
	var units []*unit
	first := p.first
	for g := range p.file.Groups {
		u := &unit{part: p, first: first, rows: int(p.file.Groups[g].Rows), group: g}
		units = append(units, u)
		first += uint64(u.rows)
	}
	return units
}

// head reads the segment's interfaces.
func (p *part) head() error {
	r, err := p.open()
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer func() { _ = r.Close() }()
	if _, p.faces, err = segment.ReadHead(r); err != nil {
		return fmt.Errorf("history: read segment %d: %w", p.number, err)
	}
	return nil
}

// unitLeast is the size below which the last raw unit of a growing segment is made again
// with what has come since.
const unitLeast = segment.ChunkSize / 2

// scan cuts a segment into raw units, after those that it has, up to a place in the file.
func (p *part) scan(have []*unit, end int64) ([]*unit, error) {
	if n := len(have); n > 0 && have[n-1].size < unitLeast {
		have = have[:n-1]
	}
	at, number := int64(0), p.first
	if n := len(have); n > 0 {
		last := have[n-1]
		at, number = last.chunk.Offset+last.size, last.first+uint64(last.rows)
	}
	units := slices.Clip(have)
	r, err := p.open()
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer func() { _ = r.Close() }()
	buf := make([]byte, segment.ChunkSize)
	for at < end {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("history: read segment %d at %d: %w", p.number, at, err)
		}
		size, packets, need := segment.WholeBlocks(buf[:n])
		if size == 0 {
			if need > int64(len(buf)) && need <= recordMost && at+need <= end {
				buf = make([]byte, need)
				continue
			}
			break // what is written at this moment, or torn
		}
		if packets > 0 {
			u := &unit{part: p, first: number, rows: int(packets), group: -1, size: int64(size)}
			u.chunk = segment.Chunk{Segment: p.number, Offset: at, First: number, Packets: packets, Interfaces: p.faces}
			units = append(units, u)
		}
		at += int64(size)
		number += uint64(packets)
	}
	p.packets = number - p.first
	return units, nil
}

// grow reads what was written to the open segment since.
func (c *Capture) grow(p *part) error {
	r, err := p.open()
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	size, err := sizeOf(r)
	_ = r.Close()
	if err != nil {
		return err
	}
	first := len(c.units)
	for first > 0 && c.units[first-1].part == p {
		first--
	}
	have := c.units[first:]
	if n := len(have); n > 0 && have[n-1].chunk.Offset+have[n-1].size >= size {
		return nil
	}
	c.packets -= p.packets
	units, err := p.scan(have, size)
	if err != nil {
		return err
	}
	// Questions in hand go on with the lists that they have.
	c.units = c.units[:first:first]
	c.parts = c.parts[: len(c.parts)-1 : len(c.parts)-1]
	c.append(p, units)
	return nil
}

func sizeOf(r reader) (int64, error) {
	type stater interface{ Stat() (fs.FileInfo, error) }
	info, err := r.(stater).Stat()
	if err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	return info.Size(), nil
}
