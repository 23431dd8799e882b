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

// TestRetainRemovesTheOldestAndCounts writes several segments, lets retention take some of
// them with what is derived, and follows from the beginning: what is gone is counted.
func TestRetainRemovesTheOldestAndCounts(t *testing.T) {
	a, _, err := Create(Config{
		DataDir: t.TempDir(), SegmentBytes: 1 << 20,
		Interfaces:  []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
		MemoryBytes: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := segment.NewBuilder(nil)
	b.Reset(a.Buffer())
	written := uint64(0)
	for range 6000 {
		for b.Packet(0, 1e18, 1000, 1000, packet.DirectionSent) == nil {
			a.Append(b)
			b.Reset(a.Buffer())
		}
		written++
	}
	a.Append(b)
	derived := []string{"000001.parquet", "000001.flows.parquet", "000001.flows.parquet.tmp", "000001.seconds.parquet"}
	for i, name := range derived {
		derived[i] = filepath.Join(a.Dir(), name)
		if err := os.WriteFile(derived[i], []byte("derived"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := a.Retain(Retention{Bytes: 3 << 20})
	if err != nil || gone.Segments == 0 || gone.Packets == 0 {
		t.Fatal(gone, err)
	}
	for _, name := range derived {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Error("of a removed segment there still is", name)
		}
	}
	if _, err := os.Stat(filepath.Join(a.Dir(), FileName(1))); !errors.Is(err, os.ErrNotExist) {
		t.Error("the oldest segment is still there")
	}
	a.Tick()
	again, err := a.Retain(Retention{Bytes: 3 << 20})
	if err != nil || again.Segments != 0 {
		t.Error("removed twice:", again, err)
	}
	tail := a.Follow(segment.Cursor{})
	defer tail.Close()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	applied := uint64(0)
	for {
		c, err := tail.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		applied += uint64(c.Packets)
		tail.Release(c)
	}
	if applied+tail.Expired() != written || tail.Expired() != gone.Packets {
		t.Errorf("%d applied and %d expired of %d written; %d were removed", applied, tail.Expired(), written, gone.Packets)
	}
	if err := a.Release(a.Ledger()); err != nil {
		t.Fatal(err)
	}
}
