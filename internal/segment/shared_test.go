package segment

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
)

// What several find in a file is what one finds, with the same end.
func TestShared(t *testing.T) {
	t.Parallel()
	all := files()
	ng := all["pcapng"]
	all["three sections"] = slices.Concat(ng, ng, ng)
	all["cut"] = ng[:len(ng)-7]
	all["damaged"] = append(slices.Clone(ng), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	all["long records"] = longRecords(200_000, 100, 70_000, 300_000, 20)
	for _, folder := range []string{"captures", "hostile"} {
		maps.Copy(all, plainCaptures(t, folder))
	}
	for name, b := range all {
		for _, buffer := range []int{512, 4096, NearBuffer} {
			if len(b)/buffer > 1000 {
				continue
			}
			for _, shares := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s, %d shares of %d", name, shares, buffer), func(t *testing.T) {
					t.Parallel()
					compareShared(t, b, shares, ReaderOptions{Buffer: buffer})
				})
			}
		}
	}
}

// plainCaptures are the uncompressed ones of a folder beside the repository.
func plainCaptures(t *testing.T, folder string) map[string][]byte {
	dir, ok := beside(folder)
	if !ok {
		t.Logf("no shared/%s beside the repository", folder)
		return nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if sniffCompression(b) == plain {
			all[filepath.Base(name)] = b
		}
	}
	return all
}

// longRecords is a pcap file of records of these lengths.
func longRecords(lengths ...int) []byte {
	b := written(Pcap)[:pcapHeader]
	for i, n := range lengths {
		h := make([]byte, pcapRecordHeader+n)
		h[0] = byte(i)
		for j, v := range []int{n, n} {
			h[8+4*j], h[9+4*j], h[10+4*j] = byte(v), byte(v>>8), byte(v>>16)
		}
		b = append(b, h...)
	}
	return b
}

// found is all that a file says.
type found struct {
	records  []string
	end      string
	counters Counters
	faces    []Interface
	stats    []Statistics
	sections []Section
}

func (f *found) finish(r *Reader, err error) {
	f.end = fmt.Sprintf("%#v", err)
	if d, ok := errors.AsType[*DamageError](err); ok {
		f.end = fmt.Sprintf("%#v", *d)
	}
	f.counters, f.faces, f.stats, f.sections = r.Counters(), r.Interfaces(), r.Statistics(), r.Sections()
}

func recordsOf(c *Chunk) (list []string) {
	var rec Record
	it := c.Records()
	for n := c.First; it.Next(&rec); n++ {
		link := c.Interfaces[rec.Interface]
		list = append(list, fmt.Sprint(n, rec.Offset, c.Offset+int64(rec.DataOff), rec.Time, rec.WireLen,
			rec.Interface, link.Link, len(rec.Data), crc32.ChecksumIEEE(rec.Data), rec.Direction))
	}
	return list
}

func compareShared(t *testing.T, file []byte, shares int, opt ReaderOptions) {
	alone, err := NewReader(bytes.NewReader(file), opt)
	if err != nil {
		t.Skipf("no capture to compare: %v", err)
	}
	defer alone.Close()
	var want, got found
	for err == nil {
		var c *Chunk
		if c, err = alone.Next(); err == nil {
			want.records = append(want.records, recordsOf(c)...)
			alone.Release(c)
		}
	}
	want.finish(alone, err)

	in := bytes.NewReader(file)
	r, err := NewReader(in, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := r.share(in, int64(opt.Buffer))
	var mu sync.Mutex
	var wg sync.WaitGroup
	blocks := map[int64][]string{}
	ends := make([]error, shares)
	var turns []int // nobody else is there
	for i := range shares {
		wg.Go(func() {
			h := s.New()
			for ends[i] == nil {
				var chunks []Chunk
				var n int64
				chunks, n, ends[i] = h.Next(func(inTurn []Chunk) { turns = append(turns, len(inTurn)) })
				var list []string
				for i := range chunks {
					list = append(list, recordsOf(&chunks[i])...)
				}
				mu.Lock()
				if _, twice := blocks[n]; twice {
					t.Errorf("block %d comes twice", n)
				}
				blocks[n] = list
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(turns) != len(blocks) {
		t.Errorf("%d turns for %d blocks", len(turns), len(blocks))
	}
	for n := range int64(len(blocks)) {
		got.records = append(got.records, blocks[n]...)
	}
	for _, err := range ends {
		got.finish(r, err)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%d records, alone %d\nend %s\nalone %s\n%+v\nalone %+v", len(got.records), len(want.records),
				got.end, want.end, got.counters, want.counters)
		}
	}
}

// failingAt fails at an offset.
type failingAt struct {
	*bytes.Reader
	at int64
}

func (f failingAt) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= f.at {
		return f.Reader.ReadAt(p, off)
	}
	n, _ := f.Reader.ReadAt(p[:max(0, f.at-off)], off)
	return n, io.ErrClosedPipe
}

// A file that cannot be read to its end gives what comes before, and the cause.
func TestSharedFailure(t *testing.T) {
	file := longRecords(slices.Repeat([]int{1000}, 40)...)
	in := failingAt{bytes.NewReader(file), 24 + 10*1016 + 300}
	r, err := NewReader(bytes.NewReader(file), ReaderOptions{Buffer: 4096})
	if err != nil {
		t.Fatal(err)
	}
	h := r.share(in, 4096).New()
	packets := 0
	for err == nil {
		var chunks []Chunk
		chunks, _, err = h.Next(nil)
		for i := range chunks {
			packets += int(chunks[i].Packets)
		}
	}
	if packets != 10 || err == nil || r.Counters().Packets != 10 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%d packets, %v", packets, err)
	}
}
