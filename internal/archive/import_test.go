package archive

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// TestImportKeepsWhatWasLostBefore: what the files' statistics blocks say of lost packets
// stands in the archive's ledger, and the folder's name may be anything.
func TestImportKeepsWhatWasLostBefore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "arquivo de redé")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	at := int64(1_700_000_000_000_000_000)
	b := segment.AppendSectionHeader(nil, segment.Section{})
	for _, name := range []string{"eth0", "tun0"} {
		b = segment.AppendInterface(b, segment.Interface{Name: name, Link: packet.LinkEthernet, Resolution: segment.Nanoseconds})
	}
	for i := range 10 {
		b = segment.AppendPacket(b, uint32(i%2), at+int64(i), 60, make([]byte, 60), segment.PacketOptions{})
	}
	for i, lost := range []uint64{3, 5, 7} { // of the first interface the second one holds
		b = segment.AppendStatistics(b, segment.Statistics{Interface: uint32(i / 2), Time: at, Fields: segment.HasDropped | segment.HasOSDropped, Dropped: lost, OSDropped: 1})
	}
	var files []string
	for _, name := range []string{"a b.pcapng", "é.pcapng"} {
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[len(files)-1], b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, err := Import(context.Background(), Config{DataDir: dir, Program: "test"}, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(in.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	l := s.Meta.Ledger
	if l == nil || l.Written != 20 || l.Dropped != 2*14 || l.Received != 48 || l.Balance() != nil {
		t.Errorf("ledger %+v", l)
	}
}
