package track_test

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/track"
)

// udpChunk is a chunk full of UDP frames of size bytes, each with another source port.
func udpChunk(tb testing.TB, size int) *segment.Chunk {
	tb.Helper()
	b := segment.NewBuilder(make([]byte, 0, segment.ChunkSize))
	for i := 0; ; i++ {
		p := b.Packet(0, int64(i)*1000, uint32(size), uint32(size), packet.DirectionReceived)
		if p == nil {
			break
		}
		clear(p)
		copy(p, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00\x45\x00")
		binary.BigEndian.PutUint16(p[16:], uint16(size-14))
		copy(p[22:], "\x40\x11\x00\x00\x0a\x4d\x00\x01\x0a\x4d\x00\x02")
		binary.BigEndian.PutUint16(p[34:], uint16(i))
		binary.BigEndian.PutUint16(p[36:], 5353)
		binary.BigEndian.PutUint16(p[38:], uint16(size-34))
	}
	return &segment.Chunk{
		Segment: 1, First: 1, Packets: b.Packets(), Bytes: b.Bytes(),
		Interfaces: []segment.Interface{{Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
	}
}

func TestBatchAllocatesNothing(t *testing.T) {
	c := udpChunk(t, 60)
	tr := track.New()
	counters := stats.New()
	once := func() {
		tr.Load(c)
		for b := tr.Next(); b != nil; b = tr.Next() {
			counters.Apply(b.Rows)
		}
	}
	once()
	if n := testing.AllocsPerRun(20, once); n != 0 {
		t.Errorf("%v allocations for a chunk of %d packets", n, c.Packets)
	}
}

func TestBatchesCoverTheChunk(t *testing.T) {
	c := udpChunk(t, 60)
	c.First, c.Offset = 100, 5000
	tr := track.New()
	tr.Load(c)
	next := segment.Cursor{Segment: 1, Offset: 5000, Packet: 100}
	batches := 0
	for b := tr.Next(); b != nil; b = tr.Next() {
		batches++
		if b.Chunk.Offset != next.Offset || b.Chunk.First != next.Packet || int(b.Chunk.Packets) != len(b.Rows) {
			t.Fatalf("a batch at %d, packet %d, after %+v", b.Chunk.Offset, b.Chunk.First, next)
		}
		it := b.Chunk.Records()
		var rec segment.Record
		for i := range b.Rows {
			row := &b.Rows[i]
			if !it.Next(&rec) || rec.Offset != row.Offset || &rec.Data[0] != &b.Data(row)[0] {
				t.Fatalf("row %d of the batch is not the chunk's record", i)
			}
			n := next.Packet + uint64(i)
			if row.Number != n || row.Outer.DstPort != 5353 || binary.BigEndian.Uint16(b.Data(row)[34:]) != uint16(n-100) {
				t.Fatalf("row %d is packet %d", i, row.Number)
			}
		}
		next = b.Next
	}
	if want := (segment.Cursor{Segment: 1, Offset: 5000 + int64(len(c.Bytes)), Packet: 100 + uint64(c.Packets)}); next != want || batches < 2 {
		t.Errorf("%d batches up to %+v, want %+v", batches, next, want)
	}
}

func TestChunkWithoutPacketsMovesTheCursor(t *testing.T) {
	note := segment.AppendStatistics(nil, segment.Statistics{Comments: []string{"nothing"}})
	tr := track.New()
	tr.Load(&segment.Chunk{Segment: 3, Offset: 70, First: 9, Bytes: note})
	b := tr.Next()
	if b == nil || len(b.Rows) != 0 || b.Next != (segment.Cursor{Segment: 3, Offset: 70 + int64(len(note)), Packet: 9}) {
		t.Fatalf("%+v", b)
	}
	if tr.Next() != nil {
		t.Error("a second batch")
	}
}

type follower func(*track.Batch) error

func (f follower) Apply(_ context.Context, b *track.Batch) error { return f(b) }

func BenchmarkDecode(b *testing.B) {
	c := udpChunk(b, 60)
	tr := track.New()
	b.SetBytes(int64(len(c.Bytes)))
	for b.Loop() {
		tr.Load(c)
		for tr.Next() != nil {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Packets), "ns/packet")
}

func BenchmarkDecodeAndCount(b *testing.B) {
	c := udpChunk(b, 60)
	tr := track.New()
	counters := stats.New()
	for b.Loop() {
		tr.Load(c)
		for p := tr.Next(); p != nil; p = tr.Next() {
			counters.Apply(p.Rows)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Packets), "ns/packet")
}
