package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
)

// report tells the asker that the work is done.
func report(s *questions.Scope) {
	if s.Progress != nil {
		s.Progress(1)
	}
}

// Count implements [questions.Reader].
func (r *Reader) Count(ctx context.Context, s questions.Scope) (uint64, error) {
	var n uint64
	err := r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		sc, err := snap.scopeOf(ctx, &s)
		if err == nil {
			err = snap.complete(sc, "the number of packets", true)
		}
		if err == nil {
			n, err = snap.count(ctx, &s, sc)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	report(&s)
	return n, nil
}

// mostTotals bounds the remembered counts.
const mostTotals = 64

// count counts the packets of a scope. It is remembered until more rows are stored.
func (s *snapshot) count(ctx context.Context, q *questions.Scope, sc *scope) (uint64, error) {
	if m := s.sumsOf(q); m != nil {
		return s.countSums(ctx, m)
	}
	key := fmt.Sprint(s.info.Stored, s.info.Updated.UnixNano(), sc.args, sc.from)
	s.r.mu.Lock()
	n, ok := s.r.totals[key]
	s.r.mu.Unlock()
	if ok {
		return n, nil
	}
	rows, err := s.run(ctx, sc, "SELECT count(*) FILTER (WHERE ok), count(*) FILTER (WHERE ok IS NULL) FROM "+sc.from)
	if err != nil {
		return 0, err
	}
	var open uint64
	if err := parseUints(rows[0], &n, &open); err != nil {
		return 0, err
	}
	if err := sc.open(open); err != nil {
		return 0, err
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if len(s.r.totals) >= mostTotals {
		clear(s.r.totals)
	}
	s.r.totals[key] = n
	return n, nil
}

// Totals implements [questions.Reader]. Without a filter it comes from the sums by second.
func (r *Reader) Totals(ctx context.Context, s questions.Scope) (*questions.Totals, error) {
	t := &questions.Totals{Protocols: map[uint8]questions.Amount{}, Outcomes: map[string]uint64{}}
	err := r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		sc, err := snap.scopeOf(ctx, &s)
		if err == nil {
			err = snap.complete(sc, "totals", true)
		}
		if err != nil {
			return err
		}
		sql := "SELECT ok IS NULL, outcome, ov, op, count(*), sum(wire)::bigint, min(t), max(t) FROM " + sc.from + " GROUP BY 1, 2, 3, 4"
		if m := snap.sumsOf(&s); m != nil {
			sc, sql = &m.scope, "SELECT open, outcome, ov, op, sum(packets)::bigint, sum(bytes)::bigint, min(first), max(last) FROM "+m.from+" GROUP BY 1, 2, 3, 4"
		}
		rows, err := snap.run(ctx, sc, sql)
		if err != nil {
			return err
		}
		var open uint64
		for _, row := range rows {
			if err := addTotals(t, row, &open); err != nil {
				return err
			}
		}
		return sc.open(open)
	})
	if err != nil {
		return nil, err
	}
	report(&s)
	return t, nil
}

func addTotals(t *questions.Totals, row [][]byte, open *uint64) error {
	var outcome, version, proto, first, last uint64
	var a questions.Amount
	if err := parseUints(row[1:], &outcome, &version, &proto, &a.Packets, &a.Bytes, &first, &last); err != nil {
		return err
	}
	if isTrue(row[0]) {
		*open += a.Packets
		return nil
	}
	if t.Packets == 0 {
		t.First, t.Last = int64(first), int64(last)
	}
	t.First, t.Last = min(t.First, int64(first)), max(t.Last, int64(last))
	plus(&t.Amount, a)
	t.Outcomes[packet.Outcome(outcome).String()] += a.Packets
	switch version {
	case 4:
		plus(&t.IPv4, a)
	case 6:
		plus(&t.IPv6, a)
	default:
		plus(&t.NonIP, a)
		return nil
	}
	p := t.Protocols[uint8(proto)]
	plus(&p, a)
	t.Protocols[uint8(proto)] = p
	return nil
}

func plus(to *questions.Amount, a questions.Amount) {
	to.Packets += a.Packets
	to.Bytes += a.Bytes
}

// pointsMost bounds the intervals of a series.
const pointsMost = 1 << 20

// TooFineError says that a series would have too many intervals.
type TooFineError struct {
	Bucket time.Duration
	Points float64
}

// Error implements error.
func (e *TooFineError) Error() string {
	return fmt.Sprintf("intervals of %s make %.0f points, more than %d: ask for longer ones or a shorter time", e.Bucket, e.Points, pointsMost)
}

// Series implements [questions.Reader]. Intervals of whole seconds come from the sums by
// second when no filter is asked for.
func (r *Reader) Series(ctx context.Context, s questions.Scope, bucket time.Duration) (*questions.Series, error) {
	if bucket < time.Microsecond {
		return nil, fmt.Errorf("a series has intervals of at least a microsecond, not %s", bucket)
	}
	out := &questions.Series{Bucket: bucket}
	err := r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		sc, err := snap.scopeOf(ctx, &s)
		if err == nil {
			err = snap.complete(sc, "a series", true)
		}
		if err != nil {
			return err
		}
		rows, err := snap.seriesRows(ctx, sc, &s, bucket)
		if err != nil {
			return err
		}
		return addPoints(out, sc, rows)
	})
	if err != nil {
		return nil, err
	}
	report(&s)
	return out, nil
}

// wholeSecond tells whether a time is one of a second's start.
func wholeSecond(ns int64) bool { return ns%int64(time.Second) == 0 }

// floorSQL rounds a number down to a multiple, for negative ones too.
func floorSQL(value, step string) string {
	return "(" + value + " - ((" + value + " % " + step + ") + " + step + ") % " + step + ")"
}

// seriesRows returns whether the packets are open, the start of the interval, packets and
// bytes.
func (s *snapshot) seriesRows(ctx context.Context, sc *scope, q *questions.Scope, bucket time.Duration) ([][][]byte, error) {
	limit := " ORDER BY 2 LIMIT " + strconv.Itoa(pointsMost+1)
	if m := s.sumsOf(q); m != nil && wholeSecond(int64(bucket)) {
		at := floorSQL("(second * 1000000000)", m.number(int64(bucket)))
		return s.run(ctx, &m.scope, "SELECT open, "+at+", sum(packets)::bigint, sum(bytes)::bigint FROM "+m.from+" GROUP BY 1, 2"+limit)
	}
	at := floorSQL("t", sc.number(int64(bucket)))
	return s.run(ctx, sc, "SELECT ok IS NULL, "+at+", count(*), sum(wire)::bigint FROM "+sc.from+" GROUP BY 1, 2"+limit)
}

func addPoints(out *questions.Series, sc *scope, rows [][][]byte) error {
	var open uint64
	var starts []int64
	var amounts []questions.Amount
	for _, row := range rows {
		var at uint64
		var a questions.Amount
		if err := parseUints(row[1:], &at, &a.Packets, &a.Bytes); err != nil {
			return err
		}
		if isTrue(row[0]) {
			open += a.Packets
			continue
		}
		starts, amounts = append(starts, int64(at)), append(amounts, a)
	}
	if err := sc.open(open); err != nil || len(starts) == 0 {
		return err
	}
	step := int64(out.Bucket)
	n := (float64(starts[len(starts)-1])-float64(starts[0]))/float64(step) + 1
	if n > pointsMost || len(rows) > pointsMost {
		return &TooFineError{out.Bucket, n}
	}
	out.Start = starts[0]
	out.Points = make([]questions.Amount, (starts[len(starts)-1]-starts[0])/step+1)
	for i, at := range starts {
		out.Points[(at-out.Start)/step] = amounts[i]
	}
	return nil
}
