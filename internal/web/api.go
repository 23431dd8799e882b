package web

import (
	"net/http"

	"github.com/tarrafa/tarrafa/internal/query"
)

// liveName names the running capture where an identifier is asked for.
const liveName = "live"

func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	v := struct {
		CSRF     string `json:"csrf,omitempty"`
		Version  string `json:"version"`
		Live     bool   `json:"live"`
		LiveID   string `json:"live_id,omitempty"`
		CanStop  bool   `json:"can_stop"`
		CanHold  bool   `json:"can_suspend"`
		Captures bool   `json:"captures"`
		Analysis bool   `json:"analysis"` // flows and findings can be asked for
		// Dissector is the name of the program that explains packets besides this one.
		Dissector string `json:"dissector,omitempty"`
	}{
		Version: s.cfg.Version, Live: s.cfg.Hub != nil, LiveID: s.cfg.LiveID,
		CanStop: s.cfg.Stop != nil, CanHold: s.cfg.Suspend != nil, Captures: s.cfg.Captures != nil,
	}
	if s.cfg.Dissector != nil {
		v.Dissector = "sharkd"
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

func (s *Server) suspend(w http.ResponseWriter, on bool) {
	err := error(ErrNoCapture)
	if s.cfg.Suspend != nil {
		err = s.cfg.Suspend(on)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
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
