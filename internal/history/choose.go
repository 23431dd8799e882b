package history

import (
	"errors"
	"io/fs"
	"math"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// asked is a question's scope, as the units need it.
type asked struct {
	scope query.Scope
	match matcher
	// found are the selections of a question that needs a sweep, of the units that it has
	// come by; nil: the units are looked at one by one.
	found map[*unit]*selection
	swept bool // it needs a sweep
}

// outside tells whether a unit lies outside of the time range, and inside whether all of
// it lies in it.
func (a *asked) place(u *unit) (outside, inside bool) {
	if !a.scope.HasRange() {
		return false, true
	}
	lo, hi := u.span()
	to := a.scope.To
	return hi < a.scope.From || to != 0 && lo >= to, lo >= a.scope.From && (to == 0 || hi < to)
}

// choose finds the rows of a unit that are in the scope.
func (w *worker) choose(u *unit, a *asked) (*selection, error) {
	outside, inside := a.place(u)
	switch {
	case outside:
		return &selection{}, nil
	case inside && a.scope.Filter == nil:
		return &selection{all: true, count: u.rows}, nil
	case u.group < 0:
		return w.chooseRaw(u, a)
	}
	c := &columns{w: w, f: u.part.file, group: u.group, rows: u.rows, first: a.match.first}
	var times []int64
	if !inside {
		v, err := c.get(index.Time)
		if err != nil {
			return nil, err
		}
		times = v.Large
	}
	if a.scope.Filter == nil {
		return selected(u.rows, func(i int) bool { return a.scope.Holds(times[i]) }), nil
	}
	v := c.vector()
	if err := w.evaluate(u, c, a, v, times); err != nil {
		return nil, err
	}
	s := &selection{bits: make([]uint64, (u.rows+63)/64)}
	for i := 0; i < len(v); i += 64 {
		var word uint64
		for j, t := range v[i:min(i+64, len(v))] {
			word |= uint64(t>>1) << j
			s.count += int(t >> 1)
		}
		s.bits[i>>6] = word
	}
	return s.settle(u.rows), nil
}

// evaluate fills v with yes and no.
func (w *worker) evaluate(u *unit, c *columns, a *asked, v []uint8, times []int64) error {
	f := a.scope.Filter
	none, err := c.impossible(f, f.Root())
	if err != nil {
		return err
	}
	if none {
		if err := c.classify(); err != nil {
			return err
		}
		c.constant(v, no, c.unsettled)
		if c.unsettled == nil {
			return nil
		}
	} else if _, err := c.eval(f, f.Root(), v); err != nil {
		return err
	}
	left := 0
	for i, t := range v {
		if times != nil && !a.scope.Holds(times[i]) {
			v[i] = no
		} else if t == open {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	return w.resolve(u, c, a, v)
}

// resolve looks at the bytes of the packets that the columns left open.
func (w *worker) resolve(u *unit, c *columns, a *asked, v []uint8) error {
	offsets, err := c.get(index.Offset)
	if err != nil {
		return err
	}
	times, err := c.get(index.Time)
	if err != nil {
		return err
	}
	feed, err := w.fragments(u, c)
	if err != nil {
		return err
	}
	last := times.Large[0]
	if a.scope.Filter.Needs().History {
		if last, err = w.lastTime(u.prev.Load(), last); err != nil {
			return err
		}
	}
	for i := range v {
		before := last
		last = times.Large[i]
		if v[i] != open && (feed == nil || !feed[i]) {
			continue
		}
		s, data, err := w.at(u.part, offsets.Large[i], u.first+uint64(i))
		if err != nil {
			return err
		}
		switch {
		case v[i] != open:
			if fragment(s) {
				w.load(s, data, u.part.faces)
			}
		case a.scope.Filter.Needs().Notes:
			w.load(s, data, u.part.faces)
			w.fill(a.match.first, before, u.part.faces, true)
			if w.row.Notes, err = c.notes(w.row.Notes, a.scope.Filter.Fields(), i); err != nil {
				return err
			}
			v[i] = no
			if a.scope.Filter.Match(&w.row) {
				v[i] = yes
			}
		case w.match(&a.match, s, data, u.part.faces, true, before):
			v[i] = yes
		default:
			v[i] = no
		}
	}
	return nil
}

// at reads and decodes the packet at a place of an indexed part. What it returns is valid
// until the next call.
func (w *worker) at(p *part, offset int64, number uint64) (*packet.Summary, []byte, error) {
	var rec segment.Record
	if _, err := w.record(p, offset, &rec); err != nil {
		return nil, nil, err
	}
	w.rows = append(w.rows[:0], packet.Summary{
		Number: number, Time: rec.Time, Offset: rec.Offset, DataOff: rec.DataOff, CapLen: uint32(len(rec.Data)),
		WireLen: rec.WireLen, Interface: rec.Interface, Direction: rec.Direction,
	})
	s := &w.rows[0]
	w.summarize.Summarize(rec.Data, s, linkOf(p.faces, rec.Interface))
	return s, rec.Data, nil
}

// fragments makes ready for looking at packets of a unit. When fragmented datagrams end in
// it, it shows the decoders the fragments of the unit before and tells which rows are
// fragments: all have to be seen, in order.
func (w *worker) fragments(u *unit, c *columns) ([]bool, error) {
	w.begin()
	flags, err := c.list(index.Flags)
	if err != nil {
		return nil, err
	}
	ends := false
	for _, n := range flags.Numbers {
		ends = ends || uint16(n)&index.FlagReassembled != 0
	}
	if !ends {
		return nil, nil
	}
	if p := u.prev.Load(); p != nil && p.group >= 0 {
		if err := w.feed(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if flags, err = c.get(index.Flags); err != nil {
		return nil, err
	}
	feed := make([]bool, u.rows)
	for i, n := range flags.Small[:u.rows] {
		feed[i] = uint16(flags.Numbers[n])&(index.FlagFragment|index.FlagInnerFragment) != 0
	}
	return feed, nil
}

// feed shows a unit's fragments to the decoders.
func (w *worker) feed(u *unit) error {
	var flags, offsets index.Values
	if err := w.loader.Load(u.part.file, u.group, index.Flags, &flags); err != nil {
		return err
	}
	if err := w.loader.Load(u.part.file, u.group, index.Offset, &offsets); err != nil {
		return err
	}
	for i, n := range flags.Small {
		if uint16(flags.Numbers[n])&(index.FlagFragment|index.FlagInnerFragment) == 0 {
			continue
		}
		s, data, err := w.at(u.part, offsets.Large[i], u.first+uint64(i))
		if err != nil {
			return err
		}
		w.load(s, data, u.part.faces)
	}
	return nil
}

// lastTime returns the time of a unit's last packet; otherwise when there is no unit, or no
// longer.
func (w *worker) lastTime(u *unit, otherwise int64) (int64, error) {
	if u == nil {
		return otherwise, nil
	}
	if u.group >= 0 {
		var v index.Values
		err := w.loader.Load(u.part.file, u.group, index.Time, &v)
		if errors.Is(err, fs.ErrNotExist) {
			return otherwise, nil
		}
		if err != nil {
			return 0, err
		}
		return v.Large[u.rows-1], nil
	}
	c, err := w.chunkOf(u)
	if errors.Is(err, fs.ErrNotExist) {
		return otherwise, nil
	}
	if err != nil {
		return 0, err
	}
	it := c.Records()
	var rec segment.Record
	for it.Next(&rec) {
	}
	return rec.Time, nil
}

func (w *worker) chooseRaw(u *unit, a *asked) (*selection, error) {
	const unset = math.MinInt64
	last := int64(unset)
	if a.scope.Filter != nil && a.scope.Filter.Needs().History {
		var err error
		if last, err = w.lastTime(u.prev.Load(), last); err != nil {
			return nil, err
		}
	}
	c, err := w.decodeRaw(u)
	if err != nil {
		return nil, err
	}
	w.know(u)
	if last == unset && len(w.rows) > 0 {
		last = w.rows[0].Time
	}
	pcapng := c.Format.Kind == segment.Pcapng
	return selected(u.rows, func(i int) bool {
		if i >= len(w.rows) {
			return false
		}
		s := &w.rows[i]
		before := last
		last = s.Time
		in := a.scope.Holds(s.Time)
		if a.scope.Filter == nil {
			return in
		}
		// The filter is asked in any case: fragments have to be seen.
		return w.match(&a.match, s, c.Bytes[s.DataOff:s.DataOff+s.CapLen], c.Interfaces, pcapng, before) && in
	}), nil
}
