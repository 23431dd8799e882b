package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestClaimsDoNotAllocate opens files whose lengths claim far more than there is.
func TestClaimsDoNotAllocate(t *testing.T) {
	pcap := foreignPcap(binary.LittleEndian, pcapMagic)
	binary.LittleEndian.PutUint32(pcap[24+8:], MaxRecord)
	ng := foreignPcapng(false)
	binary.LittleEndian.PutUint32(ng[starts(t, ng)[0]+4:], MaxRecord)
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
