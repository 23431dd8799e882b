package segment

import (
	"fmt"
	"io"
)

// Tail is what a walk over a segment's blocks found.
type Tail struct {
	End         int64  // behind the last whole block, bytes; what follows is torn
	Packets     uint64 // in the walk
	First, Last int64  // times of the first and the last packet, nanoseconds since 1970; 0 without one
}

// ScanTail walks over the blocks of a segment that this package wrote (little-endian,
// nanoseconds), from the start of a block at from to the end of the file at size, and
// stops at the first that is not whole. It changes nothing. The error is r's.
func ScanTail(r io.ReaderAt, size, from int64) (Tail, error) {
	t := Tail{End: from}
	buf := make([]byte, min(max(size-from, 0), ChunkSize))
	for t.End < size {
		b := buf[:min(size-t.End, int64(len(buf)))]
		n, err := r.ReadAt(b, t.End)
		if n < len(b) {
			if err != io.EOF {
				return t, fmt.Errorf("read at byte %d of the segment: %w", t.End+int64(n), err)
			}
			size = t.End + int64(n) // shorter than was said
		}
		w := wholeBlocks(b[:n])
		if w.packets > 0 {
			if t.Packets == 0 {
				t.First = int64(stamp(b[w.first+12:], false))
			}
			t.Last = int64(stamp(b[w.last+12:], false))
			t.Packets += uint64(w.packets)
		}
		t.End += int64(w.end)
		switch {
		case w.need < 0 || t.End+w.need > size:
			return t, nil // no block, or one that is not whole
		case w.need > int64(len(buf)):
			buf = make([]byte, w.need) // the file does hold it
		case w.end == 0 && size-t.End <= int64(n):
			return t, nil // less than a block's head is left
		}
	}
	return t, nil
}

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
