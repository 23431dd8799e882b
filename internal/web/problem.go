package web

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web/dissect"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// problem is an error as JSON.
type problem struct {
	Error      string   `json:"error"`
	Code       string   `json:"code"` // docs/api.md lists them
	Position   *int     `json:"position,omitempty"`
	End        *int     `json:"end,omitempty"`
	Expected   string   `json:"expected,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func problemOf(err error) *problem {
	p := &problem{Error: err.Error(), Code: "internal"}
	var syntax *query.SyntaxError
	switch {
	case errors.As(err, &syntax):
		p.Code, p.Error = "filter", syntax.What
		p.Position, p.End, p.Expected, p.Candidates = &syntax.Pos, &syntax.End, syntax.Expected, syntax.Candidates
	case is[*dissect.Error](err):
		p.Code = "dissector"
	case is[*notes.ReadOnlyError](err):
		p.Code = "read_only"
	case errors.Is(err, ErrNoCapture), errors.Is(err, fs.ErrNotExist):
		p.Code = "not_found"
	case errors.Is(err, query.ErrCannotAnswer):
		p.Code = "cannot_answer"
	case errors.Is(err, ErrInUse):
		p.Code = "in_use"
	case errors.Is(err, notes.ErrFull):
		p.Code = "full"
	case errors.Is(err, notes.ErrLong):
		p.Code = "request"
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
		"cannot_answer": http.StatusNotImplemented, "in_use": http.StatusConflict, "full": http.StatusConflict, "read_only": http.StatusForbidden,
		"dissector": http.StatusBadGateway,
	}[p.Code]
	if p.Code == "full" {
		s.full.Add(1)
	}
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
