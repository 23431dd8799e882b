package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/zeebo/xxh3"
)

// FormatVersion is the version of the index files. A file of another version is rebuilt.
const FormatVersion = 3

// Part is where some bytes stand in the file, and their checksum: the low 32 bits of
// XXH3-64 of the bytes as stored.
type Part struct {
	Offset int64
	Size   uint32 // stored
	Plain  uint32 // of what is compressed, before; for a page without its levels
	Sum    uint32
	Zipped bool
}

// Page is one data page of a column.
type Page struct {
	Part
	Header uint32 // bytes of the page header before the part
	Levels uint32 // bytes of the definition levels at the part's start
	Values uint32 // that are not null
}

// ChunkInfo describes a column's part of a row group.
type ChunkInfo struct {
	Values     uint32 // that are not null
	Words      uint32 // entries of the dictionary
	Bounded    bool
	Min, Max   int64 // when Bounded: of the values
	Dictionary Part
	Bloom      Part // with the header
	Pages      []Page
}

// GroupInfo describes a row group.
type GroupInfo struct {
	Rows   uint32
	Chunks []ChunkInfo
}

// directory is this program's own table of contents of a Parquet file. It stands between
// the column data and the Parquet footer, where other readers do not look, is short to
// read, and has checksums: a damaged index is found out, not believed.
type directory struct {
	Version uint32
	Kind    string // which table
	Body    uint64 // XXH3-64 of all bytes of the file before the directory
	Foot    uint64 // and of the Parquet footer behind it
	Notes   []byte // JSON: what the file is about
	Columns []string
	Groups  []GroupInfo
}

// trailer ends a directory: XXH3-64 of the directory, its length, a magic number.
const (
	trailerSize  = 20
	trailerMagic = "TARRAFA\x01"
)

var errDirectory = errors.New("the table of contents is damaged")

type packer []byte

func (p *packer) uint(v uint64) { *p = binary.AppendUvarint(*p, v) }
func (p *packer) int(v int64)   { *p = binary.AppendVarint(*p, v) }
func (p *packer) text(s string) { p.uint(uint64(len(s))); *p = append(*p, s...) }
func (p *packer) sum(v uint32)  { *p = binary.LittleEndian.AppendUint32(*p, v) }
func (p *packer) part(a *Part) {
	p.int(a.Offset)
	p.uint(uint64(a.Size))
	if a.Size == 0 {
		return
	}
	zipped := uint64(0)
	if a.Zipped {
		zipped = 1
	}
	p.uint(uint64(a.Plain)<<1 | zipped)
	p.sum(a.Sum)
}

func (d *directory) pack() []byte {
	var p packer
	p.uint(uint64(d.Version))
	p.text(d.Kind)
	p = binary.LittleEndian.AppendUint64(p, d.Body)
	p = binary.LittleEndian.AppendUint64(p, d.Foot)
	p.text(string(d.Notes))
	p.uint(uint64(len(d.Columns)))
	for _, c := range d.Columns {
		p.text(c)
	}
	p.uint(uint64(len(d.Groups)))
	for i := range d.Groups {
		g := &d.Groups[i]
		p.uint(uint64(g.Rows))
		for j := range g.Chunks {
			c := &g.Chunks[j]
			p.uint(uint64(c.Values))
			p.uint(uint64(c.Words))
			if c.Bounded {
				p.uint(1)
				p.int(c.Min)
				p.int(c.Max)
			} else {
				p.uint(0)
			}
			p.part(&c.Dictionary)
			p.part(&c.Bloom)
			for k := range c.Pages {
				g := &c.Pages[k]
				p.part(&g.Part)
				p.uint(uint64(g.Header))
				p.uint(uint64(g.Levels))
				p.uint(uint64(g.Values))
			}
		}
	}
	b := []byte(p)
	n := len(b)
	b = binary.LittleEndian.AppendUint64(b, xxh3.Hash(b))
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	return append(b, trailerMagic...)
}

type unpacker struct {
	b   []byte
	bad bool
}

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.b)
	if n <= 0 {
		u.bad, u.b = true, nil
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) uint32() uint32 {
	v := u.uint()
	if v > math.MaxUint32 {
		u.bad = true
	}
	return uint32(v)
}

func (u *unpacker) int() int64 {
	v, n := binary.Varint(u.b)
	if n <= 0 {
		u.bad, u.b = true, nil
		return 0
	}
	u.b = u.b[n:]
	return v
}

// fixed reads eight bytes.
func (u *unpacker) fixed() uint64 {
	if len(u.b) < 8 {
		u.bad, u.b = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint64(u.b)
	u.b = u.b[8:]
	return v
}

func (u *unpacker) text() string {
	n := u.uint()
	if n > uint64(len(u.b)) {
		u.bad, u.b = true, nil
		return ""
	}
	s := string(u.b[:n])
	u.b = u.b[n:]
	return s
}

// part reads a Part that must lie before the end of the data.
func (u *unpacker) part(end int64) (a Part) {
	a.Offset, a.Size = u.int(), u.uint32()
	if a.Size == 0 {
		return a
	}
	v := u.uint()
	a.Plain, a.Zipped = uint32(v>>1), v&1 == 1
	if len(u.b) < 4 || v>>1 > plainMax || a.Offset < 4 || a.Offset > end || int64(a.Size) > end-a.Offset {
		u.bad, u.b = true, nil
		return a
	}
	a.Sum = binary.LittleEndian.Uint32(u.b)
	u.b = u.b[4:]
	return a
}

// Bounds of what is believed of a directory.
const (
	plainMax      = 64 << 20 // bytes of a page before compression
	directoryMax  = 256 << 20
	directoryRows = 1 << 31
)

// unpack reads a directory whose checksum was right. end is where it starts in the file.
func (d *directory) unpack(b []byte, end int64) error {
	u := unpacker{b: b}
	d.Version = u.uint32()
	d.Kind = u.text()
	if u.bad {
		return errDirectory
	}
	if d.Version != FormatVersion {
		return &VersionError{Have: d.Version}
	}
	d.Body, d.Foot = u.fixed(), u.fixed()
	d.Notes = []byte(u.text())
	columns := u.uint()
	if columns > 1000 {
		return errDirectory
	}
	for range columns {
		d.Columns = append(d.Columns, u.text())
	}
	groups := u.uint()
	if u.bad || groups > uint64(len(u.b)) {
		return errDirectory
	}
	d.Groups = make([]GroupInfo, groups)
	for i := range d.Groups {
		g := &d.Groups[i]
		g.Rows = u.uint32()
		pages := (int(g.Rows) + PageRows - 1) / PageRows
		if u.bad || g.Rows > GroupRows || uint64(pages)*columns > uint64(len(u.b)) {
			return errDirectory
		}
		g.Chunks = make([]ChunkInfo, columns)
		for j := range g.Chunks {
			u.chunk(&g.Chunks[j], g.Rows, pages, end)
		}
		if u.bad {
			return errDirectory
		}
	}
	if len(u.b) != 0 {
		return errDirectory
	}
	return nil
}

func (u *unpacker) chunk(c *ChunkInfo, rows uint32, pages int, end int64) {
	c.Values, c.Words = u.uint32(), u.uint32()
	if u.uint() == 1 {
		c.Min, c.Max, c.Bounded = u.int(), u.int(), true
	}
	c.Dictionary, c.Bloom = u.part(end), u.part(end)
	c.Pages = make([]Page, pages)
	sum := uint64(0)
	for k := range c.Pages {
		p := &c.Pages[k]
		p.Part = u.part(end)
		p.Header, p.Levels, p.Values = u.uint32(), u.uint32(), u.uint32()
		if p.Levels > p.Size || p.Values > PageRows {
			u.bad = true
		}
		sum += uint64(p.Values)
	}
	if sum != uint64(c.Values) || c.Values > rows || c.Words > c.Values {
		u.bad = true
	}
}

// VersionError says that a file was written by another version of the program.
type VersionError struct{ Have uint32 }

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("index format %d, this program knows %d", e.Have, FormatVersion)
}
