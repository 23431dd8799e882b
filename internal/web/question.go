package web

import (
	"net/http"
	"time"

	"github.com/tarrafa/tarrafa/internal/query"
)

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
