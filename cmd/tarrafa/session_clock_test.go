//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// steppingClock is a source whose clock is set forth and back by somebody, as the kernel's
// stamps are then: within 1970 and 2106, in any order.
type steppingClock struct {
	steps     []time.Duration // one before each hundred packets
	now       time.Time
	delivered atomic.Uint64
	closed    atomic.Bool
}

var _ capture.Source = (*steppingClock)(nil)

// Interfaces implements capture.Source.
func (*steppingClock) Interfaces() []segment.Interface {
	return []segment.Interface{{Name: "clock0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}}
}

// Fill implements capture.Source.
func (c *steppingClock) Fill(b *segment.Builder, wait time.Duration) bool {
	if len(c.steps) == 0 {
		if c.closed.Load() {
			return false
		}
		time.Sleep(wait)
		return true
	}
	c.now = c.now.Add(c.steps[0])
	c.steps = c.steps[1:]
	for range 100 {
		n := c.delivered.Load()
		f := make([]byte, 14+40+20)
		f[12], f[14], f[22], f[23], f[46], f[47] = 8, 0x45, 64, packet.ProtoTCP, 0x50, 0x18
		binary.BigEndian.PutUint16(f[16:], uint16(len(f)-14))
		copy(f[26:], []byte{10, 0, 0, byte(n % 7), 10, 0, 1, 1})
		binary.BigEndian.PutUint16(f[34:], 4000)
		binary.BigEndian.PutUint16(f[36:], 80)
		binary.BigEndian.PutUint32(f[38:], uint32(1000+n/7*20))
		copy(b.Packet(0, c.now.UnixNano(), uint32(len(f)), uint32(len(f)), packet.DirectionReceived), f)
		c.now = c.now.Add(time.Millisecond)
		c.delivered.Add(1)
	}
	return true
}

// Counters implements capture.Source.
func (c *steppingClock) Counters() capture.Counters {
	n := c.delivered.Load()
	return capture.Counters{Received: n, Delivered: n}
}

// Events implements capture.Source.
func (*steppingClock) Events() []capture.Event { return nil }

// Suspend implements capture.Source.
func (*steppingClock) Suspend() error { return nil }

// Resume implements capture.Source.
func (*steppingClock) Resume() error { return nil }

// Close implements capture.Source.
func (c *steppingClock) Close() error {
	c.closed.Store(true)
	return nil
}

// A clock that steps back and forth under a live capture moves nothing but the times:
// archive, statistics, record, flows and index hold every packet once, and questions are
// answered.
func TestClockStepsUnderALiveCapture(t *testing.T) {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	source := &steppingClock{now: time.Date(2026, 10, 25, 2, 59, 59, 0, time.UTC), steps: []time.Duration{
		0, -time.Hour, time.Hour, -2 * day, 10 * day, time.Nanosecond, -time.Nanosecond, -55 * year, 130 * year, -75 * year, -time.Second, 0,
	}}
	sent := uint64(100 * len(source.steps))
	dir := t.TempDir()
	record := filepath.Join(dir, "traffic.json")
	o := &captureOptions{
		interfaces: []string{"clock0"}, dataDir: filepath.Join(dir, "data"), segmentSize: 1 << 20, segmentAge: archive.DefaultSegmentAge,
		flowMemory: liveFlowMemory, view: "none", out: outputFlags{json: record, jsonExtra: true}, count: sent,
	}
	var stdout, stderr bytes.Buffer
	s, err := newSession(&stdout, &stderr, o, "", source)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.run(ctx); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if ctx.Err() != nil {
		t.Fatalf("the capture did not end by itself\n%s", stderr.String())
	}
	l := s.ledger()
	if err := l.Balance(); err != nil || l.Written != sent || l.Lost != 0 {
		t.Errorf("%v: %+v", err, l)
	}
	for _, f := range l.Followers {
		if f.Applied != sent {
			t.Errorf("%s has applied %d of %d", f.Name, f.Applied, sent)
		}
	}
	b, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i, line := range lines {
		var r struct {
			Number uint64
			Time   string `json:"timestamp"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Number != uint64(i+1) {
			t.Fatalf("line %d: %v: %s", i+1, err, line)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.999999-07:00", r.Time); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
	}
	if uint64(len(lines)) != sent {
		t.Errorf("%d lines of %d", len(lines), sent)
	}

	c, err := history.Open(s.archive.Dir(), history.Options{Notice: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	totals, err := c.Totals(ctx, query.Scope{})
	if err != nil || totals.Packets != sent {
		t.Errorf("totals: %d packets, %v", totals.Packets, err)
	}
	// Since 1971 and until 2101: the hours of it are 1.2 million; days are few.
	series, err := c.Series(ctx, query.Scope{}, day)
	if err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, p := range series.Points {
		sum += p.Packets
	}
	if sum != sent {
		t.Errorf("the series holds %d packets of %d", sum, sent)
	}
	if _, err := c.Series(ctx, query.Scope{}, time.Microsecond); err == nil {
		t.Error("a series of 4 quadrillion intervals is no error")
	}
	from := time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	late, err := c.Totals(ctx, query.Scope{From: from})
	if err != nil || late.Packets != 100 {
		t.Errorf("after 2090: %d packets, %v", late.Packets, err)
	}
	page, err := c.Packets(ctx, query.Scope{}, 0, int(sent)+1)
	if err != nil || uint64(len(page.Rows)) != sent {
		t.Errorf("%d rows, %v", len(page.Rows), err)
	}
	for i := range page.Rows {
		if page.Rows[i].Number != uint64(i+1) {
			t.Fatalf("row %d has number %d", i+1, page.Rows[i].Number)
		}
	}
	if !strings.Contains(stdout.String(), "balanced") {
		t.Errorf("no ledger:\n%s", stdout.String())
	}
}
