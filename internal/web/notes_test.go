package web

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/web/notes"
)

func TestNotes(t *testing.T) {
	r := start(t, nil)
	r.add(t, 20)
	var n struct {
		notes.Note
		Revision uint32 `json:"revision"`
		Code     string `json:"code"`
	}
	if st := r.ask(t, "PUT", "/api/v1/captures/one/packets/5/note", `{"marked":true,"comment":"<script>\u202e"}`, &n); st != 200 || !n.Marked || n.Comment != "<script>\ufffd" || n.Revision == 0 {
		t.Fatalf("%d %+v", st, n)
	}
	if st := r.ask(t, "PUT", "/api/v1/captures/live/packets/6/note", `{"marked":true}`, nil); st != 200 {
		t.Errorf("running capture: %d", st)
	}
	if st := r.ask(t, "PUT", "/api/v1/captures/one/note", `{"comment":"all of it"}`, &n); st != 200 || n.Comment != "all of it" {
		t.Errorf("capture: %d %+v", st, n)
	}
	for path, want := range map[string]int{
		"captures/one/packets/21/note": http.StatusNotFound, "captures/two/note": http.StatusNotFound,
		"captures/one/packets/x/note": http.StatusBadRequest, "captures/one/packets/0/note": http.StatusNotFound,
	} {
		if st := r.ask(t, "PUT", "/api/v1/"+path, `{"marked":true}`, nil); st != want {
			t.Errorf("%s: %d, want %d", path, st, want)
		}
	}
	for _, body := range []string{"", "{", `{"marked":1}`, `{"comment":"` + strings.Repeat("x", notes.MaxComment+1) + `"}`, strings.Repeat(" ", maxNoteBody+1)} {
		if st := r.ask(t, "PUT", "/api/v1/captures/one/packets/7/note", body, &n); st != http.StatusBadRequest || n.Code != "request" {
			t.Errorf("%.30q: %d %+v", body, st, n)
		}
	}
	var list struct {
		Writable bool
		Capture  notes.Note
		Packets  []notes.PacketNote
	}
	r.ask(t, "GET", "/api/v1/captures/one/notes", "", &list)
	if !list.Writable || list.Capture.Comment != "all of it" || len(list.Packets) != 2 || list.Packets[0].Number != 5 {
		t.Errorf("%+v", list)
	}
	var d struct{ Note notes.Note }
	if r.ask(t, "GET", "/api/v1/captures/one/packets/5", "", &d); !d.Note.Marked || d.Note.Comment == "" {
		t.Errorf("details: %+v", d)
	}
}

func TestNotesNeedTheHeader(t *testing.T) {
	r := start(t, nil)
	r.add(t, 5)
	cookie, csrf := r.enter(t)
	const path, body = "/api/v1/captures/one/packets/1/note", `{"marked":true}`
	for name, h := range map[string][]string{
		"no header":    {"Cookie", cookie},
		"wrong header": {"Cookie", cookie, csrfHeader, "x"},
		"other origin": {"Cookie", cookie, csrfHeader, csrf, "Origin", "http://evil.example"},
	} {
		if resp, _ := r.send(t, "PUT", path, body, h...); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	if len(r.captures.book.Packets()) != 0 {
		t.Fatal("a note was taken in")
	}
	if resp, text := r.send(t, "PUT", path, body, "Cookie", cookie, csrfHeader, csrf); resp.StatusCode != 200 {
		t.Errorf("the page itself: %s %s", resp.Status, text)
	}
}

func TestReadOnlyNotes(t *testing.T) {
	r := start(t, nil)
	r.add(t, 5)
	r.captures.book = notes.In(filepath.Join(t.TempDir(), "missing"))
	var p problem
	if st := r.ask(t, "PUT", "/api/v1/captures/one/packets/1/note", `{"marked":true}`, &p); st != http.StatusForbidden || p.Code != "read_only" {
		t.Errorf("%d %+v", st, p)
	}
	var list struct {
		Writable bool
		Why      string
	}
	if r.ask(t, "GET", "/api/v1/captures/one/notes", "", &list); list.Writable || list.Why == "" {
		t.Errorf("%+v", list)
	}
}

// A mark that is set reaches the rows of everybody who sees them.
func TestMarksReachTheRows(t *testing.T) {
	r := start(t, nil)
	r.add(t, 20)
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "one", "start": "0", "end": "0"})
	p.say(map[string]any{"type": "window", "view": 1, "request": 1, "from": 4, "count": 3})
	marks := func(h *head) string {
		var s strings.Builder
		for i := range h.numbers {
			row := h.raw[recordSize*(1+i):]
			payload := h.raw[recordSize*(1+len(h.numbers)+i):]
			s.WriteByte('0' + byte(binary.LittleEndian.Uint16(row[56:])>>15)*2 + payload[16]>>6&1)
		}
		return s.String()
	}
	p.window(func(h *head) bool { return h.request == 1 && marks(h) == "000" })
	if _, err := r.captures.book.SetPacket(6, notes.Change{Marked: new(true), Comment: new("x")}); err != nil {
		t.Fatal(err)
	}
	h := p.window(func(h *head) bool { return marks(h) == "030" })
	if binary.LittleEndian.Uint32(h.raw[56:]) != r.captures.book.Revision() {
		t.Error("the window does not tell the revision")
	}
	if err := os.Remove(filepath.Join(r.captures.book.Dir(), notes.FileName)); err != nil {
		t.Fatal(err)
	}
	p.window(func(h *head) bool { return marks(h) == "000" })
}

func FuzzNoteChange(f *testing.F) {
	f.Add([]byte(`{"marked":true,"comment":"x"}`))
	f.Add([]byte(`{"comment":null,"marked":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := readChange(bytes.NewReader(body))
		if err == nil {
			return
		}
		if _, ok := errors.AsType[*requestError](err); !ok || c != (notes.Change{}) {
			t.Fatalf("%+v, %v", c, err)
		}
	})
}
