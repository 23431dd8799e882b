package segment

import (
	"bytes"
	"testing"
)

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
