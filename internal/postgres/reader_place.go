package postgres

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// mark says how many rows there are of packets up to a number. Rows come by ascending
// numbers and each once, so a mark holds for ever.
type mark struct{ number, rows uint64 }

const (
	mostMarks  = 1024 // that a reader remembers
	nearEnough = 1000 // rows that are passed over one by one
)

// pageNear reads a page of all packets of a capture in which some have no row: it looks for
// the number at which the page begins, a few short ranges of numbers further with each
// step, instead of passing over all rows in front.
func (s *snapshot) pageNear(ctx context.Context, from, count uint64) ([]packet.Summary, error) {
	at := s.r.markBefore(from)
	// Every number has a row at most: so many numbers further there are no more rows than
	// wanted.
	for at.rows+nearEnough < from {
		next := mark{number: at.number + from - at.rows}
		n, err := s.rowsBetween(ctx, at.number+1, next.number)
		if err != nil {
			return nil, err
		}
		next.rows = at.rows + n
		at = next
		s.r.remember(at)
		if at.number >= s.info.Packets {
			break
		}
	}
	skip := from - min(from, at.rows)
	for width := 2 * (skip + count); ; width *= 4 {
		rows, err := s.runNumbers(ctx, at.number+1, at.number+width)
		if err != nil {
			return nil, err
		}
		if uint64(len(rows)) >= skip+count || at.number+width >= s.info.Packets {
			rows = rows[min(skip, uint64(len(rows))):]
			return rows[:min(count, uint64(len(rows)))], nil
		}
	}
}

// rowsBetween counts the rows of packets by their number.
func (s *snapshot) rowsBetween(ctx context.Context, first, last uint64) (n uint64, err error) {
	rows, err := query(ctx, s.conn, "SELECT count(*) FROM "+s.r.rows.table+" WHERE capture = $1::integer AND number BETWEEN $2::bigint AND $3::bigint",
		strconv.Itoa(int(s.info.number)), strconv.FormatUint(first, 10), strconv.FormatUint(last, 10))
	if err != nil {
		return 0, err
	}
	return n, parseUints(rows[0], &n)
}

// markBefore returns the last mark with no more rows than from.
func (r *Reader) markBefore(from uint64) mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, found := slices.BinarySearchFunc(r.marks, from, func(m mark, rows uint64) int { return cmp.Compare(m.rows, rows) })
	switch {
	case found:
		return r.marks[i]
	case i == 0:
		return mark{}
	}
	return r.marks[i-1]
}

// remember keeps a mark for the pages to come.
func (r *Reader) remember(m mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.marks) >= mostMarks {
		r.marks = r.marks[:0]
	}
	i, found := slices.BinarySearchFunc(r.marks, m.rows, func(have mark, rows uint64) int { return cmp.Compare(have.rows, rows) })
	if !found {
		r.marks = slices.Insert(r.marks, i, m)
	}
}
