package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// small is the length of a buffer that the test files do not fit into.
const small = 512

func TestRecords(t *testing.T) {
	const s = int64(1e9)
	base := 1_700_000_000 * s
	ng := []Record{
		{Time: base + 123_456_000, WireLen: 60, Interface: 0, Data: frame(60, 1)},
		{Time: base + s + 123_456_789, WireLen: 1000, Interface: 1, Data: frame(61, 2), Direction: packet.DirectionSent},
		{Time: base + 2*s, WireLen: 63, Interface: 0, Data: frame(63, 3), Direction: packet.DirectionReceived},
		{Time: 0, WireLen: 200, Interface: 0, Data: frame(96, 4)},
		{Time: base + 3*s + s/2, WireLen: 0, Interface: 2, Data: []byte{}},
	}
	var pcap, nanos, modified, snoop []Record
	for i, n := range []int{60, 0, 1514} {
		r := Record{Time: base + int64(i)*s + 123_456_000, WireLen: uint32(n + i), Data: frame(n, byte(i))}
		pcap = append(pcap, r)
		r.Time = base + int64(i)*s + 123_456
		nanos = append(nanos, r)
		r = pcap[i]
		r.Direction = []packet.Direction{packet.DirectionSent, packet.DirectionReceived, packet.DirectionUnknown}[i]
		modified = append(modified, r)
	}
	for i, n := range []int{60, 61, 1514} {
		pad := -n & 3
		snoop = append(snoop, Record{Time: base + int64(i)*s + 123_456_000, WireLen: uint32(n + i), Data: frame(n+pad, byte(i))[:n]})
	}
	var both []Record
	both = append(both, ng...)
	for _, r := range ng {
		r.Interface += 3
		both = append(both, r)
	}
	want := map[string][]Record{
		"pcapng": ng, "pcapng big-endian": ng, "pcapng sections": both,
		"pcap": pcap, "pcap big-endian": pcap, "pcap nanos": nanos, "pcap nanos big-endian": nanos,
		"pcap modified": modified, "snoop": snoop,
	}
	for name, file := range files() {
		if want[name] == nil {
			continue // those of ours: see the tests of the writers
		}
		for _, how := range []compression{plain, gzipStream, zstdStream, lz4Stream} {
			t.Run(name+" "+string(how), func(t *testing.T) {
				r, err := NewReader(bytes.NewReader(compressed(t, how, file)), ReaderOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if r.Compression() != string(how) {
					t.Errorf("compression %q", r.Compression())
				}
				var got []Record
				for {
					c, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					var rec Record
					it := c.Records()
					for it.Next(&rec) {
						k := rec
						k.Data = append([]byte{}, rec.Data...)
						k.Offset, k.DataOff = 0, 0
						got = append(got, k)
					}
					r.Release(c)
				}
				if !reflect.DeepEqual(got, want[name]) {
					t.Errorf("got  %v\nwant %v", got, want[name])
				}
			})
		}
	}
}

func TestInterfacesAndNotes(t *testing.T) {
	r, err := NewReader(bytes.NewReader(foreignPcapng(true)), ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := []Interface{
		{Name: "eth0", Link: 1, SnapLen: 96, Resolution: Resolution{UnitsPerSecond: 1e6}},
		{Link: 113, Resolution: Nanoseconds},
		{Link: 101, Resolution: Resolution{UnitsPerSecond: 1 << 20}},
	}
	if !reflect.DeepEqual(c.Interfaces, want) {
		t.Errorf("interfaces %+v", c.Interfaces)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
	stats := []Statistics{{Interface: 1, Time: 1_700_000_009e9, Fields: HasReceived | HasDropped, Received: 12, Dropped: 2}}
	if !reflect.DeepEqual(r.Statistics(), stats) {
		t.Errorf("statistics %+v", r.Statistics())
	}
	if k := r.Counters(); k.Packets != 5 || k.Sections != 1 || k.OtherBlocks != 1 || k.Bytes != int64(len(foreignPcapng(true))) {
		t.Errorf("counters %+v", k)
	}

	var rec Record
	it := c.Records()
	it.Next(&rec)
	if o := c.RecordOptions(&rec); !reflect.DeepEqual(o, PacketOptions{}) {
		t.Errorf("options of the first packet: %+v", o)
	}
	it.Next(&rec)
	if o, want := c.RecordOptions(&rec), (PacketOptions{
		Flags: 2, HasFlags: true, Comments: []string{"first", "second ☂"}, Hashes: [][]byte{{2, 1, 2, 3, 4}},
	}); !reflect.DeepEqual(o, want) {
		t.Errorf("options of the second packet: %+v", o)
	}
	it.Next(&rec)
	if o, want := c.RecordOptions(&rec), (PacketOptions{Flags: 1, HasFlags: true, DropCount: 3}); !reflect.DeepEqual(o, want) {
		t.Errorf("options of the third packet: %+v", o)
	}
	it.Next(&rec)
	if o := c.RecordOptions(&rec); !reflect.DeepEqual(o, PacketOptions{}) {
		t.Errorf("options of a simple packet: %+v", o)
	}
}

func TestLinkTypeWithoutFrameCheckSequenceBits(t *testing.T) {
	_, r, err := readAll(t, bytes.NewReader(foreignPcap(binary.BigEndian, pcapMagic)), ReaderOptions{})
	if err != io.EOF {
		t.Fatal(err)
	}
	if in := r.Interfaces()[0]; in.Link != packet.LinkEthernet || in.SnapLen != 65535 {
		t.Errorf("%+v", in)
	}
}

// ends returns where each record or block of a file ends, and whether it is a packet.
func ends(t *testing.T, file []byte) (offsets []int64) {
	all, _, err := readAll(t, bytes.NewReader(file), ReaderOptions{})
	if err != io.EOF {
		t.Fatal(err)
	}
	for _, s := range all {
		offsets = append(offsets, s.offset)
	}
	return offsets
}

// TestEveryCut cuts each file at each byte: what is whole is delivered, and the error says
// where the torn record starts and how much of it is there.
func TestEveryCut(t *testing.T) {
	for name, file := range files() {
		t.Run(name, func(t *testing.T) {
			whole, _, err := readAll(t, bytes.NewReader(file), ReaderOptions{})
			if err != io.EOF {
				t.Fatal(err)
			}
			before := 0
			for cut := range len(file) + 1 {
				all, _, err := readAll(t, bytes.NewReader(file[:cut]), ReaderOptions{buffer: small})
				if !reflect.DeepEqual(all, whole[:len(all)]) && len(all) > 0 {
					t.Fatalf("cut at %d: packets differ", cut)
				}
				if len(all) < before {
					t.Fatalf("cut at %d: %d packets, one byte before %d", cut, len(all), before)
				}
				before = len(all)
				if len(all) < len(whole) && whole[len(all)].offset+int64(whole[len(all)].capLen)+60 < int64(cut) && !strings.Contains(name, "pcapng") {
					t.Fatalf("cut at %d: a packet at %d was not delivered", cut, whole[len(all)].offset)
				}
				var f *FormatError
				var d *DamageError
				switch {
				case err == io.EOF:
				case errors.As(err, &f):
					if cut >= minSection {
						t.Fatalf("cut at %d: %v", cut, err)
					}
				case errors.As(err, &d):
					if !d.Truncated || !errors.Is(err, io.ErrUnexpectedEOF) || d.Packets != uint64(len(all)) ||
						d.Offset+d.Have != int64(cut) || d.Have >= d.Need {
						t.Fatalf("cut at %d: %+v", cut, d)
					}
				default:
					t.Fatalf("cut at %d: %v", cut, err)
				}
			}
			if before != len(whole) {
				t.Fatalf("%d packets of %d", before, len(whole))
			}
		})
	}
}

// TestEveryCutCompressed does the same to compressed files: no cut goes unnoticed, except
// before the first byte.
func TestEveryCutCompressed(t *testing.T) {
	file := foreignPcapng(false)
	whole, _, _ := readAll(t, bytes.NewReader(file), ReaderOptions{})
	for _, how := range []compression{gzipStream, zstdStream, lz4Stream} {
		t.Run(string(how), func(t *testing.T) {
			packed := compressed(t, how, file)
			for cut := range packed {
				all, _, err := readAll(t, bytes.NewReader(packed[:cut]), ReaderOptions{buffer: small})
				if len(all) > 0 && !reflect.DeepEqual(all, whole[:len(all)]) {
					t.Fatalf("cut at %d: packets differ", cut)
				}
				// The lz4 package takes a stream without its end mark for a whole one.
				if (err == io.EOF || err == nil) && !(how == lz4Stream && len(all) == len(whole)) {
					t.Fatalf("cut at %d of %d was not noticed, %d packets", cut, len(packed), len(all))
				}
				var d *DamageError
				var f *FormatError
				if err != io.EOF && !errors.As(err, &d) && !errors.As(err, &f) {
					t.Fatalf("cut at %d: %v", cut, err)
				}
			}
		})
	}
}

// TestSlowStreams gets the same packets whatever the portions are in which a file comes.
func TestSlowStreams(t *testing.T) {
	for name, file := range files() {
		want, _, _ := readAll(t, bytes.NewReader(file), ReaderOptions{})
		for kind, slow := range map[string]func(io.Reader) io.Reader{
			"bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "data with error": iotest.DataErrReader,
		} {
			for _, how := range []compression{plain, gzipStream, zstdStream, lz4Stream} {
				for _, buffer := range []int{64, small, ChunkSize} {
					got, _, err := readAll(t, slow(bytes.NewReader(compressed(t, how, file))), ReaderOptions{buffer: buffer})
					if err != io.EOF || !reflect.DeepEqual(got, want) {
						t.Errorf("%s in %s %s: %d packets of %d, %v", name, kind, how, len(got), len(want), err)
					}
				}
			}
		}
	}
}

// TestFailingStream delivers what came before the failure and reports it as it is.
func TestFailingStream(t *testing.T) {
	broken := errors.New("cable broken")
	file := foreignPcap(binary.LittleEndian, pcapMagic)
	for _, how := range []compression{plain, gzipStream, zstdStream, lz4Stream} {
		packed := compressed(t, how, file)
		in := io.MultiReader(bytes.NewReader(packed[:len(packed)-9]), iotest.ErrReader(broken))
		_, _, err := readAll(t, in, ReaderOptions{})
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", how, err)
		}
	}
	all, _, err := readAll(t, io.MultiReader(bytes.NewReader(file[:len(file)-9]), iotest.ErrReader(broken)), ReaderOptions{})
	if len(all) != 2 || !errors.Is(err, broken) {
		t.Errorf("%d packets, %v", len(all), err)
	}
	if _, err := NewReader(iotest.ErrReader(broken), ReaderOptions{}); !errors.Is(err, broken) {
		t.Error(err)
	}
	idle := iotest.ErrReader(nil)
	if _, err := NewReader(idle, ReaderOptions{}); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

// growing is a file that another program still writes.
type growing struct {
	b   []byte
	off int
}

func (g *growing) Read(p []byte) (int, error) {
	n := copy(p, g.b[g.off:])
	g.off += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestFollow(t *testing.T) {
	for name, file := range files() {
		for _, step := range []int{1, 7, 100} {
			t.Run(fmt.Sprint(name, " by ", step), func(t *testing.T) {
				want, _, _ := readAll(t, bytes.NewReader(file), ReaderOptions{})
				g := &growing{}
				r, err := NewReader(g, ReaderOptions{Follow: true, buffer: small})
				if err != nil {
					t.Fatal(err)
				}
				var got []seen
				for {
					c, err := r.Next()
					if err == nil {
						var rec Record
						it := c.Records()
						for it.Next(&rec) {
							got = append(got, seen{rec.Time, rec.Offset, uint32(len(rec.Data)), rec.WireLen})
						}
						r.Release(c)
						continue
					}
					if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Fatal(err)
					}
					if len(g.b) == len(file) {
						break
					}
					g.b = file[:min(len(file), len(g.b)+step)]
					if !r.Retry() {
						t.Fatal("no second try")
					}
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%d packets, want %d", len(got), len(want))
				}
			})
		}
	}
}

func TestFollowRefusesOtherFiles(t *testing.T) {
	for _, b := range []string{"hello, world", "\x89PNG\r\n\x1a\n"} {
		var f *FormatError
		if _, err := NewReader(strings.NewReader(b), ReaderOptions{Follow: true}); !errors.As(err, &f) {
			t.Errorf("%q: %v", b, err)
		}
	}
	g := &growing{b: []byte("\x0a\x0d")}
	r, err := NewReader(g, ReaderOptions{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	g.b = []byte("\x0a\x0d is no capture")
	if !r.Retry() {
		t.Fatal("no second try")
	}
	var f *FormatError
	if _, err := r.Next(); !errors.As(err, &f) {
		t.Fatal(err)
	}
	if r.Retry() {
		t.Error("a second try at what is no capture")
	}
}

func TestWhatItIsInstead(t *testing.T) {
	tar := make([]byte, 512)
	copy(tar[257:], "ustar")
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", "an empty file"},
		{"png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image"},
		{"text", "GET / HTTP/1.1\r\n", "a text"},
		{"latin text", "ol\xe1, mundo", "unknown format"},
		{"text in UTF-8", "olá, mundo", "a text"},
		{"json", ` {"a": 1}`, "a JSON text"},
		{"html", "<!doctype html>", "an HTML or XML text"},
		{"xz", "\xfd7zXZ\x00\x00\x04", "an xz stream"},
		{"bzip2", "BZh91AY&SY", "bzip2 -dc FILE | tarrafa read -"},
		{"tar", string(tar), "a tar archive"},
		{"zeros", string(make([]byte, 100)), "a run of zero bytes"},
		{"elf", "\x7fELF\x02\x01\x01", "a program (ELF)"},
		{"cut pcap", string(foreignPcap(binary.LittleEndian, pcapMagic)[:23]), "the first 23 bytes of a capture file"},
		{"one byte", "\xd4", "the first 1 bytes of a capture file"},
		{"pcapng magic without more", "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x01\x02\x03\x04 etc.", "unknown format"},
		{"pcap of version 3", "\xd4\xc3\xb2\xa1\x03\x00\x04\x00" + string(make([]byte, 16)), "a pcap file of version 3.4"},
		{"snoop of version 3", snoopMagic + "\x00\x00\x00\x03\x00\x00\x00\x04", "a snoop file of version 3"},
		{"gzip of a text", string(compressed(t, gzipStream, []byte("hello, world"))), "a text, inside a gzip stream"},
		{"gzip of nothing", string(compressed(t, gzipStream, nil)), "an empty file, inside a gzip stream"},
		{"gzip of gzip", string(compressed(t, gzipStream, compressed(t, gzipStream, []byte("hello")))), "a gzip stream inside a gzip stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReader(strings.NewReader(c.in), ReaderOptions{})
			var f *FormatError
			if r != nil || !errors.As(err, &f) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestDamage has one damaged place each: what is before it arrives, and the error names
// the place.
func TestDamage(t *testing.T) {
	ng := foreignPcapng(false)
	offsets := ends(t, ng)
	pcap := foreignPcap(binary.LittleEndian, pcapMagic)
	pcapAt := ends(t, pcap)
	snoop := foreignSnoop()
	snoopAt := ends(t, snoop)
	for _, c := range []struct {
		name    string
		file    []byte
		at      int64 // of the record
		off     int   // of the number in it
		value   uint32
		packets uint64
		what    string
	}{
		{"length 0", ng, offsets[1], 4, 0, 1, "length of 0"},
		{"length 13", ng, offsets[1], 4, 13, 1, "length of 13"},
		{"length 4 GiB", ng, offsets[1], 4, 0xfffffffc, 1, "4294967292 bytes"},
		{"trailing length", ng, offsets[1], -8 + 32 + 0, 77, 1, "length"},
		{"captured length", ng, offsets[1], 20, 5000, 1, "cannot hold its 5000"},
		{"interface", ng, offsets[1], 8, 9, 1, "interface 9, and the section describes 3"},
		{"version", ng, 0, 12, 2, 0, "version 2.0"},
		{"byte order of a later section", append(bytes.Clone(ng), ng...), int64(len(ng)), 8, 5, 5, "byte-order magic"},
		{"record of 4 GiB", pcap, pcapAt[1], 8, 0xffffffff, 1, "4294967295 captured bytes"},
		{"snoop lengths", snoop, snoopAt[1], 8, 0x1000000, 1, "cannot hold"},
		{"snoop 4 GiB", snoop, snoopAt[1], 8, 0xffffffff, 1, "4294967295 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "trailing length" {
				c.off = int(offsets[2]-offsets[1]) - 4 - 12 // before the name resolution block
				c.off = int(binary.LittleEndian.Uint32(c.file[offsets[1]+4:])) - 4
			}
			b := bytes.Clone(c.file)
			binary.LittleEndian.PutUint32(b[c.at+int64(c.off):], c.value)
			all, r, err := readAll(t, bytes.NewReader(b), ReaderOptions{})
			var d *DamageError
			if !errors.As(err, &d) {
				t.Fatal(err)
			}
			if d.Offset != c.at || d.Packets != c.packets || len(all) != int(c.packets) || d.Truncated || !strings.Contains(err.Error(), c.what) {
				t.Errorf("%v; %d packets", err, len(all))
			}
			if errors.Is(err, io.ErrUnexpectedEOF) || r.Retry() {
				t.Error("damage taken for a cut")
			}
			if _, again := r.Next(); again != err {
				t.Errorf("asked again: %v", again)
			}
		})
	}
}

func TestDamagedCompression(t *testing.T) {
	big := foreignPcap(binary.LittleEndian, pcapMagic)
	for range 2000 {
		big = append(big, big[24:24+16+60]...)
	}
	rnd := rand.New(rand.NewSource(1))
	for _, how := range []compression{gzipStream, zstdStream, lz4Stream} {
		packed := compressed(t, how, big)
		noticed := 0
		for range 200 {
			b := bytes.Clone(packed)
			b[10+rnd.Intn(len(b)-10)] ^= 1 << rnd.Intn(8)
			_, _, err := readAll(t, bytes.NewReader(b), ReaderOptions{})
			var d *DamageError
			var f *FormatError
			switch {
			case errors.As(err, &d), errors.As(err, &f):
				noticed++
			case err != io.EOF:
				t.Fatalf("%s: %v", how, err)
			}
		}
		if noticed < 190 {
			t.Errorf("%s: %d of 200 flipped bits noticed", how, noticed)
		}
	}
	trailing := append(compressed(t, gzipStream, big), "garbage"...)
	all, _, err := readAll(t, bytes.NewReader(trailing), ReaderOptions{})
	var d *DamageError
	if len(all) != 2003 || !errors.As(err, &d) {
		t.Errorf("garbage behind gzip: %d packets, %v", len(all), err)
	}
	twice := append(compressed(t, gzipStream, big[:100]), compressed(t, gzipStream, big[100:])...)
	if all, _, err := readAll(t, bytes.NewReader(twice), ReaderOptions{}); len(all) != 2003 || err != io.EOF {
		t.Errorf("two gzip members: %d packets, %v", len(all), err)
	}
}

func TestFlippedBits(t *testing.T) {
	for _, file := range files() {
		for i := range file {
			for bit := range 8 {
				b := bytes.Clone(file)
				b[i] ^= 1 << bit
				readAll(t, bytes.NewReader(b), ReaderOptions{buffer: small}) // checks that chunks and records agree
			}
		}
	}
}

// TestClaimsDoNotAllocate opens files whose lengths claim far more than there is.
func TestClaimsDoNotAllocate(t *testing.T) {
	pcap := foreignPcap(binary.LittleEndian, pcapMagic)
	binary.LittleEndian.PutUint32(pcap[24+8:], MaxRecord)
	ng := foreignPcapng(false)
	binary.LittleEndian.PutUint32(ng[ends(t, ng)[0]+4:], MaxRecord)
	for name, file := range map[string][]byte{"pcap": pcap, "pcapng": ng} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := readAll(t, bytes.NewReader(file), ReaderOptions{})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "needs") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLongRecords reads records that are longer than a chunk.
func TestLongRecords(t *testing.T) {
	f := &foreignFile{order: binary.LittleEndian, b: foreignPcap(binary.LittleEndian, pcapMagic)[:24]}
	sizes := []int{60, 300_000, ChunkSize - 16, ChunkSize, 5 << 20, 60, MaxRecord, 1}
	for i, n := range sizes {
		f.u32(uint32(i))
		f.u32(0)
		f.u32(uint32(n))
		f.u32(uint32(n))
		f.b = append(f.b, make([]byte, n)...)
	}
	all, r, err := readAll(t, bytes.NewReader(f.b), ReaderOptions{})
	if err != io.EOF || len(all) != len(sizes) {
		t.Fatalf("%d packets, %v", len(all), err)
	}
	for i, n := range sizes {
		if int(all[i].capLen) != n || all[i].time != int64(i)*1e9 {
			t.Errorf("packet %d: %+v", i, all[i])
		}
	}
	for _, c := range r.free.free {
		if len(c.mem) > maxPooled {
			t.Errorf("a buffer of %d bytes was kept", len(c.mem))
		}
	}
}

// TestManySections has a packet in each of many small sections.
func TestManySections(t *testing.T) {
	f := &foreignFile{order: binary.LittleEndian}
	const n = 30_000
	for i := range n {
		f.section()
		f.face(1, 0, nil)
		f.enhanced(0, uint64(i), 60, frame(20, 0), nil)
	}
	all, r, err := readAll(t, bytes.NewReader(f.b), ReaderOptions{})
	if err != io.EOF || len(all) != n || len(r.Interfaces()) != n || len(r.Sections()) != maxNotes {
		t.Errorf("%d packets, %d interfaces, %d sections, %v", len(all), len(r.Interfaces()), len(r.Sections()), err)
	}
}

// TestTextIsCapped has more names than are kept.
func TestTextIsCapped(t *testing.T) {
	f := &foreignFile{order: binary.LittleEndian}
	f.section()
	for range 3000 {
		f.face(1, 0, func() {
			f.option(optionIfName, bytes.Repeat([]byte("x"), 4000))
			f.option(optionIfIPv4, []byte{192, 0, 2, 1, 255, 255, 255, 0})
		})
	}
	for range maxNotes + 10 {
		f.block(blockStatistics, func() { f.u32(0); f.u32(0); f.u32(0) })
	}
	_, r, err := readAll(t, bytes.NewReader(f.b), ReaderOptions{})
	if err != io.EOF {
		t.Fatal(err)
	}
	kept := 0
	for _, in := range r.Interfaces() {
		kept += len(in.Name)
	}
	c := r.Counters()
	if kept > maxNoteBytes || kept+int(c.TextDropped) < 3000*4000 || c.StatisticsDropped != 10 || len(r.Statistics()) != maxNotes {
		t.Errorf("%d bytes kept, %+v", kept, c)
	}
}

func TestTooManyInterfaces(t *testing.T) {
	f := &foreignFile{order: binary.BigEndian}
	f.section()
	for range maxInterfaces {
		f.face(1, 0, nil)
	}
	f.enhanced(maxInterfaces-1, 1, 60, frame(20, 0), nil)
	all, _, err := readAll(t, bytes.NewReader(f.b), ReaderOptions{})
	if err != io.EOF || len(all) != 1 {
		t.Fatal(len(all), err)
	}
	f.face(1, 0, nil)
	if all, _, err := readAll(t, bytes.NewReader(f.b), ReaderOptions{}); len(all) != 1 || err == io.EOF {
		t.Fatal(len(all), err)
	}
}

// TestHostile reads the files that were made to hurt.
func TestHostile(t *testing.T) {
	dir := shared(t, "hostile")
	for _, c := range []struct {
		name    string
		packets int
		what    string
	}{
		{"ng_zeroblock.pcapng", -1, "length of 0"},
		{"ng_hugeblock.pcapng", 0, "bytes, and 67108864 are allowed"},
		{"trunc.pcap", -1, "captured bytes, and 67108864 are allowed"},
		{"bomb.pcap.gz", -1, ""},
		{"big.pcap", -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := os.Open(filepath.Join(dir, c.name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := NewReader(f, ReaderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for {
				var k *Chunk
				if k, err = r.Next(); err != nil {
					break
				}
				n += int(k.Packets)
				r.Release(k)
			}
			runtime.ReadMemStats(&after)
			t.Logf("%d packets, %d bytes, %v, %d bytes allocated", n, r.Counters().Bytes, err, after.TotalAlloc-before.TotalAlloc)
			if c.what == "" && err != io.EOF || !strings.Contains(err.Error(), c.what) {
				t.Error(err)
			}
			if c.packets >= 0 && n != c.packets {
				t.Errorf("%d packets", n)
			}
			if m := after.TotalAlloc - before.TotalAlloc; m > 16<<20 {
				t.Errorf("%d bytes allocated", m)
			}
		})
	}
}

// TestPipeline reads in one goroutine and works in others, and finds every byte unchanged.
func TestPipeline(t *testing.T) {
	f := &foreignFile{order: binary.LittleEndian, b: foreignPcap(binary.LittleEndian, pcapMagic)[:24]}
	const packets = 20_000
	for i := range packets {
		f.u32(uint32(i))
		f.u32(0)
		f.u32(1000)
		f.u32(1000)
		f.b = append(f.b, frame(1000, byte(i))...)
	}
	r, err := NewReader(bytes.NewReader(f.b), ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	work := make(chan *Chunk, 2)
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 3 {
		wg.Go(func() {
			for c := range work {
				var rec Record
				n := 0
				it := c.Records()
				for ; it.Next(&rec); n++ {
					if !bytes.Equal(rec.Data, frame(1000, byte(rec.Time/1e9))) {
						t.Error("bytes changed")
						break
					}
				}
				r.Release(c)
				mu.Lock()
				total += n
				mu.Unlock()
			}
		})
	}
	for {
		c, err := r.Next()
		if err != nil {
			break
		}
		work <- c
	}
	close(work)
	wg.Wait()
	if total != packets {
		t.Errorf("%d packets", total)
	}
}
