package feed

import (
	"context"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web"
)

// Shelf is a collection of captures for a server under test.
type Shelf struct {
	Captures []web.Capture
	Readers  map[string]query.Reader
}

// List implements web.Captures.
func (s *Shelf) List(context.Context) ([]web.Capture, error) { return s.Captures, nil }

// Open implements web.Captures.
func (s *Shelf) Open(_ context.Context, id string) (query.Reader, error) {
	if r := s.Readers[id]; r != nil {
		return r, nil
	}
	return nil, web.ErrNoCapture
}

// Remove implements web.Captures.
func (s *Shelf) Remove(_ context.Context, id string) error {
	delete(s.Readers, id)
	for i := range s.Captures {
		if s.Captures[i].ID == id {
			s.Captures = append(s.Captures[:i:i], s.Captures[i+1:]...)
			return nil
		}
	}
	return web.ErrNoCapture
}
