package segment

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestScanTailAtEveryCut(t *testing.T) {
	file := written(Pcapng)
	whole, _, err := readAll(t, bytes.NewReader(file), ReaderOptions{})
	if err != io.EOF {
		t.Fatal(err)
	}
	for cut := range len(file) + 1 {
		for _, junk := range [][]byte{nil, make([]byte, 4096), bytes.Repeat([]byte{0xff}, 50)} {
			b := append(bytes.Clone(file[:cut]), junk...)
			tail, err := ScanTail(bytes.NewReader(b), int64(len(b)), 0)
			if err != nil {
				t.Fatal(err)
			}
			// Zeros may stand for the padding that was cut off.
			if tail.End&3 != 0 || tail.End > int64(len(file)) || !bytes.Equal(b[:tail.End], file[:tail.End]) {
				t.Fatalf("cut at %d: end %d", cut, tail.End)
			}
			all, _, err := readAll(t, bytes.NewReader(b[:tail.End]), ReaderOptions{Buffer: small})
			var f *FormatError
			if err != io.EOF && !(tail.End == 0 && errors.As(err, &f)) || len(all) != int(tail.Packets) {
				t.Fatalf("cut at %d: %d packets of %d, %v", cut, len(all), tail.Packets, err)
			}
			if n := len(all); n > 0 && (tail.First != whole[0].time || tail.Last != whole[n-1].time) {
				t.Fatalf("cut at %d: times %d, %d", cut, tail.First, tail.Last)
			}
			// What follows is not one whole block more.
			if end, _, need := WholeBlocks(b[tail.End:]); end != 0 || need > 0 && int(tail.End+need) <= len(b) {
				t.Fatalf("cut at %d: %d more bytes", cut, end)
			}
		}
	}
}

func TestScanTailFromTheMiddle(t *testing.T) {
	var file []byte
	file = AppendSectionHeader(file, Section{})
	file = AppendInterface(file, Interface{})
	start := int64(len(file))
	sizes := []int{60, ChunkSize - 40, 100, 3 * ChunkSize, 1, 2, 3}
	for i, n := range sizes {
		file = AppendPacket(file, 0, int64(i+1), uint32(n), make([]byte, n), PacketOptions{})
	}
	tail, err := ScanTail(bytes.NewReader(file), int64(len(file)), start)
	if err != nil || tail != (Tail{End: int64(len(file)), Packets: 7, First: 1, Last: 7}) {
		t.Errorf("%+v, %v", tail, err)
	}
	// A size that is too large, as of a file that was cut meanwhile.
	tail, err = ScanTail(bytes.NewReader(file), int64(len(file))+5000, start)
	if err != nil || tail.Packets != 7 || tail.End != int64(len(file)) {
		t.Errorf("%+v, %v", tail, err)
	}
	if tail, err = ScanTail(bytes.NewReader(file), int64(len(file)), int64(len(file))); err != nil || tail.Packets != 0 || tail.End != int64(len(file)) {
		t.Errorf("%+v, %v", tail, err)
	}
	if _, err = ScanTail(failingAt{}, 100, 0); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

type failingAt struct{}

func (failingAt) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestCountRecords(t *testing.T) {
	for name, file := range files() {
		r, err := NewReader(bytes.NewReader(file), ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			c, err := r.Next()
			if err != nil {
				break
			}
			if n := c.CountRecords(); n != c.Packets {
				t.Errorf("%s: %d records of %d", name, n, c.Packets)
			}
		}
	}
}

// TestReadRecord fetches each packet alone.
func TestReadRecord(t *testing.T) {
	all := files()
	all["long"] = longFile(t, 60, 5000, 300_000, 4096-16, 0, 1<<20)
	for name, file := range all {
		in := bytes.NewReader(file)
		r, err := NewReader(bytes.NewReader(file), ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			c, err := r.Next()
			if err != nil {
				break
			}
			var rec, alone Record
			it := c.Records()
			for it.Next(&rec) {
				one, err := ReadRecord(in, rec.Offset, c)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got := one.Records()
				if !got.Next(&alone) || alone.Offset != rec.Offset || alone.Time != rec.Time || alone.Interface != rec.Interface || !bytes.Equal(alone.Data, rec.Data) {
					t.Fatalf("%s: %+v, want %+v", name, alone, rec)
				}
				if got.Next(&alone) {
					t.Fatalf("%s: more than one record", name)
				}
			}
			for _, off := range []int64{int64(len(file)), int64(len(file)) - 3, int64(len(file)) * 2} {
				if _, err := ReadRecord(in, off, c); err == nil {
					t.Errorf("%s: a record at %d of %d", name, off, len(file))
				}
			}
		}
	}
}
