package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// maxNoteBody is how long the JSON of one note may be: every byte of the longest comment
// may be escaped.
const maxNoteBody = 8 * notes.MaxComment

// errNoNotes is the answer where a store keeps no notes.
var errNoNotes = &notes.ReadOnlyError{Err: errors.New("this kind of store keeps none")}

func (s *Server) listNotes(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		v := struct {
			Revision uint32             `json:"revision"`
			Writable bool               `json:"writable"`
			Why      string             `json:"why"`
			Capture  notes.Note         `json:"capture"`
			Packets  []notes.PacketNote `json:"packets"`
			Limit    int                `json:"limit"`
			Refused  uint64             `json:"refused"`
		}{Limit: notes.MaxPackets, Packets: []notes.PacketNote{}}
		book, err := reader.notes, error(errNoNotes)
		if book != nil {
			err = book.Writable()
			v.Revision, v.Packets, v.Refused = book.Revision(), book.Packets(), book.Refused()
			v.Capture, _ = book.Summary()
		}
		if v.Writable = err == nil; !v.Writable {
			v.Why = err.Error()
		}
		return v, nil
	})
}

func (s *Server) notePacket(w http.ResponseWriter, r *http.Request) {
	s.changeNote(w, r, func(reader *lent, c notes.Change) (notes.Note, error) {
		number, err := strconv.ParseUint(r.PathValue("number"), 10, 63)
		if err != nil {
			return notes.Note{}, &requestError{"number", "a packet's number"}
		}
		// Only packets that there are: the file must not fill with others.
		if _, err := reader.Packet(r.Context(), number); err != nil {
			return notes.Note{}, err
		}
		return reader.notes.SetPacket(number, c)
	})
}

func (s *Server) noteCapture(w http.ResponseWriter, r *http.Request) {
	s.changeNote(w, r, func(reader *lent, c notes.Change) (notes.Note, error) { return reader.notes.SetCapture(c) })
}

func (s *Server) changeNote(w http.ResponseWriter, r *http.Request, change func(*lent, notes.Change) (notes.Note, error)) {
	c, err := readChange(http.MaxBytesReader(w, r.Body, maxNoteBody))
	if err != nil {
		s.fail(w, err)
		return
	}
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		if reader.notes == nil {
			return nil, errNoNotes
		}
		n, err := change(reader, c)
		return struct {
			notes.Note
			Revision uint32 `json:"revision"`
		}{n, reader.notes.Revision()}, err
	})
}

// readChange reads what a client wants of a note.
func readChange(r io.Reader) (notes.Change, error) {
	var c notes.Change
	text, err := io.ReadAll(r)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return notes.Change{}, &requestError{"body", `an object like {"marked": true, "comment": "text"}, with at most 4096 bytes of text`}
	}
	return c, nil
}
