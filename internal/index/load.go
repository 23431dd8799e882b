package index

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/bloom/xxhash"
	encdelta "github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
)

// Values is a column of a row group, a value for each row.
type Values struct {
	// There tells for each row whether it has a value; nil: all have.
	There []uint8
	Small []int32 // INT32 values; for a column with a dictionary the place in it
	Large []int64 // INT64 values
	// The dictionary: numbers, or words.
	Numbers []int32
	Words   []string
}

// Has tells whether a row has a value.
func (v *Values) Has(row int) bool { return v.There == nil || v.There[row] != 0 }

// Loader reads columns. Its memory is reused: what it returned in a [Values] stays valid
// until the same Values is loaded again. It is used by one goroutine.
type Loader struct {
	unzip  *zstd.Decoder
	file   *os.File
	of     *File
	stored []byte
	plain  []byte
	small  []int32
	large  []int64
	levels []uint8
}

// NewLoader returns a Loader without an open file.
func NewLoader() (*Loader, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(plainMax))
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return &Loader{unzip: z}, nil
}

// Close gives up the open file and the memory.
func (l *Loader) Close() {
	l.closeFile()
	l.unzip.Close()
}

func (l *Loader) closeFile() {
	if l.file != nil {
		_ = l.file.Close()
		l.file, l.of = nil, nil
	}
}

func (l *Loader) open(f *File) error {
	if l.of == f {
		return nil
	}
	l.closeFile()
	h, err := f.root.Open(f.name)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	l.file, l.of = h, f
	return nil
}

// read returns the stored bytes of a part, whose checksum was right. They are valid until
// the next call.
func (l *Loader) read(f *File, p *Part) ([]byte, error) {
	if int(p.Size) > cap(l.stored) {
		l.stored = make([]byte, p.Size)
	}
	b := l.stored[:p.Size]
	if _, err := l.file.ReadAt(b, p.Offset); err != nil {
		if err == io.EOF {
			return nil, &DamageError{f.name, "it is cut off"}
		}
		return nil, fmt.Errorf("index: read %s: %w", f.name, err)
	}
	if sum(b) != p.Sum {
		return nil, &DamageError{f.name, fmt.Sprintf("the %d bytes at %d have changed", p.Size, p.Offset)}
	}
	return b, nil
}

// body returns what is stored, decompressed.
func (l *Loader) body(f *File, stored []byte, p *Part) ([]byte, error) {
	if !p.Zipped {
		if len(stored) != int(p.Plain) {
			return nil, &DamageError{f.name, "a part has another length than was noted"}
		}
		return stored, nil
	}
	if cap(l.plain) < int(p.Plain) {
		l.plain = make([]byte, 0, p.Plain)
	}
	b, err := l.unzip.DecodeAll(stored, l.plain[:0])
	if err != nil || len(b) != int(p.Plain) {
		return nil, &DamageError{f.name, "a compressed part cannot be read"}
	}
	l.plain = b
	return b, nil
}

// Load reads a column of a row group into v.
func (l *Loader) Load(f *File, group int, c Column, v *Values) error {
	if err := l.open(f); err != nil {
		return err
	}
	sp := &specs[c]
	if f.kind != "packets" {
		sp = specOf(f.kind, c)
	}
	g := &f.Groups[group]
	info := &g.Chunks[c]
	v.There = v.There[:0]
	v.Numbers, v.Words = v.Numbers[:0], v.Words[:0]
	rows := int(g.Rows)
	if sp.physicalLarge() {
		v.Large = resize(v.Large, rows)
	} else {
		v.Small = resize(v.Small, rows)
	}
	indexed := info.Words > 0
	if indexed {
		if err := l.dictionary(f, sp, info, v); err != nil {
			return err
		}
	}
	nulls := int(info.Values) < rows
	if nulls {
		v.There = resize(v.There, rows)
	} else {
		v.There = nil
	}
	for k := range info.Pages {
		first := k * PageRows
		last := min(first+PageRows, rows)
		if err := l.page(f, sp, info, &info.Pages[k], indexed, v, first, last); err != nil {
			return err
		}
	}
	return nil
}

// Dictionary reads only the dictionary of a column: the distinct values of the row group.
func (l *Loader) Dictionary(f *File, group int, c Column, v *Values) error {
	if err := l.open(f); err != nil {
		return err
	}
	v.Numbers, v.Words = v.Numbers[:0], v.Words[:0]
	info := &f.Groups[group].Chunks[c]
	if info.Words == 0 {
		return nil
	}
	return l.dictionary(f, &specs[c], info, v)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (s *spec) physicalLarge() bool { return s.wide && s.text == noText }

func (l *Loader) dictionary(f *File, sp *spec, info *ChunkInfo, v *Values) error {
	stored, err := l.read(f, &info.Dictionary)
	if err != nil {
		return err
	}
	b, err := l.body(f, stored, &info.Dictionary)
	if err != nil {
		return err
	}
	if sp.text == noText {
		if len(b) != 4*int(info.Words) {
			return &DamageError{f.name, "a dictionary has another size than was noted"}
		}
		for ; len(b) >= 4; b = b[4:] {
			v.Numbers = append(v.Numbers, int32(binary.LittleEndian.Uint32(b)))
		}
		return nil
	}
	all := string(b) // the words share it
	for at := 0; at < len(all); {
		if len(b)-at < 4 {
			return &DamageError{f.name, "a dictionary is cut off"}
		}
		n := int(binary.LittleEndian.Uint32(b[at:]))
		at += 4
		if n > len(b)-at {
			return &DamageError{f.name, "a dictionary is cut off"}
		}
		v.Words = append(v.Words, all[at:at+n])
		at += n
	}
	if len(v.Words) != int(info.Words) {
		return &DamageError{f.name, "a dictionary has another size than was noted"}
	}
	return nil
}

// page decodes a data page into the rows first..last.
func (l *Loader) page(f *File, sp *spec, info *ChunkInfo, p *Page, indexed bool, v *Values, first, last int) (err error) {
	// The libraries that decode are meant for files that are what they say.
	defer func() {
		if r := recover(); r != nil {
			err = &DamageError{f.name, fmt.Sprintf("column %s cannot be decoded: %v", sp.name, r)}
		}
	}()
	if p.Values == 0 {
		if v.There != nil {
			clear(v.There[first:last])
			if sp.physicalLarge() {
				clear(v.Large[first:last])
			} else {
				clear(v.Small[first:last])
			}
			return nil
		}
		return &DamageError{f.name, "a page without values"}
	}
	stored, err := l.read(f, &p.Part)
	if err != nil {
		return err
	}
	levels, stored := stored[:p.Levels], stored[p.Levels:]
	body, err := l.body(f, stored, &p.Part)
	if err != nil {
		return err
	}
	n := int(p.Values)
	full := n == last-first
	bad := func() error {
		return &DamageError{f.name, "a page of column " + sp.name + " has another number of values"}
	}
	if v.There != nil {
		there := v.There[first:last]
		if full {
			for i := range there {
				there[i] = 1
			}
		} else {
			if !hybridHolds(levels, 1, len(there)) {
				return bad()
			}
			d, err := (&rle.Encoding{BitWidth: 1}).DecodeLevels(l.levels[:0], levels)
			l.levels = d
			if err != nil || len(d) < len(there) {
				return bad()
			}
			ones := 0
			for i := range there {
				there[i] = d[i] & 1
				ones += int(there[i])
			}
			if ones != n {
				return bad()
			}
		}
	} else if !full {
		return bad()
	}
	if sp.physicalLarge() {
		l.large, err = decode64(l.large[:0], sp, body, n)
		if err != nil || len(l.large) < n {
			return bad()
		}
		spread(v.Large[first:last], l.large[:n], v.There, first)
		return nil
	}
	l.small, err = decode32(l.small[:0], sp, body, n, indexed)
	if err != nil || len(l.small) < n {
		return bad()
	}
	if indexed {
		for _, x := range l.small[:n] {
			if uint32(x) >= info.Words {
				return &DamageError{f.name, "column " + sp.name + " points beyond its dictionary"}
			}
		}
	}
	spread(v.Small[first:last], l.small[:n], v.There, first)
	return nil
}

func decode64(dst []int64, sp *spec, body []byte, n int) ([]int64, error) {
	if sp.enc == delta {
		if !deltaHolds(body, n) {
			return nil, nil
		}
		return (&encdelta.BinaryPackedEncoding{}).DecodeInt64(dst, body)
	}
	for i := 0; i < n && len(body) >= 8; i++ {
		dst = append(dst, int64(binary.LittleEndian.Uint64(body)))
		body = body[8:]
	}
	return dst, nil
}

func decode32(dst []int32, sp *spec, body []byte, n int, indexed bool) ([]int32, error) {
	switch {
	case indexed && (len(body) == 0 || !hybridHolds(body[1:], int(body[0]), n)), !indexed && sp.enc == delta && !deltaHolds(body, n):
		return nil, nil
	case indexed:
		return (&rle.DictionaryEncoding{}).DecodeInt32(dst, body)
	case sp.enc == delta:
		return (&encdelta.BinaryPackedEncoding{}).DecodeInt32(dst, body)
	}
	for i := 0; i < n && len(body) >= 4; i++ {
		dst = append(dst, int32(binary.LittleEndian.Uint32(body)))
		body = body[4:]
	}
	return dst, nil
}

// spread puts the values where there are some.
func spread[T int32 | int64](dst, values []T, there []uint8, first int) {
	if len(values) == len(dst) {
		copy(dst, values)
		return
	}
	there = there[first : first+len(dst)]
	at := 0
	for i, t := range there {
		if t != 0 {
			dst[i] = values[at]
			at++
		} else {
			dst[i] = 0 // a valid place in a dictionary
		}
	}
}

// Needle is a value looked for with a bloom filter.
type Needle uint64

// WordNeedle is the needle for a word of a text column.
func WordNeedle(s string) Needle { return Needle(xxhash.Sum64([]byte(s))) }

// NumberNeedle is the needle for a number of an INT32 column.
func NumberNeedle(n uint32) Needle { return Needle(xxhash.Sum64Uint32(n)) }

// MayHold tells whether a column of a row group may hold one of the needles. False is
// certain.
func (l *Loader) MayHold(f *File, group int, c Column, needles []Needle) (bool, error) {
	info := &f.Groups[group].Chunks[c]
	if info.Values == 0 {
		return false, nil
	}
	if info.Bloom.Size < bloom.BlockSize {
		return true, nil
	}
	if err := l.open(f); err != nil {
		return false, err
	}
	b, err := l.read(f, &info.Bloom)
	if err != nil {
		return false, err
	}
	// The header before the bits is shorter than a block.
	filter := bloom.MakeSplitBlockFilter(b[len(b)%bloom.BlockSize:])
	for _, n := range needles {
		if filter.Check(uint64(n)) {
			return true, nil
		}
	}
	return false, nil
}

// Rest gives up the open file, and keeps the memory.
func (l *Loader) Rest() { l.closeFile() }
