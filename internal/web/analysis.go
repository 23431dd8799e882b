package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/query"
)

// Analyser finds the flows of a capture and what looks wrong in it. A [Captures] that is
// one too makes the page show flows and findings. Many goroutines may use it at once.
type Analyser interface {
	// Analyse reads a capture through, unless ctx ends before. It lets everything else go
	// first, and tells now and then how many packets it has looked at.
	Analyse(ctx context.Context, id string, tell func(packets uint64)) (*Analysis, error)
}

// Analysis is the flows of a capture and what looks wrong. Flows and Findings become JSON
// as they are: the objects that `tarrafa flows --json` and `tarrafa findings --json` print.
type Analysis struct {
	Packets   uint64  `json:"packets"` // that were looked at
	FlowCount uint64  `json:"flow_count"`
	Forced    uint64  `json:"forced"` // flows that were given up before their end for want of memory
	Flows     any     `json:"flows"`  // those with the most bytes
	Findings  any     `json:"findings"`
	Health    *Health `json:"-"` // of TCP; nil: not known
}

const (
	maxAnalyses = 4 // that are held
	// A running capture is not read through again before this long, and not before ten
	// times as long as the reading took.
	analysisAge = 10 * time.Second
)

// analyses holds what was found, so that two views of a capture take one reading. One
// capture is read at a time.
type analyses struct {
	mu    sync.Mutex
	list  []heldAnalysis // oldest first
	limit chan struct{}

	reading  string // the capture that is being read; empty: none
	progress uint64 // packets of it that were looked at
}

type heldAnalysis struct {
	id      string
	packets uint64
	result  *Analysis
	until   time.Time // it is good for a capture that has grown meanwhile
}

func (a *analyses) find(id string, packets uint64) *Analysis {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.list {
		if h.id == id && (h.packets == packets || time.Now().Before(h.until)) {
			return h.result
		}
	}
	return nil
}

func (a *analyses) keep(id string, packets uint64, result *Analysis, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.list[:0]
	for _, h := range a.list {
		if h.id != id {
			kept = append(kept, h)
		}
	}
	if len(kept) >= maxAnalyses {
		kept = kept[1:]
	}
	a.list = append(kept, heldAnalysis{id, packets, result, time.Now().Add(max(analysisAge, 10*took))})
}

// read notes that a capture is being read, and how far. An empty id: none is.
func (a *analyses) read(id string, packets uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reading, a.progress = id, packets
}

// analysisProgress says how far the reading of a capture has got.
func (s *Server) analysisProgress(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if id == liveName {
		id = s.cfg.LiveID
	}
	s.analyses.mu.Lock()
	defer s.analyses.mu.Unlock()
	v := struct {
		Reading bool   `json:"reading"`
		Packets uint64 `json:"packets"`
	}{Reading: id != "" && s.analyses.reading == id}
	if v.Reading {
		v.Packets = s.analyses.progress
	}
	answer(w, v)
}

func (s *Server) analysis(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) { return s.analysed(r.Context(), reader) })
}

// analysed returns the analysis of a capture, which is read through for it unless that was
// done before.
func (s *Server) analysed(ctx context.Context, reader *lent) (*Analysis, error) {
	analyser, ok := s.cfg.Captures.(Analyser)
	if !ok {
		return nil, &query.CannotAnswerError{What: "flows", Why: "these captures are not analysed"}
	}
	packets, err := reader.Count(ctx, query.Scope{})
	if err != nil {
		return nil, err
	}
	if found := s.analyses.find(reader.id, packets); found != nil {
		return found, nil
	}
	select {
	case s.analyses.limit <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.analyses.limit }()
	if found := s.analyses.find(reader.id, packets); found != nil {
		return found, nil
	}
	begun := time.Now()
	s.analyses.read(reader.id, 0)
	defer s.analyses.read("", 0)
	result, err := analyser.Analyse(ctx, reader.id, func(packets uint64) { s.analyses.read(reader.id, packets) })
	if err == nil {
		s.analyses.keep(reader.id, packets, result, time.Since(begun))
	}
	return result, err
}
