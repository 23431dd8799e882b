// Package track turns chunks into batches: it decodes each packet once and hands the
// summaries, with the chunk they came from, to a follower. Live capture and reading a
// file are the same path.
package track

import (
	"context"
	"slices"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Batch is the decoded form of a chunk, or of a part of one. Rows and Chunk are valid
// until Apply returns.
type Batch struct {
	Chunk *segment.Chunk
	Rows  []packet.Summary // in the chunk's order
	Next  segment.Cursor   // the place behind this batch: what a follower stores when it has applied it

	// Of a Tracker with an Analysis, valid as long as Rows; else nil.
	Notes []flow.Note    // what the flow table has to say, one for each row
	Apps  []app.Protocol // the application of each row's flow, as far as it is known by then
	Shown []bool         // whether the row's packet carries it: not when a message of it goes on in the next one
	Names []Name         // what applications said, in the order of the rows
	// Headers are of tunnels and of what ICMP errors quote, in the order of the rows.
	Headers []flow.Header
}

// NamesOf returns what the application said in a row's packet.
func (b *Batch) NamesOf(row int) []Name {
	from, _ := slices.BinarySearchFunc(b.Names, row, func(n Name, row int) int { return int(n.Row) - row })
	to := from
	for to < len(b.Names) && int(b.Names[to].Row) == row {
		to++
	}
	return b.Names[from:to]
}

// HeadersOf returns what the flow table has to say about a row's transport headers beside
// the innermost one.
func (b *Batch) HeadersOf(row int) []flow.Header {
	from, _ := slices.BinarySearchFunc(b.Headers, row, func(h flow.Header, row int) int { return int(h.Row) - row })
	to := from
	for to < len(b.Headers) && int(b.Headers[to].Row) == row {
		to++
	}
	return b.Headers[from:to]
}

// Data returns the captured bytes of a row. They belong to the chunk.
func (b *Batch) Data(row *packet.Summary) []byte {
	return b.Chunk.Bytes[row.DataOff : row.DataOff+row.CapLen]
}

// Follower consumes batches in order. Apply has taken over all that it needs when it
// returns. An error means that the batch was not applied: the caller offers the same
// batch again, later. Apply returns ctx's error when it is told to stop.
type Follower interface {
	Apply(ctx context.Context, b *Batch) error
}
