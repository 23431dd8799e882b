package history

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// udp builds a frame of IPv4 and UDP.
func udp(i int) []byte {
	b := make([]byte, 14+28+i%50)
	b[12], b[14], b[23] = 8, 0x45, packet.ProtoUDP
	binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
	copy(b[26:], []byte{10, 0, 0, byte(i % 7), 10, 0, 1, byte(i % 11)})
	binary.BigEndian.PutUint16(b[34:], uint16(1000+i%100))
	binary.BigEndian.PutUint16(b[36:], 53)
	binary.BigEndian.PutUint16(b[38:], uint16(8+i%50))
	return b
}

type growing struct {
	a *archive.Archive
	b *segment.Builder
	n int
}

func grow(t *testing.T, dir string, segmentBytes int64) *growing {
	t.Helper()
	a, _, err := archive.Create(archive.Config{
		DataDir: dir, Program: "test", SegmentBytes: segmentBytes,
		Interfaces: []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &growing{a: a, b: segment.NewBuilder(nil)}
}

func (g *growing) write(n int) {
	g.b.Reset(g.a.Buffer())
	for range n {
		data := udp(g.n)
		p := g.b.Packet(0, 1e18+int64(g.n)*1e6, uint32(len(data)), uint32(len(data)), packet.DirectionSent)
		if p == nil {
			g.a.Append(g.b)
			g.b.Reset(g.a.Buffer())
			p = g.b.Packet(0, 1e18+int64(g.n)*1e6, uint32(len(data)), uint32(len(data)), packet.DirectionSent)
		}
		copy(p, data)
		g.n++
	}
	g.a.Append(g.b)
}

func (g *growing) end(t *testing.T) string {
	t.Helper()
	dir := g.a.Dir()
	if err := g.a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.a.Release(g.a.Ledger()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// indexedCapture makes a capture that has ended, with its index, and opens it.
func indexedCapture(t *testing.T, packets int) (written uint64, s *archive.Stored, c *Capture) {
	t.Helper()
	g := grow(t, t.TempDir(), 1<<20)
	g.write(packets)
	s, err := archive.Open(g.end(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	indexed(t, s)
	if c, err = Open(s.Dir(), Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return uint64(g.n), s, c
}

func parsed(t *testing.T, text string) query.Scope {
	t.Helper()
	f, err := query.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return query.Scope{Filter: f}
}

// answers asks a few questions and makes one text of the answers.
func answersOf(t *testing.T, c *Capture) string {
	t.Helper()
	ctx := context.Background()
	totals, err := c.Totals(ctx, query.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	top, err := c.Top(ctx, query.Scope{}, "ip.src", 3)
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.Count(ctx, parsed(t, "ip.src == 10.0.0.3 && udp.port == 1003"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Packets(ctx, parsed(t, "frame.len > 80"), 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v %+v %d %+v", totals, top, n, page.Rows)
}

func TestTheOpenSegmentIsAnsweredAsItGrows(t *testing.T) {
	g := grow(t, t.TempDir(), 1<<20)
	g.write(100)
	c, err := Open(g.a.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for range 20 {
		g.write(3000)
		n, err := c.Count(context.Background(), parsed(t, "udp.port == 53"))
		if err != nil || n != uint64(g.n) {
			t.Fatalf("%d packets, want %d: %v", n, g.n, err)
		}
		totals, err := c.Totals(context.Background(), query.Scope{})
		if err != nil || totals.Packets != uint64(g.n) {
			t.Fatalf("totals %+v, want %d: %v", totals, g.n, err)
		}
	}
	g.end(t)
}

func TestDamagedIndexAnswersRightly(t *testing.T) {
	g := grow(t, t.TempDir(), 1<<20)
	g.write(60_000)
	dir := g.end(t)
	s, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	open := func(notice func(string)) *Capture {
		c, err := Open(dir, Options{Notice: notice})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	want := answersOf(t, open(nil))
	indexed(t, s)
	if got := answersOf(t, open(func(text string) { t.Error(text) })); got != want {
		t.Fatalf("with an index:\n%s\nwithout:\n%s", got, want)
	}
	name := filepath.Join(dir, index.FileName(2))
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)-200], "a bit in the data": flip(good, 5000), "missing": nil,
		"another version": otherVersion(t, good),
	} {
		if bad == nil {
			err = os.Remove(name)
		} else {
			err = os.WriteFile(name, bad, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		noticed := ""
		if got := answersOf(t, open(func(text string) { noticed += text })); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
		}
		if !strings.Contains(noticed, "reindex") && what != "a bit in the data" {
			t.Errorf("%s: no notice that tells how to mend it: %q", what, noticed)
		}
	}
	for what, bad := range map[string][]byte{
		"cut": good[:len(good)-200], "a bit in a page": flip(good, 5000), "another version": otherVersion(t, good),
	} {
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := index.Build(context.Background(), s, index.BuildOptions{Program: "test"})
		if err != nil || b.Segments != 1 {
			t.Fatalf("%s: %+v, %v: want one segment mended", what, b, err)
		}
		if got := answersOf(t, open(func(text string) { t.Error(text) })); got != want {
			t.Errorf("%s, mended:\n%s\nwant\n%s", what, got, want)
		}
	}
}

// otherVersion makes an index of one that a later program would write, whole as it is.
func otherVersion(t *testing.T, good []byte) []byte {
	t.Helper()
	b := append([]byte(nil), good...)
	end := len(b) - 8 - int(binary.LittleEndian.Uint32(b[len(b)-8:]))
	size := int(binary.LittleEndian.Uint32(b[end-12:]))
	directory := b[end-20-size : end-20]
	if directory[0] != index.FormatVersion || xxh3.Hash(directory) != binary.LittleEndian.Uint64(b[end-20:]) {
		t.Fatal("the index is not laid out as docs/formats.md says")
	}
	directory[0]++
	binary.LittleEndian.PutUint64(b[end-20:], xxh3.Hash(directory))
	return b
}

func flip(b []byte, at int) []byte {
	c := append([]byte(nil), b...)
	c[at] ^= 4
	return c
}

func TestSegmentRemovedWhileRead(t *testing.T) {
	written, s, c := indexedCapture(t, 60_000)
	gone := s.Meta.Segments[0]
	for _, name := range []string{index.FileName(1), index.SecondsName(1), index.AddressesName(1), archive.FileName(1)} {
		if err := os.Remove(filepath.Join(s.Dir(), name)); err != nil {
			t.Fatal(err)
		}
	}
	n, err := c.Count(context.Background(), parsed(t, "ip.ttl == 0"))
	if err != nil || n != written-gone.Packets {
		t.Errorf("%d packets, want %d: %v", n, written-gone.Packets, err)
	}
	if _, err := c.Packet(context.Background(), 1); err == nil {
		t.Error("a packet that was removed is answered for")
	}
	// Streams are counted from what is left, as everywhere else.
	if n, err := c.Count(context.Background(), parsed(t, "udp.stream == 0")); err != nil || n != (written-gone.Packets+7699)/7700 {
		t.Errorf("stream 0: %d packets, %v", n, err)
	}
	d, err := c.Packet(context.Background(), gone.Packets+1)
	if err != nil || d.Summary.Number != gone.Packets+1 {
		t.Errorf("the first that is left: %+v, %v", d, err)
	}
	if _, err := c.Series(context.Background(), query.Scope{}, time.Second); err != nil {
		t.Error(err)
	}
}

// Retention removes segments of a running capture before capture.json stops naming them:
// a question is about what is left, and none is refused.
func TestSegmentsRemovedWhileCapturing(t *testing.T) {
	g := grow(t, t.TempDir(), 64<<10)
	for range 8 {
		g.write(2000)
	}
	g.a.Checkpoint()
	c, err := Open(g.a.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	left := uint64(g.n)
	if n, err := c.Count(context.Background(), parsed(t, "ip.ttl == 0")); err != nil || n != left {
		t.Fatalf("%d packets, want %d: %v", n, left, err)
	}
	s, err := archive.Open(g.a.Dir())
	if err != nil {
		t.Fatal(err)
	}
	segments := s.Meta.Segments
	_ = s.Close()
	if len(segments) < 5 {
		t.Fatalf("%d segments", len(segments))
	}
	for i, s := range segments[:3] {
		if err := os.Remove(filepath.Join(g.a.Dir(), archive.FileName(s.Number))); err != nil {
			t.Fatal(err)
		}
		left -= s.Packets
		if n, err := c.Count(context.Background(), parsed(t, fmt.Sprintf("frame.len > %d", i))); err != nil || n != left {
			t.Errorf("segment %d is gone: %d packets, want %d: %v", s.Number, n, left, err)
		}
		if page, err := c.Packets(context.Background(), query.Scope{}, 0, 10); err != nil || len(page.Rows) != 10 {
			t.Errorf("segment %d is gone: %d rows: %v", s.Number, len(page.Rows), err)
		}
		if totals, err := c.Totals(context.Background(), query.Scope{}); err != nil || totals.Packets != left {
			t.Errorf("segment %d is gone: %d packets in total, want %d: %v", s.Number, totals.Packets, left, err)
		}
	}
	g.end(t)
}

// An index that is removed under a question is not missed: the segment is read itself.
func TestIndexRemovedWhileRead(t *testing.T) {
	written, s, c := indexedCapture(t, 30_000)
	for _, name := range []string{index.FileName(1), index.SecondsName(1), index.AddressesName(1)} {
		if err := os.Remove(filepath.Join(s.Dir(), name)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.Count(context.Background(), parsed(t, "ip.ttl == 0")); err != nil || n != written {
		t.Errorf("%d packets, want %d: %v", n, written, err)
	}
}
