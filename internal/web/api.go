package web

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web/tree"
)

// liveName names the running capture where an identifier is asked for.
const liveName = "live"

// problem is an error as JSON.
type problem struct {
	Error      string   `json:"error"`
	Code       string   `json:"code"` // filter, not_found, cannot_answer, in_use, internal
	Position   *int     `json:"position,omitempty"`
	End        *int     `json:"end,omitempty"`
	Expected   string   `json:"expected,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
}

func problemOf(err error) *problem {
	p := &problem{Error: err.Error(), Code: "internal"}
	var syntax *query.SyntaxError
	switch {
	case errors.As(err, &syntax):
		p.Code, p.Error = "filter", syntax.What
		p.Position, p.End, p.Expected, p.Candidates = &syntax.Pos, &syntax.End, syntax.Expected, syntax.Candidates
	case errors.Is(err, ErrNoCapture), errors.Is(err, fs.ErrNotExist):
		p.Code = "not_found"
	case errors.Is(err, query.ErrCannotAnswer):
		p.Code = "cannot_answer"
	case errors.Is(err, ErrInUse):
		p.Code = "in_use"
	}
	return p
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(true)
	_ = enc.Encode(v)
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	p := problemOf(err)
	status := map[string]int{
		"filter": http.StatusBadRequest, "request": http.StatusBadRequest, "not_found": http.StatusNotFound,
		"cannot_answer": http.StatusNotImplemented, "in_use": http.StatusConflict,
	}[p.Code]
	var bad *requestError
	switch {
	case errors.As(err, &bad):
		p.Code, status = "request", http.StatusBadRequest
	case status == 0:
		status = http.StatusInternalServerError
		s.cfg.Log.Warn("the page asked for something that failed", "error", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}

// requestError says which parameter of a request is wrong.
type requestError struct{ name, want string }

// Error implements error.
func (e *requestError) Error() string { return "parameter " + e.name + ": " + e.want }

func unsigned(r *http.Request, name string, def, limit uint64) (uint64, error) {
	text := r.FormValue(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n > limit {
		return 0, &requestError{name, "a number from 0 to " + strconv.FormatUint(limit, 10)}
	}
	return n, nil
}

func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	v := struct {
		CSRF     string `json:"csrf,omitempty"`
		Version  string `json:"version"`
		Live     bool   `json:"live"`
		LiveID   string `json:"live_id,omitempty"`
		CanStop  bool   `json:"can_stop"`
		Captures bool   `json:"captures"`
		Analysis bool   `json:"analysis"` // flows and findings can be asked for
	}{
		Version: s.cfg.Version, Live: s.cfg.Hub != nil, LiveID: s.cfg.LiveID,
		CanStop: s.cfg.Stop != nil, Captures: s.cfg.Captures != nil,
	}
	_, v.Analysis = s.cfg.Captures.(Analyser)
	if ses := sessionOf(r.Context()); ses != nil {
		v.CSRF = ses.csrf
	}
	answer(w, v)
}

func (s *Server) newLink(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]string{"link": s.link()})
}

func (s *Server) snapshot(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.Hub == nil {
		s.fail(w, ErrNoCapture)
		return
	}
	answer(w, s.cfg.Hub.Snapshot())
}

func (s *Server) stop(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.Stop == nil {
		s.fail(w, ErrNoCapture)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	s.cfg.Stop()
}

func (s *Server) checkFilter(w http.ResponseWriter, r *http.Request) {
	f, err := query.Parse(r.FormValue("text"))
	if err != nil {
		// That a filter is wrong is the answer, not a failure of the question.
		answer(w, map[string]*problem{"problem": problemOf(err)})
		return
	}
	text := ""
	if f != nil {
		text = f.String()
	}
	answer(w, map[string]string{"filter": text})
}

const maxCandidates = 40

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	text := r.FormValue("text")
	pos, err := unsigned(r, "position", uint64(len(text)), uint64(len(text)))
	if err != nil {
		s.fail(w, err)
		return
	}
	type candidate struct {
		Text string `json:"text"`
		Type string `json:"type,omitempty"`
		From int    `json:"from"`
		To   int    `json:"to"`
	}
	list := []candidate{}
	for _, c := range query.Complete(text, int(pos)) {
		if len(list) == maxCandidates {
			break
		}
		list = append(list, candidate{c.Text, c.Type, c.From, c.To})
	}
	answer(w, list)
}

func (s *Server) listCaptures(w http.ResponseWriter, r *http.Request) {
	list := []Capture{}
	if s.cfg.Captures != nil {
		stored, err := s.cfg.Captures.List(r.Context())
		if err != nil {
			s.fail(w, err)
			return
		}
		list = append(list, stored...)
	}
	answer(w, list)
}

func (s *Server) removeCapture(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	err := error(ErrNoCapture)
	switch {
	case s.cfg.Captures == nil:
	case id == s.cfg.LiveID || !s.library.forget(id):
		err = ErrInUse
	default:
		err = s.cfg.Captures.Remove(r.Context(), id)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// question opens the reader and the scope that a request names.
func (s *Server) question(r *http.Request) (*lent, query.Scope, error) {
	var scope query.Scope
	f, err := query.Parse(r.FormValue("filter"))
	if err != nil {
		return nil, scope, err
	}
	scope.Filter = f
	from, err := unsigned(r, "start", 0, 1<<63-1)
	if err != nil {
		return nil, scope, err
	}
	to, err := unsigned(r, "end", 0, 1<<63-1)
	if err != nil {
		return nil, scope, err
	}
	scope.From, scope.To = int64(from), int64(to)
	id := r.PathValue("id")
	if id == liveName {
		id = s.cfg.LiveID
	}
	reader, err := s.library.lend(r.Context(), id)
	return reader, scope, err
}

// ask opens what the request names, asks, and answers with the result.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, f func(*lent, query.Scope) (any, error)) {
	reader, scope, err := s.question(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer reader.back()
	v, err := f(reader, scope)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, v)
}

func (s *Server) totals(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) { return reader.Totals(r.Context(), scope) })
}

const maxTop = 1000

func (s *Server) top(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) {
		n, err := unsigned(r, "n", 5, maxTop)
		if err != nil {
			return nil, err
		}
		field := r.FormValue("field")
		if query.LookupField(field) == nil {
			return nil, &requestError{"field", "the name of a field"}
		}
		return reader.Top(r.Context(), scope, field, int(n))
	})
}

const maxPoints = 10_000

func (s *Server) series(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) {
		points, err := unsigned(r, "points", 600, maxPoints)
		if err != nil {
			return nil, err
		}
		from, to := scope.From, scope.To
		if !scope.HasRange() {
			t, err := reader.Totals(r.Context(), query.Scope{})
			if err != nil {
				return nil, err
			}
			from, to = t.First, t.Last+1
		}
		bucket := niceBucket(time.Duration(to-from), int64(max(points, 1)))
		return reader.Series(r.Context(), scope, bucket)
	})
}

// niceBucket returns the shortest of the round intervals that cuts a span into at most
// points parts.
func niceBucket(span time.Duration, points int64) time.Duration {
	need := max(span/time.Duration(points), time.Millisecond)
	for unit := time.Millisecond; unit <= 100*time.Second; unit *= 10 {
		for _, m := range []time.Duration{1, 2, 5} {
			if d := unit * m; d >= need { //nolint:durationcheck // m is a factor
				return d
			}
		}
	}
	const day = 24 * time.Hour
	for _, d := range []time.Duration{10 * time.Minute, 30 * time.Minute, time.Hour, 6 * time.Hour, day, 7 * day} {
		if d >= need {
			return d
		}
	}
	return (need/day + 1) * day //nolint:durationcheck // a number of days
}

func (s *Server) count(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) {
		n, err := reader.Count(r.Context(), scope)
		return map[string]uint64{"count": n}, err
	})
}

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
		return detailOf(d), nil
	})
}

// detail is one packet as JSON.
type detail struct {
	packetRow
	Link      packet.LinkType `json:"link"`
	Interface string          `json:"interface"`
	Comments  []string        `json:"comments"`
	Data      string          `json:"data"` // hexadecimal
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
