package segment

import (
	"fmt"
	"io"
)

// CountRecords returns how many packets there are in the Chunk's Bytes.
func (c *Chunk) CountRecords() uint32 {
	var rec Record
	n := uint32(0)
	it := c.Records()
	for ; it.Next(&rec); n++ {
	}
	return n
}

// ReadRecord reads the one record that starts at offset and returns a Chunk that holds
// it. like is any Chunk of the same file and section: it gives the format and the
// interfaces. The error is a [*DamageError] when there is no whole packet at that place.
func ReadRecord(r io.ReaderAt, offset int64, like *Chunk) (*Chunk, error) {
	c := &Chunk{
		Segment: like.Segment, Offset: offset, Packets: 1, Format: like.Format,
		Base: like.Base, Interfaces: like.Interfaces,
	}
	// Most records fit into the first read. The buffer grows only as bytes really come.
	for size := 4096; ; {
		have := len(c.Bytes)
		c.Bytes = append(c.Bytes, make([]byte, size-have)...)
		n, err := r.ReadAt(c.Bytes[have:], offset+int64(have))
		c.Bytes = c.Bytes[:have+n]
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read at byte %d: %w", offset+int64(have+n), err)
		}
		length := recordLength(c.Bytes, c.Format)
		if int64(len(c.Bytes)) >= length {
			c.Bytes = c.Bytes[:length:length]
			break
		}
		if err == io.EOF || length > MaxRecord+snoopRecordHeader {
			return nil, &DamageError{Offset: offset, What: "no whole record is there"}
		}
		size = min(2*size, int(length))
	}
	var rec Record
	if it := c.Records(); !it.Next(&rec) {
		return nil, &DamageError{Offset: offset, What: "no packet starts there"}
	}
	return c, nil
}

// recordLength is what the record or block at b's start says of its length; of one whose
// header is not whole, the least that it can have.
func recordLength(b []byte, f Format) int64 {
	switch {
	case f.Kind == Pcapng && len(b) >= 8:
		return max(minBlock, int64(u32(b[4:], f.BigEndian)))
	case f.Kind == Pcap && f.Modified && len(b) >= 12:
		return modifiedRecordHeader + int64(u32(b[8:], f.BigEndian))
	case f.Kind == Pcap && len(b) >= 12:
		return pcapRecordHeader + int64(u32(b[8:], f.BigEndian))
	case f.Kind == Snoop && len(b) >= 12:
		return max(snoopRecordHeader, int64(u32(b[8:], true)))
	}
	return snoopRecordHeader
}
