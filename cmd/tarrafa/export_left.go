package main

import (
	"context"
	"io"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/web/notes"
	"github.com/tarrafa/tarrafa/internal/words"
)

// tellNotKept says how much of what a file says besides its packets could not be kept.
func tellNotKept(w io.Writer, n uint64) {
	if n > 0 {
		_, _ = words.Fprintf(w, "tarrafa: %d comments or blocks of names and secrets were left out: they are damaged, or too many\n", n)
	}
}

// leftOut is what an exported file says no more, because its format has no place for it.
type leftOut struct {
	format  string
	preface *segment.Preface
	notes   *notes.Book // nil: there are none

	faces      []segment.Interface // all that were seen
	comments   int                 // of packets
	directions bool
}

// watch looks at the packets as they are exported.
func (l *leftOut) watch(packets each) each {
	if l.format == "pcapng" {
		return packets
	}
	return func(ctx context.Context, s query.Scope, f func(*packet.Summary, []byte, *segment.Chunk) error) error {
		return packets(ctx, s, func(p *packet.Summary, data []byte, c *segment.Chunk) error {
			l.see(p, data, c)
			return f(p, data, c)
		})
	}
}

func (l *leftOut) see(p *packet.Summary, data []byte, c *segment.Chunk) {
	if len(c.Interfaces) > len(l.faces) {
		l.faces = c.Interfaces // such a list only grows
	}
	l.directions = l.directions || p.Direction != packet.DirectionUnknown
	o := c.RecordOptions(&segment.Record{Offset: p.Offset, Data: data})
	l.comments += len(o.Comments)
	if l.notes != nil && l.notes.Packet(p.Number).Remark() != "" {
		l.comments++
	}
}

// tell says in one line what the file does not hold, and in another that it holds secrets.
func (l *leftOut) tell(w io.Writer) {
	if l.format == "pcapng" {
		tellNotKept(w, l.preface.Dropped)
		if len(l.preface.Secrets) > 0 {
			_, _ = words.Fprintf(w, "tarrafa: the file holds the secrets that its traffic is decrypted with; leave them out: --no-secrets\n")
		}
		return
	}
	var list []string
	add := func(there bool, what string) {
		if there {
			list = append(list, what)
		}
	}
	comments, faces := len(l.preface.Section.Comments), 0
	for i := range l.faces {
		faces += len(l.faces[i].Comments)
	}
	add(comments > 0, words.Sprintf("comments on the capture (%d)", comments))
	add(faces > 0, words.Sprintf("comments on interfaces (%d)", faces))
	add(l.comments > 0, words.Sprintf("comments on packets (%d)", l.comments))
	add(len(l.preface.Names) > 0, words.T("names of addresses"))
	add(len(l.preface.Secrets) > 0, words.T("secrets for decryption"))
	if l.format == "pcap" {
		named := len(l.faces) > 1 || len(l.faces) == 1 && l.faces[0].Name != ""
		add(named, words.T("the interfaces of packets"))
		add(l.directions, words.T("the directions of packets"))
	}
	if len(list) > 0 {
		_, _ = words.Fprintf(w, "tarrafa: %s has no place for %s; pcapng has\n", l.format, strings.Join(list, ", "))
	}
}
