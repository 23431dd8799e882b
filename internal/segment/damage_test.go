package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// starts returns where the records of a file start.
func starts(t *testing.T, file []byte) (offsets []int64) {
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
				all, _, err := readAll(t, bytes.NewReader(file[:cut]), ReaderOptions{Buffer: small})
				if !reflect.DeepEqual(all, whole[:len(all)]) && len(all) > 0 {
					t.Fatalf("cut at %d: packets differ", cut)
				}
				if len(all) < before {
					t.Fatalf("cut at %d: %d packets, one byte before %d", cut, len(all), before)
				}
				before = len(all)
				if n := len(all) + 1; n < len(whole) && whole[n].offset <= int64(cut) {
					t.Fatalf("cut at %d: the packet at %d was not delivered", cut, whole[n-1].offset)
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
				all, _, err := readAll(t, bytes.NewReader(packed[:cut]), ReaderOptions{Buffer: small})
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
	offsets := starts(t, ng)
	pcap := foreignPcap(binary.LittleEndian, pcapMagic)
	pcapAt := starts(t, pcap)
	snoop := foreignSnoop()
	snoopAt := starts(t, snoop)
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
		{"trailing length", ng, offsets[1], int(binary.LittleEndian.Uint32(ng[offsets[1]+4:])) - 4, 77, 1, "in front and 77 behind"},
		{"captured length", ng, offsets[1], 20, 5000, 1, "cannot hold its 5000"},
		{"interface", ng, offsets[1], 8, 9, 1, "interface 9, and the section describes 3"},
		{"version", ng, 0, 12, 2, 0, "version 2.0"},
		{"byte order of a later section", append(bytes.Clone(ng), ng...), int64(len(ng)), 8, 5, 5, "byte-order magic"},
		{"record of 4 GiB", pcap, pcapAt[1], 8, 0xffffffff, 1, "4294967295 captured bytes"},
		{"snoop lengths", snoop, snoopAt[1], 8, 0x1000000, 1, "cannot hold"},
		{"snoop 4 GiB", snoop, snoopAt[1], 8, 0xffffffff, 1, "4294967295 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
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
				readAll(t, bytes.NewReader(b), ReaderOptions{Buffer: small}) // checks that chunks and records agree
			}
		}
	}
}

func TestCompressionVariants(t *testing.T) {
	file := foreignPcapng(false)
	want, _, _ := readAll(t, bytes.NewReader(file), ReaderOptions{})
	var legacy bytes.Buffer
	l := lz4.NewWriter(&legacy)
	if err := l.Apply(lz4.LegacyOption(true)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write(file); err != nil {
		t.Fatal(err)
	}
	l.Close()
	skippable := append([]byte("\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"), compressed(t, zstdStream, file)...)
	half := len(file) / 2
	for name, b := range map[string][]byte{
		"lz4 legacy":            legacy.Bytes(),
		"zstd behind skippable": skippable,
		"two zstd frames":       append(compressed(t, zstdStream, file[:half]), compressed(t, zstdStream, file[half:])...),
		"two lz4 frames":        append(compressed(t, lz4Stream, file[:half]), compressed(t, lz4Stream, file[half:])...),
	} {
		if got, _, err := readAll(t, bytes.NewReader(b), ReaderOptions{}); err != io.EOF || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d packets, %v", name, len(got), err)
		}
	}
}

// TestGreedyZstd has a stream that asks for more memory than it may have.
func TestGreedyZstd(t *testing.T) {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(128<<20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(foreignPcapng(false)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil { // a stream of unknown length asks for the whole window
		t.Fatal(err)
	}
	w.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = NewReader(&out, ReaderOptions{})
	runtime.ReadMemStats(&after)
	var d *DamageError
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "zstd -dc --long=31") {
		t.Error(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}
