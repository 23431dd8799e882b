package main

import (
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
)

// batchFilter leaves only the rows of batches that pass a display filter. Batches come in
// order.
type batchFilter struct {
	filter *query.Filter // nil: all pass
	rows   rowReader
	kept   track.Batch // what became of the last batch
	last   uint64      // packet number behind the last batch
	some   bool        // there was a batch
}

func newBatchFilter(f *query.Filter) *batchFilter {
	b := &batchFilter{filter: f, rows: rowReader{decode: true}}
	if f != nil {
		b.rows.row.Remember(f.Fields()...)
	}
	return b
}

// tracker returns the tracker whose batches the filter can be asked of.
func (f *batchFilter) tracker() *track.Tracker {
	if f.filter != nil && f.filter.Needs().Notes {
		return track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{Records: true}))
	}
	return track.New()
}

// batch returns what passes, valid until the next call and as long as b is. A batch that is
// offered again is not looked at again: times and fragments are those of one reading.
func (f *batchFilter) batch(b *track.Batch) *track.Batch {
	if f.filter == nil {
		return b
	}
	if f.some && f.last == b.Next.Packet && len(b.Rows) > 0 {
		f.kept.Chunk = b.Chunk
		return &f.kept
	}
	f.some, f.last = true, b.Next.Packet
	k := &f.kept
	k.Chunk, k.Next = b.Chunk, b.Next
	k.Rows, k.Notes, k.Apps, k.Shown, k.Names = k.Rows[:0], k.Notes[:0], k.Apps[:0], k.Shown[:0], k.Names[:0]
	needs := f.filter.Needs()
	for i := range b.Rows {
		s := &b.Rows[i]
		verdict := query.Unknown
		if !needs.History && !pieced(s) {
			verdict = f.filter.MatchSummary(s)
		}
		if verdict == query.Unknown {
			row := f.rows.at(b, i)
			if !f.filter.Match(row) {
				continue
			}
			row.Shown()
		} else if verdict == query.No {
			continue
		}
		f.keep(b, i)
	}
	return k
}

// keep takes over a row with what is known of it.
func (f *batchFilter) keep(b *track.Batch, i int) {
	k := &f.kept
	if i < len(b.Notes) {
		k.Notes = append(k.Notes, b.Notes[i])
	}
	if i < len(b.Apps) {
		k.Apps = append(k.Apps, b.Apps[i])
		k.Shown = append(k.Shown, b.Shown[i])
	}
	for _, n := range b.NamesOf(i) {
		n.Row = uint32(len(k.Rows))
		k.Names = append(k.Names, n)
	}
	k.Rows = append(k.Rows, b.Rows[i])
}

// pieced tells whether a packet may be part of a datagram that later packets complete: the
// decoder has to see all of them.
func pieced(s *packet.Summary) bool {
	return (s.Outer.Flags|s.Inner.Flags)&packet.TupleFragment != 0 ||
		s.Flags&(packet.Reassembled|packet.MoreHeaders) != 0 || s.Outcome == packet.OutcomeFragment
}
