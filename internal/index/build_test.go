package index

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// derived returns the files beside the segments, by name.
func derived(tb testing.TB, s *archive.Stored) map[string][]byte {
	tb.Helper()
	entries, err := os.ReadDir(s.Dir())
	if err != nil {
		tb.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if name := e.Name(); strings.Contains(name, ".parquet") || strings.HasPrefix(name, FindingsName) {
			files[name] = readFile(tb, s, name)
		}
	}
	return files
}

func built(tb testing.TB, s *archive.Stored, o BuildOptions, segments, kept int) {
	tb.Helper()
	o.Program = "test"
	b, err := Build(context.Background(), s, o)
	if err != nil || len(b.Failed) > 0 || b.Findings != nil {
		tb.Fatal(err, b)
	}
	if b.Segments != segments || b.Kept != kept {
		tb.Fatalf("%d made, %d kept; want %d and %d", b.Segments, b.Kept, segments, kept)
	}
}

func same(tb testing.TB, what string, got, want map[string][]byte) {
	tb.Helper()
	for name, b := range want {
		if name == FindingsName {
			// Numbers of ports and hosts are estimates of random hashes: what was found is
			// the same, how many of them is not.
			if g, w := kinds(tb, got[name]), kinds(tb, b); !maps.Equal(g, w) {
				tb.Errorf("%s: findings %v, were %v", what, g, w)
			}
			continue
		}
		if !bytes.Equal(got[name], b) {
			tb.Errorf("%s: %s is not what it was: %d bytes, was %d", what, name, len(got[name]), len(b))
		}
	}
	if len(got) != len(want) {
		tb.Errorf("%s: %d files, want %d", what, len(got), len(want))
	}
}

func kinds(tb testing.TB, lines []byte) map[string]bool {
	tb.Helper()
	set := map[string]bool{}
	for d := json.NewDecoder(bytes.NewReader(lines)); d.More(); {
		var f Finding
		if err := d.Decode(&f); err != nil {
			tb.Fatal(err)
		}
		set[f.Kind+" "+f.First] = true
	}
	return set
}

// live follows a capture as it is followed while it is written.
func live(tb testing.TB, s *archive.Stored, memory int64) {
	tb.Helper()
	w, err := NewWriter(Config{Root: s.Root(), Capture: s.Meta.ID, Program: "test", FlowMemory: memory})
	if err != nil {
		tb.Fatal(err)
	}
	c, err := NewConnections(ConnectionsConfig{Root: s.Root(), Capture: s.Meta.ID, Program: "test", Memory: memory, Next: w}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	walk := s.Walk(segment.Cursor{})
	defer walk.Close()
	if err := track.NewAnalysing(c.Analysis()).Run(context.Background(), walk, c); err != nil {
		tb.Fatal(err)
	}
	if err := c.Finish(); err != nil || c.Unwritten() > 0 || w.Failed() > 0 {
		tb.Fatal(err, c.Unwritten(), w.Failed())
	}
	w.Seal()
	w.Close()
}

// What is made again is, byte for byte, what the capture made, whatever is damaged; and
// what is good stays.
func TestBuildMakesWhatTheCaptureMade(t *testing.T) {
	s := makeArchive(t, 8_000, 200<<10)
	if len(s.Meta.Segments) < 3 {
		t.Fatalf("%d segments", len(s.Meta.Segments))
	}
	n := len(s.Meta.Segments)
	live(t, s, DefaultFlowMemory/2)
	want := derived(t, s)
	if len(want) != 4*n+1 {
		t.Fatalf("%d files", len(want))
	}
	if len(want[FindingsName]) == 0 {
		t.Error("no findings to compare")
	}
	built(t, s, BuildOptions{}, 0, n)
	built(t, s, BuildOptions{All: true}, n, 0)
	same(t, "all again", derived(t, s), want)

	flip := func(at float64) func(b []byte) []byte {
		return func(b []byte) []byte {
			b = slices.Clone(b)
			b[int(at*float64(len(b)-1))] ^= 0x10
			return b
		}
	}
	for _, kind := range []func(uint32) string{FileName, SecondsName, AddressesName, FlowsName} {
		name := kind(2)
		for what, damage := range map[string]func([]byte) []byte{
			"gone": nil, "empty": func([]byte) []byte { return nil }, "cut": func(b []byte) []byte { return b[:len(b)/2] },
			"a bit at the start": flip(0.01), "in a page": flip(0.4), "near the end": flip(0.93), "in the footer": flip(0.99), "the last byte": flip(1),
		} {
			if damage == nil {
				if err := s.Root().Remove(name); err != nil {
					t.Fatal(err)
				}
			} else {
				writeFile(t, s, name, damage(want[name]))
			}
			built(t, s, BuildOptions{}, 1, n-1)
			same(t, name+" "+what, derived(t, s), want)
		}
	}
	if err := s.Root().Remove(FindingsName); err != nil {
		t.Fatal(err)
	}
	writeFile(t, s, FileName(1)+tmpSuffix, []byte("what a crash left"))
	built(t, s, BuildOptions{}, 0, n)
	same(t, "findings gone", derived(t, s), want)
	// A file of another segment, whole as it is, is not taken for this one's.
	writeFile(t, s, FlowsName(1), want[FlowsName(2)])
	writeFile(t, s, FileName(2), want[FileName(1)])
	built(t, s, BuildOptions{}, 2, n-2)
	same(t, "exchanged", derived(t, s), want)
}

// An index without the connections is made again with them, and one of a capture whose
// first segments are gone as a whole: its flows have other numbers then.
func TestBuildFollowsConnectionsThroughTheCapture(t *testing.T) {
	s := makeArchive(t, 8_000, 200<<10)
	n := len(s.Meta.Segments)
	indexAll(t, s)
	built(t, s, BuildOptions{}, n, 0)
	for _, name := range []string{FileName(1), SecondsName(1), AddressesName(1), FlowsName(1), archive.FileName(1), FileName(3)} {
		if err := s.Root().Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	built(t, s, BuildOptions{}, n-1, 0)
	built(t, s, BuildOptions{}, 0, n-1)
}

func TestBuildStopsInOrder(t *testing.T) {
	s := makeArchive(t, 20_000, 1<<20)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := Build(ctx, s, BuildOptions{Progress: func(uint64, uint64) { cancel() }})
	if err == nil {
		t.Fatal("no error")
	}
	for name := range derived(t, s) {
		if strings.HasSuffix(name, tmpSuffix) {
			t.Errorf("%s is left", name)
		}
	}
}
