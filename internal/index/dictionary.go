package index

import (
	"encoding/binary"
	"slices"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/bloom/xxhash"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

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
