package web

import (
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web/notes"
	"github.com/tarrafa/tarrafa/internal/web/tree"
)

func (s *Server) packet(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		number, err := strconv.ParseUint(r.PathValue("number"), 10, 63)
		if err != nil {
			return nil, &requestError{"number", "a packet's number"}
		}
		d, err := reader.Packet(r.Context(), number)
		if err != nil {
			return nil, err
		}
		v := detailOf(d)
		if reader.notes != nil {
			v.Note = reader.notes.Packet(number)
		}
		return v, nil
	})
}

// detail is one packet as JSON.
type detail struct {
	packetRow
	Link      packet.LinkType `json:"link"`
	Interface string          `json:"interface"`
	Comments  []string        `json:"comments"` // of the file
	Note      notes.Note      `json:"note"`     // of the reader
	Data      string          `json:"data"`     // hexadecimal
	Tree      []tree.Node     `json:"tree"`
}

func detailOf(d *query.Detail) detail {
	v := detail{
		packetRow: rowOf(&d.Summary, d.Data), Link: d.Link, Interface: d.Interface,
		Comments: append([]string{}, d.Comments...), Data: hex.EncodeToString(d.Data),
	}
	v.Tree = tree.Of(&packet.Packet{
		Number: d.Summary.Number, Time: d.Summary.Time, WireLen: d.Summary.WireLen, Link: d.Link,
		Direction: d.Summary.Direction, Interface: d.Summary.Interface, Data: d.Data,
	})
	return v
}

func (s *Server) packetBytes(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseUint(r.PathValue("number"), 10, 63)
	if err != nil {
		s.fail(w, &requestError{"number", "a packet's number"})
		return
	}
	reader, _, err := s.question(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer reader.back()
	d, err := reader.Packet(r.Context(), number)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="packet-`+strconv.FormatUint(number, 10)+`.bin"`)
	_, _ = w.Write(d.Data)
}
