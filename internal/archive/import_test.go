package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
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
	in, err := Import(context.Background(), Config{DataDir: dir, Program: "test"}, files, 0, nil)
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

// TestImportOfABomb: what a compressed file unpacks to is refused above a limit, before
// anything is written; the limit can be raised.
func TestImportOfABomb(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	b := segment.AppendInterface(segment.AppendSectionHeader(nil, segment.Section{}), segment.Interface{Link: packet.LinkEthernet})
	for i := range 3000 {
		b = segment.AppendPacket(b, 0, int64(i), 1000, make([]byte, 1000), segment.PacketOptions{})
	}
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bomb.pcapng.gz")
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{DataDir: filepath.Join(t.TempDir(), "data"), Program: "test"}
	_, err := Import(context.Background(), cfg, []string{file}, 1<<20, nil)
	if unpacked, ok := errors.AsType[*segment.UnpackedError](err); !ok || unpacked.Most != 1<<20 {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(cfg.DataDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data directory is there: %v", err)
	}
	for _, most := range []int64{0, 4 << 20} {
		if in, err := Import(context.Background(), cfg, []string{file}, most, nil); err != nil || in.Counters.Written != 3000 {
			t.Errorf("at most %d: %v", most, err)
		}
	}
}
