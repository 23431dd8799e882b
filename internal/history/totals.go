package history

import (
	"context"
	"fmt"
	"time"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Totals implements [query.Reader].
func (c *Capture) Totals(ctx context.Context, s query.Scope) (*query.Totals, error) {
	var t *query.Totals
	err := c.ask(ctx, func(v view) error {
		t = &query.Totals{Protocols: map[uint8]query.Amount{}, Outcomes: map[string]uint64{}}
		return c.sums(ctx, v, s, 1e9, func(s *sums) error { addTotals(t, s); return nil })
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// sums hands out the counts of everything in a scope, one call at a time: from the files
// of counts where they answer, else by counting. step is the length of time, nanoseconds,
// that the counts may not cross; below a second they are not used.
func (c *Capture) sums(ctx context.Context, v view, s query.Scope, step int64, add func(*sums) error) error {
	a, err := c.asked(ctx, v, s)
	if err != nil {
		return err
	}
	counted := map[*part]bool{}
	if s.Filter == nil && step%1e9 == 0 {
		for _, p := range v.parts {
			if p.file == nil || p.packets == 0 || s.HasRange() && (p.file.Info.FirstTime < s.From || s.To != 0 && p.file.Info.LastTime >= s.To) {
				continue
			}
			sum, err := c.counts.of(c, p)
			if err != nil {
				return &partError{p, err}
			}
			if sum == nil {
				continue
			}
			counted[p] = true
			if err := add(sum); err != nil {
				return err
			}
		}
	}
	// Units of parts whose counts were not complete, or not all in the range.
	var units []*unit
	for _, u := range v.units {
		if outside, _ := a.place(u); !outside && !counted[u.part] {
			units = append(units, u)
		}
	}
	kept := c.cache.of(a)
	found := make([]*sums, len(units))
	err = c.each(ctx, units, s.Progress, func(w *worker, i int, u *unit) error {
		if s.Filter == nil && u.group < 0 {
			u.mu.Lock()
			raw := u.raw
			u.mu.Unlock()
			if _, inside := a.place(u); raw != nil && inside && step%1e9 == 0 {
				found[i] = raw
				return nil
			}
		}
		sel, err := w.chosen(u, a, kept)
		if err != nil {
			return err
		}
		sum := &sums{}
		if step%1e9 != 0 {
			return w.fine(u, sel, step, sum, &found[i])
		}
		if err := w.sumUp(u, sel, sum); err != nil {
			return err
		}
		sum.settle()
		found[i] = sum
		return nil
	})
	if err != nil {
		return err
	}
	for _, sum := range found {
		if err := add(sum); err != nil {
			return err
		}
	}
	return nil
}

// fine counts by intervals that are no whole seconds: Time is the start of an interval.
func (w *worker) fine(u *unit, sel *selection, step int64, sum *sums, to **sums) error {
	*to = sum
	if sel.count == 0 {
		return nil
	}
	count := func(t int64, wire uint32) {
		at := floor(t, step)
		if sum.packets == 0 || t < sum.first {
			sum.first = t
		}
		if sum.packets == 0 || t > sum.last {
			sum.last = t
		}
		sum.packets++
		if n := len(sum.seconds); n > 0 && sum.seconds[n-1].Time == at {
			sum.seconds[n-1].Packets++
			sum.seconds[n-1].Bytes += uint64(wire)
			return
		}
		sum.seconds = append(sum.seconds, index.Second{Time: at, Packets: 1, Bytes: uint64(wire)})
	}
	if u.group < 0 {
		if _, err := w.decodeRaw(u); err != nil {
			return err
		}
		w.know(u)
		for i := range w.rows {
			if sel.has(i) {
				count(w.rows[i].Time, w.rows[i].WireLen)
			}
		}
		return nil
	}
	times, wire := &w.values[index.Time], &w.values[index.WireLen]
	if err := w.loader.Load(u.part.file, u.group, index.Time, times); err != nil {
		return err
	}
	if err := w.loader.Load(u.part.file, u.group, index.WireLen, wire); err != nil {
		return err
	}
	for i := range u.rows {
		if sel.has(i) {
			count(times.Large[i], uint32(wire.Small[i]))
		}
	}
	return nil
}

// pointsMost bounds the intervals of a series.
const pointsMost = 4 << 20

// TooFineError says that a series would have too many intervals.
type TooFineError struct {
	Bucket time.Duration
	Points float64
}

// Error implements error.
func (e *TooFineError) Error() string {
	return fmt.Sprintf("intervals of %s make %.0f points, more than %d: ask for longer ones or a shorter time", e.Bucket, e.Points, pointsMost)
}

// Series implements [query.Reader].
func (c *Capture) Series(ctx context.Context, s query.Scope, bucket time.Duration) (*query.Series, error) {
	if bucket < time.Microsecond {
		return nil, fmt.Errorf("a series has intervals of at least a microsecond, not %s", bucket)
	}
	step := int64(bucket)
	var out *query.Series
	err := c.ask(ctx, func(v view) error {
		points := map[int64]query.Amount{}
		var lo, hi int64
		err := c.sums(ctx, v, s, step, func(s *sums) error {
			for i := range s.seconds {
				e := &s.seconds[i]
				at := floor(e.Time, step)
				if len(points) == 0 {
					lo, hi = at, at
				}
				lo, hi = min(lo, at), max(hi, at)
				p := points[at]
				p.Packets += e.Packets
				p.Bytes += e.Bytes
				points[at] = p
			}
			if len(points) > pointsMost {
				return &TooFineError{bucket, float64(len(points))}
			}
			return nil
		})
		if err != nil {
			return err
		}
		out = &query.Series{Bucket: bucket}
		if len(points) == 0 {
			return nil
		}
		n := (float64(hi)-float64(lo))/float64(step) + 1
		if n > pointsMost {
			return &TooFineError{bucket, n}
		}
		out.Start = lo
		out.Points = make([]query.Amount, (hi-lo)/step+1)
		for at, p := range points {
			out.Points[(at-lo)/step] = p
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Count implements [query.Reader].
func (c *Capture) Count(ctx context.Context, s query.Scope) (uint64, error) {
	var n uint64
	err := c.ask(ctx, func(v view) error {
		n = v.packets
		if s.All() {
			return nil
		}
		a, err := c.asked(ctx, v, s)
		if err != nil {
			return err
		}
		kept := c.cache.of(a)
		counts := make([]int, len(v.units))
		err = c.each(ctx, v.units, s.Progress, func(w *worker, i int, u *unit) error {
			sel, err := w.chosen(u, a, kept)
			if err == nil {
				counts[i] = sel.count
			}
			return err
		})
		n = 0
		for _, k := range counts {
			n += uint64(k)
		}
		return err
	})
	return n, err
}
