package index

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/zeebo/xxh3"
)

// table writes one Parquet file, row group by row group.
type table struct {
	w      io.Writer
	at     int64
	specs  []spec
	enc    *encoder
	dir    directory
	hash   *xxh3.Hasher // of what was written
	groups []format.RowGroup
	rows   int64
}

const parquetMagic = "PAR1"

func newTable(w io.Writer, kind string, specs []spec, enc *encoder) (*table, error) {
	t := &table{w: w, specs: specs, enc: enc, dir: directory{Version: FormatVersion, Kind: kind}, hash: xxh3.New()}
	for i := range specs {
		t.dir.Columns = append(t.dir.Columns, specs[i].name)
	}
	return t, t.put([]byte(parquetMagic))
}

func (t *table) put(b []byte) error {
	n, err := t.w.Write(b)
	t.at += int64(n)
	_, _ = t.hash.Write(b)
	return err
}

// group writes what is staged as a row group. texts gives each text column its words.
func (t *table) group(s *stage, texts func(text) words) error {
	s.finish()
	if s.rows == 0 {
		return nil
	}
	g := format.RowGroup{NumRows: int64(s.rows), FileOffset: t.at, Ordinal: int16(len(t.groups))}
	info := GroupInfo{Rows: uint32(s.rows)}
	for i := range t.specs {
		c, err := t.enc.encode(s, i, texts(t.specs[i].text))
		if err != nil {
			return err
		}
		base := t.at
		if err := t.put(c.bytes); err != nil {
			return err
		}
		t.place(&c, base)
		g.Columns = append(g.Columns, format.ColumnChunk{FileOffset: base, MetaData: c.meta})
		g.TotalByteSize += c.meta.TotalUncompressedSize
		g.TotalCompressedSize += c.meta.TotalCompressedSize
		info.Chunks = append(info.Chunks, c.info)
	}
	t.groups = append(t.groups, g)
	t.dir.Groups = append(t.dir.Groups, info)
	t.rows += int64(s.rows)
	s.reset()
	return nil
}

// place turns offsets in the chunk into offsets in the file.
func (t *table) place(c *chunk, base int64) {
	if c.info.Dictionary.Size > 0 {
		c.info.Dictionary.Offset += base
		c.meta.DictionaryPageOffset = base
	}
	if c.info.Bloom.Size > 0 {
		c.info.Bloom.Offset += base
		c.meta.BloomFilterOffset += base
	}
	c.meta.DataPageOffset += base
	for i := range c.info.Pages {
		c.info.Pages[i].Offset += base
	}
}

// finish writes the directory and the Parquet footer. notes are kept in both, as JSON.
func (t *table) finish(notes any, createdBy string) error {
	text, err := json.Marshal(notes)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	meta := format.FileMetaData{
		Version: 2, NumRows: t.rows, RowGroups: t.groups, CreatedBy: createdBy,
		KeyValueMetadata: []format.KeyValue{{Key: "tarrafa", Value: string(text)}},
	}
	meta.Schema = append(meta.Schema, format.SchemaElement{Name: t.dir.Kind, NumChildren: thrift.New(int32(len(t.specs)))})
	for i := range t.specs {
		meta.Schema = append(meta.Schema, t.specs[i].element())
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	foot, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		return fmt.Errorf("index: footer: %w", err)
	}
	t.dir.Notes, t.dir.Body, t.dir.Foot = text, t.hash.Sum64(), xxh3.Hash(foot)
	return t.put(append(t.dir.pack(), parquetEnd(foot)...))
}

// parquetEnd is a Parquet footer with what ends the file.
func parquetEnd(foot []byte) []byte {
	n := len(foot)
	return append(append(foot, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)), parquetMagic...)
}
