package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// check compares the index with the summaries, row by row.
type check struct {
	t      *testing.T
	open   func(segment uint32) *File
	loader *Loader
	file   *File
	group  int
	row    int
	values [ColumnCount]Values
	rows   int
}

func (c *check) Apply(_ context.Context, b *track.Batch) error {
	for i := range b.Rows {
		if c.file == nil || c.file.Info.Segment != b.Chunk.Segment {
			c.file, c.group, c.row = c.open(b.Chunk.Segment), -1, 0
		}
		if c.group < 0 || c.row == int(c.file.Groups[c.group].Rows) {
			c.group, c.row = c.group+1, 0
			for col := range ColumnCount {
				if err := c.loader.Load(c.file, c.group, col, &c.values[col]); err != nil {
					c.t.Fatal(err)
				}
			}
		}
		c.compare(&b.Rows[i])
		c.row++
		c.rows++
	}
	return nil
}

func (c *check) compare(s *packet.Summary) {
	num := func(col Column, want int64, has bool) {
		v := &c.values[col]
		if v.Has(c.row) != has {
			c.t.Fatalf("packet %d: %s there: %t, want %t", s.Number, col, v.Has(c.row), has)
		}
		if !has {
			return
		}
		var got int64
		if specs[col].wide {
			got = v.Large[c.row]
		} else {
			got = int64(uint32(v.number(c.row)))
		}
		if got != want {
			c.t.Fatalf("packet %d: %s %d, want %d", s.Number, col, got, want)
		}
	}
	word := func(col Column, want string, has bool) {
		v := &c.values[col]
		if v.Has(c.row) != has || has && v.Words[v.Small[c.row]] != want {
			c.t.Fatalf("packet %d: %s is not %s", s.Number, col, want)
		}
	}
	ip, tunnel := s.Outer.Version != 0, s.Inner != s.Outer
	num(Number, int64(s.Number), true)
	num(Time, s.Time, true)
	num(Offset, s.Offset, true)
	num(WireLen, int64(s.WireLen), true)
	num(IPVersion, int64(s.Outer.Version), ip)
	num(SrcPort, int64(s.Outer.SrcPort), s.Outer.Flags&packet.TupleHasPorts != 0)
	num(InnerDstPort, int64(s.Inner.DstPort), tunnel && s.Inner.Flags&packet.TupleHasPorts != 0)
	num(TCPFlags, int64(s.TCPFlags), s.Inner.Proto == packet.ProtoTCP)
	num(TCPSeq, int64(s.Seq), s.Inner.Proto == packet.ProtoTCP)
	num(PayloadLen, int64(s.PayloadLen), s.Inner.Flags&packet.TupleHasPorts != 0)
	num(Flow, 0, false)
	word(Src, s.Outer.Src.Netip(4).String(), ip)
	word(InnerSrc, s.Inner.Src.Netip(4).String(), tunnel)
	word(Direction, s.Direction.String(), true)
	word(Outcome, s.Outcome.String(), true)
}

func TestIndexHoldsTheSummaries(t *testing.T) {
	s := makeArchive(t, 300_000, 12<<20)
	indexAll(t, s)
	if len(s.Meta.Segments) < 3 {
		t.Fatalf("%d segments", len(s.Meta.Segments))
	}
	l, err := NewLoader()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := &check{t: t, loader: l, open: func(n uint32) *File {
		f, err := Open(s.Root(), s.Meta.ID, &s.Meta.Segments[n-1])
		if err != nil {
			t.Fatal(err)
		}
		return f
	}}
	follow(t, s, c)
	if c.rows != 300_000 {
		t.Errorf("%d rows", c.rows)
	}
}

// addUp counts by brute force what the files of counts hold.
type addUp struct {
	seconds map[Second]Traffic
	src     map[string]Traffic
	any     map[string]Traffic
}

func (a *addUp) Apply(_ context.Context, b *track.Batch) error {
	for i := range b.Rows {
		s := &b.Rows[i]
		add := func(m map[string]Traffic, k string) {
			t := m[k]
			m[k] = Traffic{t.Packets + 1, t.Bytes + uint64(s.WireLen)}
		}
		k := Second{Time: s.Time / 1e9 * 1e9, Version: s.Outer.Version, Proto: s.Outer.Proto}
		t := a.seconds[k]
		a.seconds[k] = Traffic{t.Packets + 1, t.Bytes + uint64(s.WireLen)}
		if s.Outer.Version == 0 {
			continue
		}
		add(a.src, s.Outer.Src.Netip(4).String())
		seen := map[string]bool{}
		for _, addr := range []packet.Addr{s.Outer.Src, s.Outer.Dst, s.Inner.Src, s.Inner.Dst} {
			if text := addr.Netip(4).String(); !seen[text] {
				seen[text] = true
				add(a.any, text)
			}
		}
	}
	return nil
}

func TestCountsAreThoseOfThePackets(t *testing.T) {
	s := makeArchive(t, 50_000, 2<<20)
	indexAll(t, s)
	want := &addUp{map[Second]Traffic{}, map[string]Traffic{}, map[string]Traffic{}}
	follow(t, s, want)
	l, err := NewLoader()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := &addUp{map[Second]Traffic{}, map[string]Traffic{}, map[string]Traffic{}}
	plus := func(a, b Traffic) Traffic { return Traffic{a.Packets + b.Packets, a.Bytes + b.Bytes} }
	for i := range s.Meta.Segments {
		seconds, err := l.Seconds(s.Root(), s.Meta.ID, &s.Meta.Segments[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range seconds {
			k := Second{Time: e.Time, Version: e.Version, Proto: e.Proto}
			got.seconds[k] = plus(got.seconds[k], Traffic{e.Packets, e.Bytes})
		}
		err = l.Addresses(s.Root(), s.Meta.ID, &s.Meta.Segments[i], true, func(a *AddressCount) {
			k := a.Address.String()
			if a.Src.Packets > 0 {
				got.src[k] = plus(got.src[k], a.Src)
			}
			if a.Any.Packets > 0 {
				got.any[k] = plus(got.any[k], a.Any)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !maps.Equal(got.seconds, want.seconds) {
		t.Error("counts by second differ")
	}
	if !maps.Equal(got.src, want.src) {
		t.Error("counts by source differ")
	}
	if !maps.Equal(got.any, want.any) {
		t.Error("counts by address differ")
	}
}

// TestParquetGoReads reads the index as any other Parquet reader does.
func TestParquetGoReads(t *testing.T) {
	s := makeArchive(t, 40_000, 0)
	indexAll(t, s)
	for _, name := range []string{FileName(1), SecondsName(1), AddressesName(1)} {
		b := readFile(t, s, name)
		f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := parquet.NewReader(f)
		n := 0
		rows := make([]parquet.Row, 1000)
		for {
			k, err := r.ReadRows(rows)
			n += k
			if err != nil {
				break
			}
		}
		_ = r.Close()
		if int64(n) != f.NumRows() || n == 0 {
			t.Errorf("%s: %d rows read, %d said", name, n, f.NumRows())
		}
		if name != FileName(1) {
			continue
		}
		for _, c := range []Column{Src, Dst, SrcPort, DstPort} {
			filter := f.RowGroups()[0].ColumnChunks()[c].BloomFilter()
			if filter == nil {
				t.Fatalf("column %s has no bloom filter", c)
			}
			for v, want := range map[parquet.Value]bool{
				parquet.ByteArrayValue([]byte("10.0.1.7")): c == Src, parquet.ByteArrayValue([]byte("203.0.113.9")): false, parquet.Int32Value(7): false, parquet.Int32Value(443): c == DstPort,
			} {
				if (v.Kind() == parquet.ByteArray) != (c == Src || c == Dst) {
					continue
				}
				if ok, err := filter.Check(v); err != nil || ok != want {
					t.Errorf("column %s, %v: %t, %v", c, v, ok, err)
				}
			}
		}
	}
}

func TestBloomTurnsAway(t *testing.T) {
	s := makeArchive(t, 40_000, 0)
	indexAll(t, s)
	f, err := Open(s.Root(), s.Meta.ID, &s.Meta.Segments[0])
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLoader()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for a := range 4 {
		for b := range 200 {
			ok, err := l.MayHold(f, 0, Src, []Needle{WordNeedle(fmt.Sprintf("10.0.%d.%d", a, b))})
			if err != nil || !ok {
				t.Fatalf("10.0.%d.%d is there, but not found: %v", a, b, err)
			}
		}
	}
	wrong := 0
	for i := range 1000 {
		if ok, _ := l.MayHold(f, 0, SrcPort, []Needle{NumberNeedle(uint32(100_000 + i))}); ok {
			wrong++
		}
	}
	if wrong > 50 {
		t.Errorf("%d of 1000 that are not there are not turned away", wrong)
	}
}

func TestDamageIsFound(t *testing.T) {
	s := makeArchive(t, 40_000, 0)
	indexAll(t, s)
	seg := &s.Meta.Segments[0]
	good := readFile(t, s, FileName(1))
	l, err := NewLoader()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// read returns the first error of opening the file and reading everything in it.
	read := func() error {
		f, err := Open(s.Root(), s.Meta.ID, seg)
		if err != nil {
			return err
		}
		l.closeFile()
		var v Values
		for c := range ColumnCount {
			if _, err := l.MayHold(f, 0, c, []Needle{1}); err != nil {
				return err
			}
			for g := range f.Groups {
				if err := l.Load(f, g, c, &v); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(s.Root(), s.Meta.ID, seg)
	if err != nil {
		t.Fatal(err)
	}
	for c, info := range f.Groups[0].Chunks {
		for _, p := range append(slices.Clone(info.Pages), Page{Part: info.Dictionary}, Page{Part: info.Bloom}) {
			if p.Size == 0 || p.Values == 0 && p.Offset != info.Dictionary.Offset && p.Offset != info.Bloom.Offset {
				continue
			}
			bad := slices.Clone(good)
			bad[p.Offset+int64(p.Size)/2] ^= 0x10
			writeFile(t, s, FileName(1), bad)
			var damage *DamageError
			if err := read(); !errors.As(err, &damage) {
				t.Errorf("column %s, a bit at %d: %v", Column(c), p.Offset, err)
			}
		}
	}
	for name, bad := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)/2], "cut footer": good[:len(good)-1], "other": []byte("PAR1 nothing PAR1"),
		"directory": func() []byte { b := slices.Clone(good); b[len(b)-8-int(footer(b))-100] ^= 1; return b }(),
	} {
		writeFile(t, s, FileName(1), bad)
		if err := read(); !Rebuildable(err) || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	writeFile(t, s, FileName(1), good)
	other := *seg
	other.Packets++
	var stale *StaleError
	if _, err := Open(s.Root(), s.Meta.ID, &other); !errors.As(err, &stale) {
		t.Errorf("an index of another length: %v", err)
	}
	if err := s.Root().Remove(FileName(1)); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, fs.ErrNotExist) || !Rebuildable(err) {
		t.Errorf("missing: %v", err)
	}
}

func footer(b []byte) uint32 {
	n := len(b)
	return uint32(b[n-8]) | uint32(b[n-7])<<8 | uint32(b[n-6])<<16 | uint32(b[n-5])<<24
}
