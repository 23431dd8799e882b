package index

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	encdelta "github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

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
