package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

func finding(id int, last time.Time) string {
	return fmt.Sprintf(`{"id":%d,"last":%q,"sentence":"x"}`+"\n", id, last.Format(time.RFC3339Nano))
}

func TestPruneFindings(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if left, err := PruneFindings(root, 1); left != 0 || err != nil {
		t.Error("without a file:", left, err)
	}
	at := time.Unix(1000, 500).UTC()
	long := strings.Repeat("x", 1<<17) + "\n"
	lines := finding(1, at.Add(-time.Nanosecond)) + finding(2, at) + "no finding\n" + long + finding(3, at.Add(-time.Hour)) + finding(1, at.Add(time.Hour)) + `{"id":9,"la`
	if err := root.WriteFile(FindingsName, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	left, err := PruneFindings(root, at.UnixNano())
	got, rerr := root.ReadFile(FindingsName)
	want := finding(2, at) + "no finding\n" + long + finding(1, at.Add(time.Hour)) + `{"id":9,"la`
	if err != nil || rerr != nil || string(got) != want || left != int64(len(want)) {
		t.Errorf("%v, %v, %d bytes left:\n%.300s", err, rerr, left, got)
	}
	if _, err := root.Stat(FindingsName + ".tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the temporary file is still there")
	}
}

// Retention takes the findings of an older capture with its segments, and in the end the
// folder.
func TestRetainTakesFindings(t *testing.T) {
	data := t.TempDir()
	cfg := Config{
		DataDir: data, SegmentBytes: 1 << 20, MemoryBytes: 1 << 20,
		Interfaces: []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
	}
	begin := time.Unix(1_700_000_000, 0).UTC()
	write := func(packets int) *Archive {
		a, _, err := Create(cfg)
		if err != nil {
			t.Fatal(err)
		}
		b := segment.NewBuilder(nil)
		b.Reset(a.Buffer())
		for i := range packets {
			for b.Packet(0, begin.Add(time.Duration(i)*time.Second).UnixNano(), 1000, 1000, packet.DirectionSent) == nil {
				a.Append(b)
				b.Reset(a.Buffer())
			}
		}
		a.Append(b)
		return a
	}
	old := write(6000)
	if err := os.WriteFile(filepath.Join(old.Dir(), FindingsName), []byte(finding(1, begin)+finding(2, begin.Add(5999*time.Second))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Close(), old.Release(old.Ledger())); err != nil {
		t.Fatal(err)
	}
	a := write(10)
	gone, err := a.Retain(Retention{Bytes: 4 << 20})
	if err != nil || gone.Segments == 0 {
		t.Fatal(gone, err)
	}
	got, err := os.ReadFile(filepath.Join(old.Dir(), FindingsName))
	if want := finding(2, begin.Add(5999*time.Second)); err != nil || string(got) != want {
		t.Errorf("%v; left:\n%s", err, got)
	}
	if _, err := a.Retain(Retention{Bytes: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder of a capture without segments is still there:", err)
	}
	if err := errors.Join(a.Close(), a.Release(a.Ledger())); err != nil {
		t.Fatal(err)
	}
}
