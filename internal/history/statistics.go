package history

import (
	"cmp"
	"context"
	"math/bits"
	"net/netip"
	"slices"
	"sync"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/stats"
)

// Bounds beyond which what [stats.Counters] say depends on the order of the packets.
const (
	interfacesMost = 1024
	etherTypesMost = 32
)

// Statistics returns what [stats.Counters] would have counted of all packets, without the
// series: totals, protocols, outcomes and addresses from the counts beside the indexes,
// the rest from the columns. When it would not be exactly the same, or a segment has no
// index, the error is a [query.ErrCannotAnswer].
func (c *Capture) Statistics(ctx context.Context, top int) (*stats.Snapshot, error) {
	var s *stats.Snapshot
	err := c.ask(ctx, func(v view) error {
		s = &stats.Snapshot{}
		for _, p := range v.parts {
			if p.file == nil && p.packets > 0 {
				return cannot("segment has no index")
			}
		}
		if err := c.totalStatistics(ctx, v, s); err != nil {
			return err
		}
		for _, side := range []struct {
			name string
			to   *stats.Top
		}{{TopSrc, &s.Sources}, {TopDst, &s.Dests}} {
			var err error
			if *side.to, err = c.topStatistics(ctx, v, side.name, top); err != nil {
				return err
			}
		}
		return c.columnStatistics(ctx, v, s)
	})
	return s, err
}

func cannot(why string) error {
	return &query.CannotAnswerError{What: "the statistics from the index", Why: why}
}

func count(a query.Amount) stats.Count { return stats.Count{Packets: a.Packets, Bytes: a.Bytes} }

// totalStatistics fills in what the counts by second tell.
func (c *Capture) totalStatistics(ctx context.Context, v view, s *stats.Snapshot) error {
	t := &query.Totals{Protocols: map[uint8]query.Amount{}, Outcomes: map[string]uint64{}}
	if err := c.sums(ctx, v, query.Scope{}, 1e9, func(sum *sums) error { addTotals(t, sum); return nil }); err != nil {
		return err
	}
	if t.Packets > 0 && t.First <= 0 {
		return cannot("there are packets without a time")
	}
	s.Count, s.Timed, s.First, s.Last = count(t.Amount), t.Packets, t.First, t.Last
	s.IPv4, s.IPv6, s.NonIP = count(t.IPv4), count(t.IPv6), count(t.NonIP)
	for number := range 256 {
		if a, ok := t.Protocols[uint8(number)]; ok {
			s.Protocols = append(s.Protocols, stats.Protocol{Number: uint8(number), Count: count(a)})
		}
	}
	slices.SortStableFunc(s.Protocols, func(a, b stats.Protocol) int { return cmp.Compare(b.Packets, a.Packets) })
	for name, n := range t.Outcomes {
		s.Outcomes[outcomeOf(name)] += n
	}
	return nil
}

// topStatistics finds the most frequent addresses of one side.
func (c *Capture) topStatistics(ctx context.Context, v view, name string, n int) (stats.Top, error) {
	f, err := lookUpTop(name)
	if err != nil {
		return stats.Top{}, err
	}
	t := &tally{counts: map[string]query.Amount{}}
	units, err := c.fromCounts(v, f, t)
	if err != nil {
		return stats.Top{}, err
	}
	err = c.each(ctx, units, nil, func(w *worker, _ int, u *unit) error {
		return w.topUnit(u, &selection{all: true, count: u.rows}, f, t)
	})
	if err != nil {
		return stats.Top{}, err
	}
	if t.over || len(t.counts) > stats.MaxExact {
		return stats.Top{}, cannot("there are too many addresses")
	}
	out := stats.Top{Distinct: uint64(len(t.counts)), Rows: make([]stats.AddressCount, 0, len(t.counts))}
	for text, a := range t.counts {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return out, cannot("an address cannot be read")
		}
		row := stats.AddressCount{Version: 6, Addr: addr.As16(), Count: count(a)}
		if addr.Is4() {
			row.Version, row.Addr = 4, packet.AddrFrom4(addr.As4())
		}
		out.Rows = append(out.Rows, row)
	}
	slices.SortFunc(out.Rows, func(a, b stats.AddressCount) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(b.Bytes, a.Bytes), slices.Compare(a.Addr[:], b.Addr[:]), cmp.Compare(a.Version, b.Version))
	})
	out.Rows = slices.Clip(out.Rows[:min(n, len(out.Rows))])
	return out, nil
}

// shape is what the columns tell of packets, beyond the counts.
type shape struct {
	directions [packet.DirectionSent + 1]stats.Count
	sizes      [33]stats.Count
	interfaces [interfacesMost]stats.Count
	last       int // one more than the greatest interface
	ethers     map[uint16]stats.Count
}

func plus(c *stats.Count, size uint32) {
	c.Packets++
	c.Bytes += uint64(size)
}

// columnStatistics fills in what only the columns tell.
func (c *Capture) columnStatistics(ctx context.Context, v view, s *stats.Snapshot) error {
	var mu sync.Mutex
	sum := &shape{ethers: map[uint16]stats.Count{}}
	err := c.each(ctx, v.units, nil, func(w *worker, _ int, u *unit) error {
		part, err := w.shape(u)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		sum.add(part)
		return nil
	})
	if err != nil {
		return err
	}
	if sum.last > interfacesMost || len(sum.ethers) > etherTypesMost {
		return cannot("there are too many interfaces or types")
	}
	copy(s.Directions[:], sum.directions[:])
	s.Interfaces = slices.Clone(sum.interfaces[:sum.last])
	for t, n := range sum.ethers {
		s.EtherTypes = append(s.EtherTypes, stats.EtherType{Type: t, Count: n})
	}
	slices.SortFunc(s.EtherTypes, func(a, b stats.EtherType) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Type, b.Type))
	})
	first, last := len(sum.sizes), 0
	for i, n := range sum.sizes {
		if n.Packets > 0 {
			first, last = min(first, i), i
		}
	}
	for i := first; i <= last; i++ {
		class := stats.SizeClass{Count: sum.sizes[i]}
		if i > 0 {
			class.From, class.To = 1<<(i-1), 1<<i-1
		}
		s.Sizes = append(s.Sizes, class)
	}
	return nil
}

func (s *shape) add(o *shape) {
	both := func(to *stats.Count, n stats.Count) {
		to.Packets += n.Packets
		to.Bytes += n.Bytes
	}
	for i := range s.directions {
		both(&s.directions[i], o.directions[i])
	}
	for i := range s.sizes {
		both(&s.sizes[i], o.sizes[i])
	}
	for i := range s.interfaces {
		both(&s.interfaces[i], o.interfaces[i])
	}
	s.last = max(s.last, o.last)
	for t, n := range o.ethers {
		old := s.ethers[t]
		both(&old, n)
		s.ethers[t] = old
	}
}

// shape looks at an indexed unit.
func (w *worker) shape(u *unit) (*shape, error) {
	c := &columns{w: w, f: u.part.file, group: u.group, rows: u.rows}
	var v [5]*index.Values
	for i, col := range []index.Column{index.WireLen, index.Direction, index.Interface, index.IPVersion, index.EthType} {
		var err error
		if v[i], err = c.get(col); err != nil {
			return nil, err
		}
	}
	s := &shape{ethers: map[uint16]stats.Count{}}
	directions := make([]packet.Direction, len(v[1].Words))
	for i, word := range v[1].Words {
		for d := packet.DirectionUnknown; d <= packet.DirectionSent; d++ {
			if d.String() == word {
				directions[i] = d
			}
		}
	}
	wire := v[0].Small[:u.rows]
	for i, n := range wire {
		size := uint32(n)
		plus(&s.directions[directions[v[1].Small[i]]], size)
		plus(&s.sizes[bits.Len32(size)], size)
		face := int(v[2].Numbers[v[2].Small[i]])
		s.last = max(s.last, face+1)
		plus(&s.interfaces[face&(interfacesMost-1)], size)
	}
	if c.f.Groups[c.group].Chunks[index.IPVersion].Values == uint32(u.rows) {
		return s, nil // all have an IP header
	}
	for i, n := range wire {
		if len(v[3].Numbers) > 0 && v[3].Has(i) {
			continue
		}
		var t uint16
		if len(v[4].Numbers) > 0 && v[4].Has(i) {
			t = uint16(v[4].Numbers[v[4].Small[i]])
		}
		old := s.ethers[t]
		plus(&old, uint32(n))
		s.ethers[t] = old
	}
	return s, nil
}
