package history

import (
	"cmp"
	"math"
	"slices"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// sums are the counts of packets that answer totals and series.
type sums struct {
	first, last int64 // earliest and latest time; valid when packets > 0
	packets     uint64
	seconds     []index.Second // sorted by time
	outcomes    [packet.OutcomeCount]uint64
}

// add counts one packet. The seconds are settled later.
func (s *sums) add(time int64, version, proto uint8, wire uint32, outcome packet.Outcome) {
	if s.packets == 0 || time < s.first {
		s.first = time
	}
	if s.packets == 0 || time > s.last {
		s.last = time
	}
	s.packets++
	s.outcomes[outcome]++
	at := floor(time, 1e9)
	for i := len(s.seconds) - 1; i >= 0 && i >= len(s.seconds)-4; i-- {
		if e := &s.seconds[i]; e.Time == at && e.Version == version && e.Proto == proto {
			e.Packets++
			e.Bytes += uint64(wire)
			return
		}
	}
	s.seconds = append(s.seconds, index.Second{Time: at, Version: version, Proto: proto, Packets: 1, Bytes: uint64(wire)})
}

// floor returns the greatest multiple of unit that is not above t.
func floor(t, unit int64) int64 {
	r := t % unit
	if r < 0 {
		r += unit
	}
	if t < math.MinInt64+r {
		return t
	}
	return t - r
}

func (s *sums) settle() {
	slices.SortFunc(s.seconds, func(a, b index.Second) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Proto, b.Proto))
	})
	out := s.seconds[:0]
	for _, e := range s.seconds {
		if n := len(out); n > 0 && out[n-1].Time == e.Time && out[n-1].Version == e.Version && out[n-1].Proto == e.Proto {
			out[n-1].Packets += e.Packets
			out[n-1].Bytes += e.Bytes
			continue
		}
		out = append(out, e)
	}
	s.seconds = slices.Clip(out)
}

// know remembers the sums of a raw unit whose packets are in w.rows.
func (w *worker) know(u *unit) {
	u.mu.Lock()
	known := u.raw != nil
	u.mu.Unlock()
	if known {
		return
	}
	s := &sums{}
	for i := range w.rows {
		r := &w.rows[i]
		s.add(r.Time, r.Outer.Version, r.Outer.Proto, r.WireLen, r.Outcome)
	}
	s.settle()
	u.mu.Lock()
	u.raw, u.timed, u.lo, u.hi = s, true, s.first, s.last
	u.mu.Unlock()
}

// sumUp adds the chosen rows of a unit to s.
func (w *worker) sumUp(u *unit, sel *selection, s *sums) error {
	if sel.count == 0 {
		return nil
	}
	if u.group < 0 {
		if _, err := w.decodeRaw(u); err != nil {
			return err
		}
		w.know(u)
		for i := range w.rows {
			if r := &w.rows[i]; sel.has(i) {
				s.add(r.Time, r.Outer.Version, r.Outer.Proto, r.WireLen, r.Outcome)
			}
		}
		return nil
	}
	var v [5]*index.Values
	for i, col := range []index.Column{index.Time, index.WireLen, index.IPVersion, index.Proto, index.Outcome} {
		v[i] = &w.values[col]
		if err := w.loader.Load(u.part.file, u.group, col, v[i]); err != nil {
			return err
		}
	}
	outcomes := make([]packet.Outcome, len(v[4].Words))
	for i, word := range v[4].Words {
		outcomes[i] = outcomeOf(word)
	}
	for i := range u.rows {
		if !sel.has(i) {
			continue
		}
		var version, proto uint8
		if v[2].Has(i) && len(v[2].Numbers) > 0 {
			version, proto = uint8(v[2].Numbers[v[2].Small[i]]), uint8(v[3].Numbers[v[3].Small[i]])
		}
		s.add(v[0].Large[i], version, proto, uint32(v[1].Small[i]), outcomes[v[4].Small[i]])
	}
	return nil
}

func outcomeOf(word string) packet.Outcome {
	for o := range packet.OutcomeCount {
		if o.String() == word {
			return o
		}
	}
	return packet.OutcomeMalformed
}

// totals makes an answer of sums, whose seconds are handed in.
func addTotals(t *query.Totals, s *sums) {
	if s.packets == 0 {
		return
	}
	if t.Packets == 0 {
		t.First, t.Last = s.first, s.last
	}
	t.First, t.Last = min(t.First, s.first), max(t.Last, s.last)
	for o, n := range s.outcomes {
		if n > 0 {
			t.Outcomes[packet.Outcome(o).String()] += n
		}
	}
	for i := range s.seconds {
		e := &s.seconds[i]
		plus := func(a *query.Amount) {
			a.Packets += e.Packets
			a.Bytes += e.Bytes
		}
		plus(&t.Amount)
		switch e.Version {
		case 4:
			plus(&t.IPv4)
		case 6:
			plus(&t.IPv6)
		default:
			plus(&t.NonIP)
			continue
		}
		a := t.Protocols[e.Proto]
		plus(&a)
		t.Protocols[e.Proto] = a
	}
}
