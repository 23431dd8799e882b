package stats

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	// partSlots are those of a Part's table on each side: half a MiB, which stays in a
	// processor core's own cache.
	partSlots = 1 << 15
	// partAddresses is how many addresses fill it.
	partAddresses = partSlots * 2 / 3
)

// Parts lets several goroutines count one capture, each with a [Part] of its own and in any
// order, and finds what one Counters would have found: what depends on order is either
// known from the packets' numbers, or makes [Parts.Lost] true. There are no time series,
// which nobody has asked for yet.
type Parts struct {
	whole    *Counters
	src, dst spill
	parts    []*Part
}

// Part counts packets for one goroutine.
type Part struct{ c *Counters }

// NewParts returns n Parts that have counted nothing.
func NewParts(n int) *Parts { return newParts(n, New(), partAddresses) }

func newParts(n int, whole *Counters, addresses int) *Parts {
	p := &Parts{whole: whole}
	p.src.side, p.dst.side = &whole.src, &whole.dst
	for range n {
		c := newCounters(addresses, 0)
		c.types = &types{}
		c.src.partOf(&p.src)
		c.dst.partOf(&p.dst)
		p.parts = append(p.parts, &Part{c})
	}
	return p
}

// At returns the i-th Part, from 0.
func (p *Parts) At(i int) *Part { return p.parts[i] }

// Apply counts packets, as [Counters.Apply] does. A packet's Number has to be greater than
// those that this Part has counted before.
func (p *Part) Apply(rows []packet.Summary) { p.c.Apply(rows) }

// Lost tells that a side has met more than [MaxExact] addresses: its figures depend on the
// order of the packets, and one Counters has to count them all again. Any goroutine may
// call it.
func (p *Parts) Lost() bool { return p.src.lost.Load() || p.dst.lost.Load() }

// Join returns what all Parts have counted. They must not be used any more.
func (p *Parts) Join() *Counters {
	var list []met
	var wg sync.WaitGroup
	wg.Go(p.src.takeAll)
	p.dst.takeAll()
	wg.Wait()
	for _, part := range p.parts {
		p.whole.Merge(part.c)
		list = append(list, part.c.types.all()...)
	}
	// The first EtherTypes of the capture are those that have a place of their own.
	slices.SortFunc(list, func(a, b met) int { return cmp.Compare(a.first, b.first) })
	for i := range list {
		p.whole.atEtherType(list[i].Type).add(list[i].Count)
	}
	return p.whole
}

// spill is a side that the full tables of Parts are emptied into.
type spill struct {
	parts []*side // where the tables are

	mu   sync.Mutex
	side *side
	lost atomic.Bool
}

// take empties the tables of a Part.
func (s *spill) take(x *exact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lost.Load() { // else it is all in vain
		s.side.addAll(x)
		s.check()
	}
	x.reset()
}

// takeAll empties the tables of all Parts.
func (s *spill) takeAll() {
	for _, part := range s.parts {
		s.take(part.exact)
	}
}

func (s *spill) check() {
	if s.side.sketch != nil {
		s.lost.Store(true)
	}
}

// partOf makes a side one that is emptied into another when it is full.
func (s *side) partOf(whole *spill) {
	s.whole = whole
	whole.parts = append(whole.parts, s)
	s.exact.limit = s.exact.room
	if s.exact.room == partAddresses {
		s.exact.v4.resize(partSlots)
	}
	s.exact.unranked()
}

// unranked makes tables nominate no candidates, for nobody will ask which are the best.
func (x *exact) unranked() {
	x.v4.top.floor.packets, x.other.top.floor.packets = math.MaxUint64, math.MaxUint64
	x.v4.nominateAt = math.MaxUint32
}

// reset empties the tables and keeps their memory.
func (x *exact) reset() {
	clear(x.v4.slots)
	clear(x.other.slots)
	x.v4.n, x.other.n, x.room = 0, 0, x.limit
	x.v4.carries = nil
	x.unranked()
}

// types are the EtherTypes that a Part has met.
type types struct {
	few  [maxEtherTypes]met
	n    int
	many map[uint16]*met // those that found no place in few
}

// met is the traffic of an EtherType, with the number of its first packet.
type met struct {
	EtherType
	first uint64
}

func (t *types) add(row *packet.Summary, size uint64) {
	for i := range t.few[:t.n] {
		if t.few[i].Type == row.EtherType {
			t.few[i].addOne(size)
			return
		}
	}
	if m := t.many[row.EtherType]; m != nil {
		m.addOne(size)
		return
	}
	m := met{EtherType{row.EtherType, Count{1, size}}, row.Number}
	switch {
	case t.n < maxEtherTypes:
		t.few[t.n] = m
		t.n++
	case t.many == nil:
		t.many = map[uint16]*met{row.EtherType: &m}
	default:
		t.many[row.EtherType] = &m
	}
}

// all returns them in no order.
func (t *types) all() []met {
	list := slices.Clone(t.few[:t.n])
	for _, m := range t.many {
		list = append(list, *m)
	}
	return list
}
