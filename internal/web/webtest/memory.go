// Package webtest holds a capture in memory, for tests of the page.
package webtest

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Memory is a query.Reader over packets in memory. It is a track.Follower too: what is
// applied to it can be asked. Both may happen at once.
type Memory struct {
	mu   sync.RWMutex
	rows []packet.Summary
	data [][]byte
	link []packet.LinkType
}

var (
	_ query.Reader   = (*Memory)(nil)
	_ track.Follower = (*Memory)(nil)
)

// Apply implements track.Follower.
func (m *Memory) Apply(_ context.Context, b *track.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range b.Rows {
		m.rows = append(m.rows, b.Rows[i])
		m.data = append(m.data, slices.Clone(b.Data(&b.Rows[i])))
		link := packet.LinkEthernet
		if n := int(b.Rows[i].Interface); n < len(b.Chunk.Interfaces) {
			link = b.Chunk.Interfaces[n].Link
		}
		m.link = append(m.link, link)
	}
	return nil
}

// Forget removes the first n packets, as retention does.
func (m *Memory) Forget(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows, m.data, m.link = m.rows[n:], m.data[n:], m.link[n:]
}

// matches returns the indexes of the rows in a scope. The lock is held.
func (m *Memory) matches(s query.Scope) []int {
	d := packet.NewDecoder()
	var out []int
	var r query.Row
	for i := range m.rows {
		if !s.Holds(m.rows[i].Time) {
			continue
		}
		if s.Filter != nil {
			switch s.Filter.MatchSummary(&m.rows[i]) {
			case query.No:
				continue
			case query.Unknown:
				p := m.packet(i)
				d.Decode(p)
				r.Next(p)
				if !s.Filter.Match(&r) {
					continue
				}
			case query.Yes:
			}
		}
		out = append(out, i)
	}
	return out
}

func (m *Memory) packet(i int) *packet.Packet {
	s := &m.rows[i]
	return &packet.Packet{
		Number: s.Number, Time: s.Time, WireLen: s.WireLen, Link: m.link[i], Direction: s.Direction,
		Interface: s.Interface, Data: m.data[i],
	}
}

// Totals implements query.Reader.
func (m *Memory) Totals(_ context.Context, s query.Scope) (*query.Totals, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := &query.Totals{Protocols: map[uint8]query.Amount{}, Outcomes: map[string]uint64{}}
	for _, i := range m.matches(s) {
		r := &m.rows[i]
		add := func(a *query.Amount) { a.Packets++; a.Bytes += uint64(r.WireLen) }
		if add(&t.Amount); t.Packets == 1 || r.Time < t.First {
			t.First = r.Time
		}
		t.Last = max(t.Last, r.Time)
		t.Outcomes[r.Outcome.String()]++
		switch r.Outer.Version {
		case 4:
			add(&t.IPv4)
		case 6:
			add(&t.IPv6)
		default:
			add(&t.NonIP)
			continue
		}
		a := t.Protocols[r.Outer.Proto]
		add(&a)
		t.Protocols[r.Outer.Proto] = a
	}
	return t, nil
}

// Top implements query.Reader.
func (m *Memory) Top(_ context.Context, s query.Scope, field string, n int) (*query.Top, error) {
	f := query.LookupField(field)
	if f == nil {
		return nil, &query.CannotAnswerError{What: field, Why: "no such field"}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	d := packet.NewDecoder()
	var r query.Row
	counts := map[string]*query.TopRow{}
	for _, i := range m.matches(s) {
		p := m.packet(i)
		d.Decode(p)
		r.Next(p)
		seen := map[string]bool{}
		for _, v := range f.Append(&r, nil) {
			text := string(f.AppendText(nil, v))
			if seen[text] {
				continue
			}
			seen[text] = true
			if counts[text] == nil {
				counts[text] = &query.TopRow{Value: text}
			}
			counts[text].Packets++
			counts[text].Bytes += uint64(p.WireLen)
		}
	}
	t := &query.Top{Field: field, Distinct: uint64(len(counts)), Rows: []query.TopRow{}}
	for _, c := range counts {
		t.Rows = append(t.Rows, *c)
	}
	sort.Slice(t.Rows, func(a, b int) bool {
		x, y := &t.Rows[a], &t.Rows[b]
		if x.Packets != y.Packets {
			return x.Packets > y.Packets
		}
		if x.Bytes != y.Bytes {
			return x.Bytes > y.Bytes
		}
		return x.Value < y.Value
	})
	t.Rows = t.Rows[:min(n, len(t.Rows))]
	return t, nil
}

// Series implements query.Reader.
func (m *Memory) Series(_ context.Context, s query.Scope, bucket time.Duration) (*query.Series, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := m.matches(s)
	out := &query.Series{Bucket: bucket, Points: []query.Amount{}}
	if len(found) == 0 {
		return out, nil
	}
	first, last := m.rows[found[0]].Time, m.rows[found[0]].Time
	for _, i := range found {
		first, last = min(first, m.rows[i].Time), max(last, m.rows[i].Time)
	}
	out.Start = first - first%int64(bucket)
	n := (last-out.Start)/int64(bucket) + 1
	if n > 1<<20 {
		return nil, &query.CannotAnswerError{What: "series", Why: fmt.Sprintf("%d intervals", n)}
	}
	out.Points = make([]query.Amount, n)
	for _, i := range found {
		p := &out.Points[(m.rows[i].Time-out.Start)/int64(bucket)]
		p.Packets++
		p.Bytes += uint64(m.rows[i].WireLen)
	}
	return out, nil
}

// Count implements query.Reader.
func (m *Memory) Count(_ context.Context, s query.Scope) (uint64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s.All() {
		return uint64(len(m.rows)), nil
	}
	return uint64(len(m.matches(s))), nil
}

// Packets implements query.Reader.
func (m *Memory) Packets(_ context.Context, s query.Scope, from uint64, count int) (*query.Page, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s.All() {
		total := uint64(len(m.rows))
		from = min(from, total)
		to := min(from+uint64(count), total)
		return &query.Page{From: from, Total: total, Exact: true, Rows: slices.Clone(m.rows[from:to])}, nil
	}
	found := m.matches(s)
	p := &query.Page{From: min(from, uint64(len(found))), Total: uint64(len(found)), Exact: true}
	for _, i := range found[p.From:min(p.From+uint64(count), p.Total)] {
		p.Rows = append(p.Rows, m.rows[i])
	}
	return p, nil
}

// Packet implements query.Reader.
func (m *Memory) Packet(_ context.Context, number uint64) (*query.Detail, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i := sort.Search(len(m.rows), func(i int) bool { return m.rows[i].Number >= number })
	if i == len(m.rows) || m.rows[i].Number != number {
		return nil, fmt.Errorf("packet %d: %w", number, fs.ErrNotExist)
	}
	return &query.Detail{Summary: m.rows[i], Link: m.link[i], Data: slices.Clone(m.data[i])}, nil
}

// Close implements query.Reader.
func (*Memory) Close() error { return nil }
