// Package feed makes captures for tests and benches of the page: packets that follow from
// their numbers, so that a million rows take no memory.
package feed

import (
	"context"
	"encoding/binary"
	"io/fs"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// frame appends packet number n to dst: Ethernet, IPv4, TCP or UDP, and a payload that
// names it.
func frame(dst []byte, n uint64) []byte {
	start := len(dst)
	dst = append(dst, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00)
	dst = append(dst, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, byte(n>>4&7), byte(n&15), 192, 0, 2, byte(n&3))
	be := binary.BigEndian
	if n%4 == 0 {
		dst[start+23] = 17
		dst = be.AppendUint16(dst, 53000+uint16(n&7))
		dst = be.AppendUint16(dst, 5060)
		dst = append(dst, 0, 0, 0, 0)
	} else {
		dst = be.AppendUint16(dst, 40000+uint16(n&31))
		dst = be.AppendUint16(dst, 443)
		dst = be.AppendUint32(dst, uint32(n))
		dst = be.AppendUint32(dst, 1)
		flags := byte(0x18)
		if n%97 == 0 {
			flags = 0x02
		} else if n%101 == 0 {
			flags = 0x14
		}
		dst = append(dst, 0x50, flags, 1, 0, 0, 0, 0, 0)
	}
	dst = append(dst, "packet "...)
	dst = strconv.AppendUint(dst, n, 10)
	dst = append(dst, " of the feed"...)
	be.PutUint16(dst[start+16:], uint16(len(dst)-start-14))
	if n%4 == 0 {
		be.PutUint16(dst[start+38:], uint16(len(dst)-start-34))
	}
	return dst
}

const (
	feedStart = 1_790_000_000_000_000_000
	feedStep  = 50_000 // nanoseconds between two packets: 20 000 a second
)

// Feed is a capture without end that is made when it is asked for: any packet follows from
// its number, so that a million rows take no memory.
type Feed struct {
	hub   *live.Hub
	limit uint64 // packets that can be asked for
	held  atomic.Bool
}

// New makes a feed of a running capture. The hub is given packets by [Feed.Fill] and
// [Feed.Run].
func New(hub func(*Feed) *live.Hub) *Feed {
	f := &Feed{}
	f.hub = hub(f)
	return f
}

// Stored makes a feed of a capture with so many packets that has ended.
func Stored(packets uint64) *Feed { return &Feed{limit: packets} }

// Hub returns the running capture's hub.
func (f *Feed) Hub() *live.Hub { return f.hub }

// summary describes packet n, whose bytes are given.
func summary(d *packet.Decoder, n uint64, data []byte) packet.Summary {
	s := packet.Summary{
		Number: n, Time: feedStart + int64(n)*feedStep, CapLen: uint32(len(data)), WireLen: uint32(len(data)),
		Direction: packet.Direction(1 + n&1),
	}
	d.Summarize(data, &s, packet.LinkEthernet)
	return s
}

// packet makes packet n.
func (f *Feed) packet(n uint64) (packet.Summary, []byte) {
	data := frame(nil, n)
	return summary(packet.NewDecoder(), n, data), data
}

// batch makes the packets from first on.
func (f *Feed) batch(first uint64, n int) *track.Batch {
	b := &track.Batch{Chunk: &segment.Chunk{Bytes: make([]byte, 0, 96*n)}, Rows: make([]packet.Summary, 0, n)}
	d := packet.NewDecoder()
	for i := range uint64(n) {
		at := len(b.Chunk.Bytes)
		b.Chunk.Bytes = frame(b.Chunk.Bytes, first+i)
		s := summary(d, first+i, b.Chunk.Bytes[at:])
		s.DataOff = uint32(at)
		b.Rows = append(b.Rows, s)
	}
	return b
}

// Run feeds the hub with rate packets a second until ctx ends.
func (f *Feed) Run(ctx context.Context, rate int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	start, given := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			due := int(time.Since(start).Seconds() * float64(rate))
			if !f.held.Load() {
				_, next := f.hub.Bounds()
				_ = f.hub.Apply(ctx, f.batch(next+1, due-given))
			}
			given = due
		}
	}
}

// Hold makes Run pass over packets, or give them again.
func (f *Feed) Hold(on bool) { f.held.Store(on) }

// Fill puts n packets into the hub at once.
func (f *Feed) Fill(n int) {
	const step = 4096
	for n > 0 {
		_, next := f.hub.Bounds()
		k := min(n, step)
		_ = f.hub.Apply(context.Background(), f.batch(next+1, k))
		n -= k
	}
}

// Total returns how many packets there are.
func (f *Feed) Total() uint64 {
	if f.hub == nil {
		return f.limit
	}
	_, next := f.hub.Bounds()
	return next
}

// Packets implements query.Reader, without filters.
func (f *Feed) Packets(_ context.Context, s query.Scope, from uint64, count int) (*query.Page, error) {
	if !s.All() {
		return nil, &query.CannotAnswerError{What: "filter", Why: "the feed has none"}
	}
	total := f.Total()
	p := &query.Page{From: min(from, total), Total: total, Exact: true}
	for n := p.From; n < min(p.From+uint64(count), total); n++ {
		row, _ := f.packet(n + 1)
		p.Rows = append(p.Rows, row)
	}
	return p, nil
}

// Packet implements query.Reader.
func (f *Feed) Packet(_ context.Context, n uint64) (*query.Detail, error) {
	if n == 0 || n > f.Total() {
		return nil, fs.ErrNotExist
	}
	s, data := f.packet(n)
	return &query.Detail{Summary: s, Link: packet.LinkEthernet, Interface: "feed0", Data: data}, nil
}

// Totals implements query.Reader.
func (f *Feed) Totals(context.Context, query.Scope) (*query.Totals, error) {
	n := f.Total()
	return &query.Totals{
		Amount: query.Amount{Packets: n, Bytes: 90 * n}, First: feedStart + feedStep, Last: feedStart + int64(n)*feedStep,
		IPv4:      query.Amount{Packets: n, Bytes: 90 * n},
		Protocols: map[uint8]query.Amount{6: {Packets: n - n/4}, 17: {Packets: n / 4}},
		Outcomes:  map[string]uint64{"transport": n},
	}, nil
}

// Top implements query.Reader.
func (*Feed) Top(_ context.Context, _ query.Scope, field string, _ int) (*query.Top, error) {
	return &query.Top{Field: field, Rows: []query.TopRow{}}, nil
}

// Series implements query.Reader.
func (f *Feed) Series(_ context.Context, _ query.Scope, bucket time.Duration) (*query.Series, error) {
	s := &query.Series{Start: feedStart, Bucket: bucket}
	for range min(1000, int64(f.Total())*feedStep/int64(bucket)) {
		s.Points = append(s.Points, query.Amount{Packets: uint64(bucket / feedStep)})
	}
	return s, nil
}

// Count implements query.Reader.
func (f *Feed) Count(context.Context, query.Scope) (uint64, error) { return f.Total(), nil }

// Close implements query.Reader.
func (*Feed) Close() error { return nil }
