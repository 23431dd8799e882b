package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"
	"testing/iotest"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// FuzzReader reads anything. What must hold for every chunk stands in readAll; besides,
// the answer must not depend on the portions in which the bytes come, nor on the buffers.
func FuzzReader(f *testing.F) {
	for _, file := range files() {
		f.Add(file)
	}
	for _, how := range []compression{gzipStream, zstdStream, lz4Stream} {
		f.Add(compressed(f, how, foreignPcapng(true)))
	}
	f.Add(sayingSection(binary.BigEndian, namesIn(binary.BigEndian, foreignOption(binary.BigEndian, nameIPv4, "\x0a\x00\x00\x01x\x00")), secretsIn(binary.BigEndian, 3, "key")))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, r, errA := readAll(t, bytes.NewReader(file), ReaderOptions{Buffer: small, Preface: true})
		b, _, errB := readAll(t, iotest.HalfReader(bytes.NewReader(file)), ReaderOptions{Buffer: 64})
		if len(a) != len(b) {
			t.Fatalf("%d and %d packets", len(a), len(b))
		}
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("packet %d: %+v and %+v", i+1, a[i], b[i])
			}
		}
		var x, y *DamageError
		if errors.As(errA, &x) != errors.As(errB, &y) || x != nil && (x.Offset != y.Offset || x.Truncated != y.Truncated) {
			t.Fatalf("%v and %v", errA, errB)
		}
		if r == nil {
			return
		}
		if p := r.Preface(); !p.Empty() {
			again, _ := prefaceOf(t, p.AppendBlocks(AppendSectionHeader(nil, p.Section)))
			if p.Size() > maxPreface || again.Dropped != 0 || !reflect.DeepEqual(again.Names, p.Names) || !reflect.DeepEqual(again.Secrets, p.Secrets) {
				t.Fatalf("%+v\nread again %+v", p, again)
			}
		}
		if x != nil && x.Packets != uint64(len(a)) {
			t.Fatalf("%d packets, and the error says %d", len(a), x.Packets)
		}
		if x == nil && errA == io.EOF && r.Compression() == "" && r.Counters().Bytes != int64(len(file)) {
			t.Fatalf("%d bytes of %d, and no error", r.Counters().Bytes, len(file))
		}
		var w Rewriter
		comparePackets(t, "rewritten", file, rewrite(t, &w, 4096, file))
	})
}

// FuzzIterator walks over any bytes as any format, in a chunk that no Reader made.
func FuzzIterator(f *testing.F) {
	for _, file := range files() {
		if c, err := firstChunk(file); err == nil {
			f.Add(c.Bytes, uint8(c.Format.Kind), c.Format.BigEndian, c.Format.Modified, uint8(len(c.Interfaces)))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint8, big, modified bool, faces uint8) {
		c := &Chunk{
			Offset: 1000, Format: Format{Kind: Kind(kind), BigEndian: big, Modified: modified, Nanos: faces&1 == 0},
			Base: int(faces&3) - 1, Interfaces: make([]Interface, faces&15), Bytes: b,
		}
		var rec Record
		end := 0
		n := uint32(0)
		it := c.Records()
		for ; it.Next(&rec); n++ {
			at := int(rec.DataOff)
			if at < end || at+len(rec.Data) > len(b) || !bytes.Equal(b[at:at+len(rec.Data)], rec.Data) {
				t.Fatalf("data at %d of %d bytes, after %d", at, len(rec.Data), end)
			}
			if int(rec.Interface) >= len(c.Interfaces) || rec.Direction > packet.DirectionSent {
				t.Fatalf("interface %d of %d, direction %d", rec.Interface, len(c.Interfaces), rec.Direction)
			}
			if o := it.Offset() - c.Offset; o < int64(at+len(rec.Data)) || o > int64(len(b)) || rec.Offset-c.Offset < int64(end) {
				t.Fatalf("record at %d, next at %d", rec.Offset, it.Offset())
			}
			c.RecordOptions(&rec)
			end = at + len(rec.Data)
		}
		if c.CountRecords() != n {
			t.Fatal("the count differs")
		}
		wild := Record{Offset: int64(kind) * 77, Data: make([]byte, faces)}
		c.RecordOptions(&wild)
	})
}

// FuzzBlocks compares the walk over a segment's blocks with the Reader.
func FuzzBlocks(f *testing.F) {
	f.Add(written(Pcapng))
	f.Add(append(written(Pcapng), 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		Notes(b, make([]Interface, 2))
		head(b)
		end, _, need := WholeBlocks(b)
		if end > len(b) || end&3 != 0 || need > MaxRecord || need > 0 && end+int(need) <= len(b) {
			t.Fatalf("end %d of %d, need %d", end, len(b), need)
		}
		// Whatever a Reader takes as a whole little-endian file, the walk takes whole.
		r, err := NewReader(bytes.NewReader(b), ReaderOptions{Buffer: small})
		if err != nil || r.Format() != (Format{}) {
			return
		}
		for {
			c, err := r.Next()
			if err == io.EOF && !r.Format().BigEndian && end < len(b) && need >= 0 {
				t.Fatalf("the walk ends at %d of %d", end, len(b))
			}
			if err != nil || c.Format.BigEndian {
				return
			}
		}
	})
}

// FuzzWriter writes anything that a packet can have and reads it back.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("data"), int64(1), uint32(3), uint32(1), "comment", []byte{2, 1}, uint64(3), uint64(4))
	f.Fuzz(func(t *testing.T, data []byte, at int64, wire, flags uint32, comment string, hash []byte, drops, id uint64) {
		o := PacketOptions{Flags: flags, HasFlags: true, DropCount: drops, PacketID: id}
		if comment = text([]byte(comment), maxOption-2); comment != "" {
			o.Comments = []string{comment}
		}
		if len(hash) > 0 {
			o.Hashes = [][]byte{hash}
		}
		b := AppendSectionHeader(nil, Section{})
		b = AppendInterface(b, Interface{Filter: comment, Name: comment})
		b = AppendPacket(b, 0, max(at, 0), wire, data, o)
		c, err := firstChunk(b)
		if err != nil {
			t.Fatal(err)
		}
		var rec Record
		it := c.Records()
		if !it.Next(&rec) || rec.Time != max(at, 0) || rec.WireLen != wire || !bytes.Equal(rec.Data, data) {
			t.Fatalf("%+v", rec)
		}
		got := c.RecordOptions(&rec)
		if got.Flags != flags || got.DropCount != drops || got.PacketID != id || len(got.Comments) != len(o.Comments) || len(got.Hashes) != len(o.Hashes) {
			t.Fatalf("%+v, want %+v", got, o)
		}
		if len(o.Comments) > 0 && got.Comments[0] != comment {
			t.Fatalf("%q, want %q", got.Comments[0], comment)
		}
	})
}
