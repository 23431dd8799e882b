package archive

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// FuzzMeta reads a capture whose capture.json comes from somebody else. Whatever it says,
// opening and walking end, hand out no more packets than the segments hold, and put
// nothing elsewhere.
func FuzzMeta(f *testing.F) {
	dir := f.TempDir()
	a, _, err := Create(Config{
		DataDir: dir, SegmentBytes: 4 << 10, Program: "test",
		Interfaces: []segment.Interface{{Name: "test0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
	})
	if err != nil {
		f.Fatal(err)
	}
	b := segment.NewBuilder(nil)
	const packets = 40
	for i := range packets {
		if i%5 == 0 {
			b.Reset(a.Buffer())
		}
		clear(b.Packet(0, int64(i), 300, 300, packet.DirectionReceived))
		if i%5 == 4 {
			a.Append(b)
		}
	}
	if err := errors.Join(a.Close(), a.Release(a.Ledger())); err != nil {
		f.Fatal(err)
	}
	name := filepath.Join(a.Dir(), MetaName)
	meta, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(meta)
	f.Add([]byte(`{"format":1,"id":"../../x","state":"closed","segments":[{"number":1,"first":18446744073709551615,"packets":18446744073709551615,"bytes":-1,"sealed":true}]}`))
	f.Add([]byte(`{"format":1,"state":"open","segments":[{"number":4294967295},{"number":2,"first":9,"bytes":1}],"ledger":{"followers":[{"name":"PostgreSQL","behind":1}]}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, meta []byte) {
		if err := os.WriteFile(name, meta, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(a.Dir())
		if err != nil {
			return
		}
		defer func() { _ = s.Close() }()
		w := s.Walk(segment.Cursor{})
		defer w.Close()
		var n uint64
		for {
			c, err := w.Next(context.Background())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			it := c.Records()
			var rec segment.Record
			for it.Next(&rec) {
				n++
			}
			w.Release(c)
			if n > packets {
				t.Fatalf("%d packets of %d", n, packets)
			}
		}
	})
}
