package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
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
