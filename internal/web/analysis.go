package web

import (
	"context"
	"net/http"
	"sync"

	"github.com/tarrafa/tarrafa/internal/query"
)

// Analyser finds the flows of a capture and what looks wrong in it. A [Captures] that is
// one too makes the page show flows and findings. Many goroutines may use it at once.
type Analyser interface {
	Analyse(ctx context.Context, id string) (*Analysis, error)
}

// Analysis is the flows of a capture and what looks wrong. Flows and Findings become JSON
// as they are: the objects that `tarrafa flows --json` and `tarrafa findings --json` print.
type Analysis struct {
	Packets   uint64 `json:"packets"` // that were looked at
	FlowCount uint64 `json:"flow_count"`
	Forced    uint64 `json:"forced"` // flows that were given up before their end for want of memory
	Flows     any    `json:"flows"`  // those with the most bytes
	Findings  any    `json:"findings"`
}

const maxAnalyses = 4 // that are held

// analyses holds what was found, so that two views of a capture take one reading. One
// capture is read at a time.
type analyses struct {
	mu    sync.Mutex
	list  []heldAnalysis // oldest first
	limit chan struct{}
}

type heldAnalysis struct {
	id      string
	packets uint64
	result  *Analysis
}

func (a *analyses) find(id string, packets uint64) *Analysis {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.list {
		if h.id == id && h.packets == packets {
			return h.result
		}
	}
	return nil
}

func (a *analyses) keep(id string, packets uint64, result *Analysis) {
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
	a.list = append(kept, heldAnalysis{id, packets, result})
}

func (s *Server) analysis(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		analyser, ok := s.cfg.Captures.(Analyser)
		if !ok {
			return nil, &query.CannotAnswerError{What: "flows", Why: "these captures are not analysed"}
		}
		ctx := r.Context()
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
		result, err := analyser.Analyse(ctx, reader.id)
		if err == nil {
			s.analyses.keep(reader.id, packets, result)
		}
		return result, err
	})
}
