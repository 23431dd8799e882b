package page_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/web"
)

// frame makes packet number n: Ethernet, IPv4, TCP or UDP, and a payload that names it.
func frame(n uint64) []byte {
	payload := fmt.Sprintf("packet %d of the feed", n)
	b := make([]byte, 14+20, 128)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00})
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 6
	copy(ip[12:], []byte{10, 0, byte(n >> 4 & 7), byte(n & 15)})
	copy(ip[16:], []byte{192, 0, 2, byte(n & 3)})
	if n%4 == 0 {
		ip[9] = 17
		b = binary.BigEndian.AppendUint16(b, 53000+uint16(n&7))
		b = binary.BigEndian.AppendUint16(b, 5060)
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
		b = append(b, 0, 0)
	} else {
		b = binary.BigEndian.AppendUint16(b, 40000+uint16(n&31))
		b = binary.BigEndian.AppendUint16(b, 443)
		b = binary.BigEndian.AppendUint32(b, uint32(n))
		b = binary.BigEndian.AppendUint32(b, 1)
		flags := byte(0x18)
		if n%97 == 0 {
			flags = 0x02
		} else if n%101 == 0 {
			flags = 0x14
		}
		b = append(b, 0x50, flags, 1, 0, 0, 0, 0, 0)
	}
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
	return b
}

const (
	feedStart = 1_790_000_000_000_000_000
	feedStep  = 50_000 // nanoseconds between two packets: 20 000 a second
)

// feed is a capture without end that is made when it is asked for: any packet follows from
// its number, so that a million rows take no memory.
type feed struct {
	hub   *live.Hub
	limit uint64 // packets that can be asked for
}

func (f *feed) summary(n uint64) (packet.Summary, []byte) {
	data := frame(n)
	s := packet.Summary{
		Number: n, Time: feedStart + int64(n)*feedStep, CapLen: uint32(len(data)), WireLen: uint32(len(data)),
		Direction: packet.Direction(1 + n&1),
	}
	packet.NewDecoder().Summarize(data, &s, packet.LinkEthernet)
	return s, data
}

// batch makes the packets from first on.
func (f *feed) batch(first uint64, n int) *track.Batch {
	b := &track.Batch{Chunk: &segment.Chunk{}}
	for i := range uint64(n) {
		s, data := f.summary(first + i)
		s.DataOff = uint32(len(b.Chunk.Bytes))
		b.Chunk.Bytes = append(b.Chunk.Bytes, data...)
		b.Rows = append(b.Rows, s)
	}
	return b
}

// run feeds the hub with rate packets a second until ctx ends.
func (f *feed) run(ctx context.Context, rate int) {
	const ticks = 50
	tick := time.NewTicker(time.Second / ticks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, next := f.hub.Bounds()
			_ = f.hub.Apply(ctx, f.batch(next+1, rate/ticks))
		}
	}
}

// fill puts n packets into the hub at once.
func (f *feed) fill(n int) {
	const step = 4096
	for n > 0 {
		_, next := f.hub.Bounds()
		k := min(n, step)
		_ = f.hub.Apply(context.Background(), f.batch(next+1, k))
		n -= k
	}
}

func (f *feed) total() uint64 {
	if f.hub == nil {
		return f.limit
	}
	_, next := f.hub.Bounds()
	return next
}

// Packets implements query.Reader, without filters.
func (f *feed) Packets(_ context.Context, s query.Scope, from uint64, count int) (*query.Page, error) {
	if !s.All() {
		return nil, &query.CannotAnswerError{What: "filter", Why: "the feed has none"}
	}
	total := f.total()
	p := &query.Page{From: min(from, total), Total: total, Exact: true}
	for n := p.From; n < min(p.From+uint64(count), total); n++ {
		row, _ := f.summary(n + 1)
		p.Rows = append(p.Rows, row)
	}
	return p, nil
}

// Packet implements query.Reader.
func (f *feed) Packet(_ context.Context, n uint64) (*query.Detail, error) {
	if n == 0 || n > f.total() {
		return nil, fs.ErrNotExist
	}
	s, data := f.summary(n)
	return &query.Detail{Summary: s, Link: packet.LinkEthernet, Interface: "feed0", Data: data}, nil
}

// Totals implements query.Reader.
func (f *feed) Totals(context.Context, query.Scope) (*query.Totals, error) {
	n := f.total()
	return &query.Totals{
		Amount: query.Amount{Packets: n, Bytes: 90 * n}, First: feedStart + feedStep, Last: feedStart + int64(n)*feedStep,
		IPv4:      query.Amount{Packets: n, Bytes: 90 * n},
		Protocols: map[uint8]query.Amount{6: {Packets: n - n/4}, 17: {Packets: n / 4}},
		Outcomes:  map[string]uint64{"transport": n},
	}, nil
}

// Top implements query.Reader.
func (*feed) Top(_ context.Context, _ query.Scope, field string, _ int) (*query.Top, error) {
	return &query.Top{Field: field, Rows: []query.TopRow{}}, nil
}

// Series implements query.Reader.
func (f *feed) Series(_ context.Context, _ query.Scope, bucket time.Duration) (*query.Series, error) {
	s := &query.Series{Start: feedStart, Bucket: bucket}
	for range min(1000, int64(f.total())*feedStep/int64(bucket)) {
		s.Points = append(s.Points, query.Amount{Packets: uint64(bucket / feedStep)})
	}
	return s, nil
}

// Count implements query.Reader.
func (f *feed) Count(context.Context, query.Scope) (uint64, error) { return f.total(), nil }

// Close implements query.Reader.
func (*feed) Close() error { return nil }

// shelf is a collection of captures for a server under test.
type shelf struct {
	list    []web.Capture
	readers map[string]query.Reader
}

// List implements web.Captures.
func (s *shelf) List(context.Context) ([]web.Capture, error) { return s.list, nil }

// Open implements web.Captures.
func (s *shelf) Open(_ context.Context, id string) (query.Reader, error) {
	if r := s.readers[id]; r != nil {
		return r, nil
	}
	return nil, web.ErrNoCapture
}

// Remove implements web.Captures.
func (s *shelf) Remove(_ context.Context, id string) error {
	delete(s.readers, id)
	for i := range s.list {
		if s.list[i].ID == id {
			s.list = append(s.list[:i:i], s.list[i+1:]...)
			return nil
		}
	}
	return web.ErrNoCapture
}
