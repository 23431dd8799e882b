package archive

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// What is kept in memory for followers is bounded, whoever is behind; what went is read
// from the segments.
func TestNewestBytesAreBounded(t *testing.T) {
	const limit, packets = 4 << 20, 40_000
	a, _, err := Create(Config{
		DataDir: t.TempDir(), MemoryBytes: limit, Program: "test",
		Interfaces: []segment.Interface{{Name: "test0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tail := a.Follow(segment.Cursor{}) // behind from the first packet on
	defer tail.Close()
	b := segment.NewBuilder(nil)
	for i := range packets {
		if i%500 == 0 {
			b.Reset(a.Buffer())
		}
		clear(b.Packet(0, int64(i), 1000, 1000, packet.DirectionReceived))
		if i%500 != 499 {
			continue
		}
		a.Append(b)
		a.mu.Lock()
		held, newest := a.recent.bytes, len(a.recent.chunks)-a.recent.head
		a.mu.Unlock()
		if held > limit && newest > 1 {
			t.Fatalf("%d bytes in memory, %d chunks", held, newest)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	var n uint64
	for {
		c, err := tail.Next(t.Context())
		if err != nil {
			break
		}
		n += uint64(c.Packets)
		tail.Release(c)
	}
	if n != packets || tail.Expired() != 0 {
		t.Errorf("%d packets followed, %d expired, of %d", n, tail.Expired(), packets)
	}
	if err := a.Release(a.Ledger()); err != nil {
		t.Fatal(err)
	}
}
