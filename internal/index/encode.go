package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/bloom/xxhash"
	encdelta "github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/zeebo/xxh3"
)

// words gives the words of a text column by number.
type words interface {
	word(n int32) string
	// size is one more than the greatest number.
	size() int
}

// encoder turns staged columns into Parquet pages. It is used by one goroutine.
type encoder struct {
	zip      *zstd.Encoder
	out      []byte // the column chunk
	plain    []byte
	zipped   []byte
	indexes  []int32 // dictionary indexes of the chunk's values
	remap    []int32 // value or word number -> dictionary index + 1
	used     []int32 // what has an entry in remap
	constant bool    // the chunk's values are all the same: indexes are not filled in
	dense    int     // pages of the chunk in a row that did not get shorter
	head     bytes.Buffer
	proto    thrift.CompactProtocol
}

func newEncoder() (*encoder, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return &encoder{zip: zip}, nil
}

// chunk is an encoded column chunk: its bytes, which are valid until the next one is
// encoded, and where the parts stand in them.
type chunk struct {
	bytes []byte
	info  ChunkInfo // offsets from the start of bytes
	meta  format.ColumnMetaData
}

// encode makes the column chunk of the i-th column.
func (e *encoder) encode(s *stage, i int, w words) (chunk, error) {
	sp := &s.specs[i]
	v := &s.values[i]
	e.out = e.out[:0]
	c := chunk{info: ChunkInfo{Values: uint32(v.len())}}
	indexed := sp.enc == dict && v.len() > 0
	var filter []byte
	if indexed {
		size := 1 << 16
		if sp.text != noText {
			size = w.size()
		}
		e.index(v.small, size)
		body := e.dictionary(sp, w)
		if sp.bloom {
			filter = bloomOf(sp, e.used, w)
		}
		c.info.Words = uint32(len(e.used))
		if err := e.dictionaryPage(&c, body); err != nil {
			return c, err
		}
	}
	e.bounds(&c, sp, v)
	e.dense = 0
	levels := s.levels[sp.in]
	if sp.in == always {
		levels = nil
	}
	from := 0
	for page, end := range s.ends[sp.in] {
		first := page * PageRows
		last := min(first+PageRows, s.rows)
		var lv []uint8
		if levels != nil {
			lv = levels[first:last]
		}
		if err := e.dataPage(&c, sp, v, indexed, from, end, last-first, lv); err != nil {
			return c, err
		}
		from = end
	}
	if filter != nil {
		c.info.Bloom = Part{Offset: int64(len(e.out)), Size: uint32(len(filter)), Sum: sum(filter)}
		e.out = append(e.out, filter...)
	}
	c.bytes = e.out
	e.describe(&c, s, sp, indexed)
	return c, nil
}

func sum(b []byte) uint32 { return uint32(xxh3.Hash(b)) }

// constant tells whether all values are the same, as in many columns.
func constant(values []int32) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}

// index gives each distinct value a dictionary index, in the order of appearance.
func (e *encoder) index(values []int32, size int) {
	if e.constant = constant(values); e.constant {
		e.used = append(e.used[:0], values[0])
		return
	}
	if len(e.remap) < size {
		e.remap = make([]int32, size)
	}
	e.used, e.indexes = e.used[:0], slices.Grow(e.indexes[:0], len(values))[:len(values)]
	indexes, remap := e.indexes, e.remap
	last, at := values[0]+1, int32(0) // most columns hold long runs
	for i, v := range values {
		if v != last {
			n := remap[v]
			if n == 0 {
				e.used = append(e.used, v)
				n = int32(len(e.used))
				remap[v] = n
			}
			last, at = v, n-1
		}
		indexes[i] = at
	}
	for _, v := range e.used {
		e.remap[v] = 0
	}
}

// dictionary returns the plain form of the dictionary's entries.
func (e *encoder) dictionary(sp *spec, w words) []byte {
	b := e.plain[:0]
	for _, v := range e.used {
		if sp.text == noText {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
			continue
		}
		s := w.word(v)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	e.plain = b
	return b
}

// bloomBits is the size of a bloom filter for each distinct value: about one in a hundred
// questions for a value that is not there is not turned away.
const bloomBits = 10

// bloomOf returns the header and the bits of a split-block bloom filter of the entries.
func bloomOf(sp *spec, used []int32, w words) []byte {
	f := make(bloom.SplitBlockFilter, bloom.NumSplitBlocksOf(int64(len(used)), bloomBits))
	for _, v := range used {
		if sp.text == noText {
			f.Insert(xxhash.Sum64Uint32(uint32(v)))
		} else {
			f.Insert(xxhash.Sum64([]byte(w.word(v))))
		}
	}
	head := format.BloomFilterHeader{
		NumBytes:    int32(len(f.Bytes())),
		Algorithm:   format.BloomFilterAlgorithm{Value: &format.SplitBlockAlgorithm{}},
		Hash:        format.BloomFilterHash{Value: &format.XxHash{}},
		Compression: format.BloomFilterCompression{Value: &format.BloomFilterUncompressed{}},
	}
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &head)
	if err != nil {
		return nil
	}
	return append(b, f.Bytes()...)
}

// denseFirst is how many pages of a column chunk are tried before the rest is taken for as
// dense as they were; compressLeast is what is too short to get much shorter, bytes.
const (
	denseFirst    = 1
	compressLeast = 64
)

// compress returns the shorter form of a page's body and whether it is compressed. Columns
// of which the first pages did not get shorter (checksums, sequence numbers, packed places
// in dictionaries) are not tried again in the chunk.
func (e *encoder) compress(body []byte) ([]byte, bool) {
	if e.dense >= denseFirst || len(body) < compressLeast {
		return body, false
	}
	e.zipped = e.zip.EncodeAll(body, e.zipped[:0])
	if len(e.zipped) < len(body)-len(body)/16 {
		e.dense = 0
		return e.zipped, true
	}
	e.dense++
	return body, false
}

func (e *encoder) header(h *format.PageHeader) error {
	e.head.Reset()
	if err := thrift.NewEncoder(e.proto.NewWriter(&e.head)).Encode(h); err != nil {
		return fmt.Errorf("index: page header: %w", err)
	}
	e.out = append(e.out, e.head.Bytes()...)
	return nil
}

func (e *encoder) dictionaryPage(c *chunk, body []byte) error {
	// A dictionary page has no flag that says it is not compressed.
	e.zipped = e.zip.EncodeAll(body, e.zipped[:0])
	h := format.PageHeader{
		Type: format.DictionaryPage, UncompressedPageSize: int32(len(body)), CompressedPageSize: int32(len(e.zipped)),
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(len(e.used)), Encoding: format.Plain}),
	}
	if err := e.header(&h); err != nil {
		return err
	}
	c.info.Dictionary = Part{
		Offset: int64(len(e.out)), Size: uint32(len(e.zipped)), Plain: uint32(len(body)), Sum: sum(e.zipped), Zipped: true,
	}
	e.out = append(e.out, e.zipped...)
	c.meta.TotalUncompressedSize += int64(e.head.Len() + len(body))
	return nil
}

// dataPage appends the page of the values from..end, which are those of rows rows.
func (e *encoder) dataPage(c *chunk, sp *spec, v *staged, indexed bool, from, end, rows int, levels []uint8) error {
	start := len(e.out)
	var lv []byte
	switch {
	case levels == nil:
	case end == from || end-from == rows: // one run
		lv = append(binary.AppendUvarint(nil, uint64(rows)<<1), levels[0])
	default:
		var err error
		if lv, err = (&rle.Encoding{BitWidth: 1}).EncodeLevels(nil, levels); err != nil {
			return fmt.Errorf("index: column %s: %w", sp.name, err)
		}
	}
	body, enc, err := e.values(sp, v, indexed, from, end)
	if err != nil {
		return fmt.Errorf("index: column %s: %w", sp.name, err)
	}
	stored, zipped := e.compress(body)
	h := format.PageHeader{
		Type:                 format.DataPageV2,
		UncompressedPageSize: int32(len(lv) + len(body)),
		CompressedPageSize:   int32(len(lv) + len(stored)),
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(rows), NumNulls: int32(rows - (end - from)), NumRows: int32(rows), Encoding: enc,
			DefinitionLevelsByteLength: int32(len(lv)), IsCompressed: thrift.New(zipped),
		}),
	}
	if err := e.header(&h); err != nil {
		return err
	}
	part := Part{Offset: int64(len(e.out)), Size: uint32(len(lv) + len(stored)), Plain: uint32(len(body)), Zipped: zipped}
	e.out = append(e.out, lv...)
	e.out = append(e.out, stored...)
	part.Sum = sum(e.out[part.Offset:])
	c.info.Pages = append(c.info.Pages, Page{Part: part, Header: uint32(part.Offset - int64(start)), Levels: uint32(len(lv)), Values: uint32(end - from)})
	c.meta.TotalUncompressedSize += int64(e.head.Len() + len(lv) + len(body))
	return nil
}

// values encodes the values from..end of a column.
func (e *encoder) values(sp *spec, v *staged, indexed bool, from, end int) ([]byte, format.Encoding, error) {
	var err error
	switch {
	case from == end:
		return nil, format.Plain, nil
	case indexed && e.constant: // places of one bit, and one run of zeros
		e.plain = append(binary.AppendUvarint(append(e.plain[:0], 1), uint64(end-from)<<1), 0)
		return e.plain, format.RLEDictionary, nil
	case indexed:
		e.plain, err = (&rle.DictionaryEncoding{}).EncodeInt32(e.plain[:0], e.indexes[from:end])
		return e.plain, format.RLEDictionary, err
	case sp.enc == delta && sp.wide:
		e.plain, err = (&encdelta.BinaryPackedEncoding{}).EncodeInt64(e.plain[:0], v.large[from:end])
		return e.plain, format.DeltaBinaryPacked, err
	case sp.enc == delta:
		e.plain, err = (&encdelta.BinaryPackedEncoding{}).EncodeInt32(e.plain[:0], v.small[from:end])
		return e.plain, format.DeltaBinaryPacked, err
	case sp.wide:
		return plainBytes(v.large[from:end], 8, e), format.Plain, nil
	default:
		return plainBytes(v.small[from:end], 4, e), format.Plain, nil
	}
}

// littleEndian tells whether memory holds numbers as Parquet does.
var littleEndian = func() bool {
	n := uint16(1)
	return *(*byte)(unsafe.Pointer(&n)) == 1
}()

func plainBytes[T int32 | int64](values []T, size int, e *encoder) []byte {
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*size)
	}
	e.plain = e.plain[:0]
	for _, v := range values {
		if size == 4 {
			e.plain = binary.LittleEndian.AppendUint32(e.plain, uint32(v))
		} else {
			e.plain = binary.LittleEndian.AppendUint64(e.plain, uint64(v))
		}
	}
	return e.plain
}

// bounds finds the least and the greatest value of a column of numbers.
func (e *encoder) bounds(c *chunk, sp *spec, v *staged) {
	if v.len() == 0 || sp.text != noText {
		return
	}
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	switch {
	case sp.unsigned == 64:
		return
	case sp.wide:
		for _, n := range v.large {
			lo, hi = min(lo, n), max(hi, n)
		}
	case sp.enc == dict:
		for _, n := range e.used {
			lo, hi = min(lo, int64(n)), max(hi, int64(n))
		}
	default:
		for _, n := range v.small {
			lo, hi = min(lo, int64(uint32(n))), max(hi, int64(uint32(n)))
		}
	}
	c.info.Min, c.info.Max, c.info.Bounded = lo, hi, true
	put := func(n int64) []byte {
		if sp.wide {
			return binary.LittleEndian.AppendUint64(nil, uint64(n))
		}
		return binary.LittleEndian.AppendUint32(nil, uint32(n))
	}
	c.meta.Statistics.MinValue, c.meta.Statistics.MaxValue = put(lo), put(hi)
}

// describe fills in the footer's entry.
func (e *encoder) describe(c *chunk, s *stage, sp *spec, indexed bool) {
	m := &c.meta
	m.Type = sp.physical()
	m.PathInSchema = []string{sp.name}
	m.Codec = format.Zstd
	m.NumValues = int64(s.rows)
	m.Statistics.NullCount = int64(s.rows) - int64(c.info.Values)
	end := int64(len(e.out))
	if c.info.Bloom.Size > 0 {
		end = c.info.Bloom.Offset
		m.BloomFilterOffset, m.BloomFilterLength = c.info.Bloom.Offset, int32(c.info.Bloom.Size)
	}
	m.TotalCompressedSize = end
	if len(c.info.Pages) > 0 {
		p := &c.info.Pages[0]
		m.DataPageOffset = p.Offset - int64(p.Header)
	}
	m.Encoding = []format.Encoding{format.RLE, format.Plain}
	switch {
	case indexed:
		m.Encoding = append(m.Encoding, format.RLEDictionary)
	case sp.enc == delta:
		m.Encoding = append(m.Encoding, format.DeltaBinaryPacked)
	}
}
