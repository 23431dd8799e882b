package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

func TestBuilderDoesNotAllocate(t *testing.T) {
	b := NewBuilder(make([]byte, 0, ChunkSize))
	data := frame(594, 0)
	if n := testing.AllocsPerRun(100, func() {
		b.Reset(b.Bytes())
		for {
			p := b.Packet(0, 1, uint32(len(data)), uint32(len(data)), packet.DirectionSent)
			if p == nil {
				break
			}
			copy(p, data)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if want := uint32(ChunkSize / (packetOverhead + 596)); b.Packets() != want {
		t.Errorf("%d packets, want %d", b.Packets(), want)
	}
}

func TestIteratorDoesNotAllocate(t *testing.T) {
	for name, c := range benchChunks(t) {
		total := uint32(0)
		if n := testing.AllocsPerRun(10, func() {
			var rec Record
			total = 0
			it := c.Records()
			for ; it.Next(&rec); total++ {
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if total != c.Packets {
			t.Errorf("%s: %d of %d", name, total, c.Packets)
		}
	}
}

func TestRewriterDoesNotAllocatePerPacket(t *testing.T) {
	for name, c := range benchChunks(t) {
		var w Rewriter
		b := NewBuilder(make([]byte, 0, 2*ChunkSize))
		f := NewFileWriter(io.Discard, FileOptions{Kind: Pcapng})
		p := NewFileWriter(io.Discard, FileOptions{Kind: Pcap})
		if n := testing.AllocsPerRun(10, func() {
			b.Reset(b.Bytes())
			w.Load(c)
			for w.Fill(b) {
				b.Reset(b.Bytes())
			}
			if err := f.WriteChunk(c); err != nil {
				t.Fatal(err)
			}
			if err := p.WriteChunk(c); err != nil {
				t.Fatal(err)
			}
		}); n > 2 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestReaderReusesBuffers reads a long stream with the buffers of its beginning.
func TestReaderReusesBuffers(t *testing.T) {
	r, err := NewReader(&endless{record: foreignPcap(binary.LittleEndian, pcapMagic)[24:100], rest: foreignPcap(binary.LittleEndian, pcapMagic)[:24]}, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	next := func() {
		c, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		r.Release(c)
	}
	for range 5 {
		next()
	}
	// The Chunk itself is new each time, so that a stale pointer is harmless.
	if n := testing.AllocsPerRun(100, next); n > 2 {
		t.Errorf("%v allocations a chunk", n)
	}
}

// endless repeats a record.
type endless struct{ record, rest []byte }

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(e.rest) == 0 {
			e.rest = e.record
		}
		k := copy(p[n:], e.rest)
		e.rest = e.rest[k:]
		n += k
	}
	return n, nil
}

// benchChunks returns a full chunk of each layout, mixed sizes.
func benchChunks(t testing.TB) map[string]*Chunk {
	t.Helper()
	sizes := []int{60, 60, 60, 60, 60, 60, 60, 594, 594, 594, 594, 1514}
	b := NewBuilder(make([]byte, 0, ChunkSize))
	for i := 0; ; i++ {
		n := sizes[i%len(sizes)]
		p := b.Packet(0, int64(i)*1000, uint32(n), uint32(n), packet.Direction(1+i%2))
		if p == nil {
			break
		}
		copy(p, frame(n, byte(i)))
	}
	out := map[string]*Chunk{"pcapng": {
		First: 1, Packets: b.Packets(), Bytes: b.Bytes(),
		Interfaces: []Interface{{Name: "eth0", Link: 1, Resolution: Nanoseconds}},
	}}
	out["pcapng micros, no options"] = foreignChunk(t, func() []byte {
		f := &foreignFile{order: binary.LittleEndian}
		f.section()
		f.face(1, 0, nil)
		for i := 0; len(f.b) < ChunkSize-2000; i++ {
			n := sizes[i%len(sizes)]
			f.enhanced(0, uint64(i), uint32(n), frame(n, byte(i)), nil)
		}
		return f.b
	}())
	for name, order := range map[string]order{"pcap": binary.LittleEndian, "pcap big-endian": binary.BigEndian} {
		f := &foreignFile{order: order, b: foreignPcap(order, pcapMagic)[:24:24]}
		for i := 0; len(f.b) < ChunkSize-2000; i++ {
			n := sizes[i%len(sizes)]
			f.u32(uint32(i))
			f.u32(uint32(i % 1e6))
			f.u32(uint32(n))
			f.u32(uint32(n))
			f.b = append(f.b, frame(n, byte(i))...)
		}
		out[name] = foreignChunk(t, f.b)
	}
	return out
}

func foreignChunk(t testing.TB, file []byte) *Chunk {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// BenchmarkIterate walks over a whole chunk, and over so little of one that it stays in
// the first-level cache.
func BenchmarkIterate(b *testing.B) {
	for name, c := range benchChunks(b) {
		for _, size := range []int{16 << 10, ChunkSize} {
			part := *c
			part.Bytes = c.Bytes[:min(size, len(c.Bytes))]
			part.Packets = part.CountRecords()
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				var rec Record
				sum := 0
				for b.Loop() {
					it := part.Records()
					for it.Next(&rec) {
						sum += len(rec.Data)
					}
				}
				perRecord(b, &part)
			})
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	build := NewBuilder(make([]byte, 0, ChunkSize))
	data := frame(60, 0)
	for b.Loop() {
		build.Reset(build.Bytes())
		for {
			p := build.Packet(0, 1, 60, 60, packet.DirectionSent)
			if p == nil {
				break
			}
			copy(p, data)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(build.Packets()), "ns/record")
}

func BenchmarkRewrite(b *testing.B) {
	for name, c := range benchChunks(b) {
		b.Run(name, func(b *testing.B) {
			var w Rewriter
			build := NewBuilder(make([]byte, 0, 2*ChunkSize))
			for b.Loop() {
				build.Reset(build.Bytes())
				w.Load(c)
				w.Fill(build)
			}
			perRecord(b, c)
		})
	}
}

// BenchmarkReader reads and iterates 256 MiB from memory in each format.
func BenchmarkReader(b *testing.B) {
	for name, c := range benchChunks(b) {
		var head []byte
		switch {
		case c.Format.Kind == Pcap && c.Format.BigEndian:
			head = foreignPcap(binary.BigEndian, pcapMagic)[:24]
		case c.Format.Kind == Pcap:
			head = foreignPcap(binary.LittleEndian, pcapMagic)[:24]
		default:
			head = AppendInterface(AppendSectionHeader(nil, Section{}), c.Interfaces[0])
		}
		b.Run(name, func(b *testing.B) {
			records := 0
			for b.Loop() {
				r, err := NewReader(io.LimitReader(&endless{record: c.Bytes, rest: head}, 256<<20), ReaderOptions{})
				if err != nil {
					b.Fatal(err)
				}
				var rec Record
				for {
					k, err := r.Next()
					if err != nil {
						break
					}
					it := k.Records()
					for it.Next(&rec) {
						records++
					}
					r.Release(k)
				}
			}
			b.SetBytes(256 << 20)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
		})
	}
}

func perRecord(b *testing.B, c *Chunk) {
	b.SetBytes(int64(len(c.Bytes)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Packets), "ns/record")
}
