package main

import (
	"errors"
	"strings"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

// parseDisplay reads a display filter; nil when there is none.
func parseDisplay(text string) (*query.Filter, error) {
	f, err := query.Parse(text)
	if wrong, ok := errors.AsType[*query.SyntaxError](err); ok {
		mark := "  " + strings.ReplaceAll(pointed(text, wrong.Pos, 1), "\n", "\n  ")
		return nil, &exitError{code: exitFilter, err: err, mend: words.Sprintf("look at it:\n%s", mark)}
	}
	if err != nil {
		return nil, &exitError{code: exitFilter, err: err}
	}
	return f, nil
}

// rowReader turns the rows of batches into what fields are asked of.
type rowReader struct {
	decode  bool // the packet's headers are asked for
	decoder *packet.Decoder
	packet  packet.Packet
	row     query.Row
}

// at returns a row of a batch, with what the batch's analysis has found out. It must be
// called for every row, in order, and what it returns is valid until the next call.
func (r *rowReader) at(b *track.Batch, i int) *query.Row {
	s := &b.Rows[i]
	face := faceOf(b.Chunk, s.Interface)
	p := &r.packet
	p.Number, p.Time, p.WireLen = s.Number, s.Time, s.WireLen
	p.Link, p.Direction, p.Interface, p.Data = face.Link, s.Direction, s.Interface, b.Data(s)
	if r.decode {
		if r.decoder == nil {
			r.decoder = packet.NewDecoder()
		}
		r.decoder.Decode(p)
	}
	r.row.InterfaceName, r.row.HasInterface = face.Name, b.Chunk.Format.Kind == segment.Pcapng
	r.row.Next(p)
	r.row.Notes = b.AppendNotes(r.row.Notes, i)
	r.row.Learn()
	return &r.row
}

// safeText makes foreign text harmless for a terminal.
func safeText(s string) string { return string(app.Printable(nil, []byte(s))) }
