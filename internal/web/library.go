package web

import (
	"context"
	"errors"
	"sync"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// maxOpen is how many captures are held open that nobody is using.
const maxOpen = 4

// library lends the readers of captures, so that a capture is opened once for all who
// look at it.
type library struct {
	captures Captures
	mu       sync.Mutex
	open     map[string]*lent
	clock    uint64
}

// lent is a reader that several use.
type lent struct {
	query.Reader
	library *library
	id      string
	notes   *notes.Book // nil: none are kept
	users   int
	used    uint64
}

func newLibrary(c Captures) *library { return &library{captures: c, open: map[string]*lent{}} }

// lend returns the reader of a capture. The caller gives it back.
func (l *library) lend(ctx context.Context, id string) (*lent, error) {
	if l.captures == nil || id == "" {
		return nil, ErrNoCapture
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.open[id]
	if r == nil {
		reader, err := l.captures.Open(ctx, id)
		if err != nil {
			return nil, err
		}
		r = &lent{Reader: reader, library: l, id: id}
		if keeper, ok := l.captures.(NoteKeeper); ok {
			if r.notes, err = keeper.Notes(id); err != nil {
				return nil, errors.Join(err, reader.Close())
			}
		}
		l.open[id] = r
	}
	l.clock++
	r.users++
	r.used = l.clock
	return r, nil
}

// tryLend returns nil where lend fails.
func (l *library) tryLend(id string) *lent {
	r, err := l.lend(context.Background(), id)
	if err != nil {
		return nil
	}
	return r
}

// book returns the notes of the capture; nil: none are kept.
func (r *lent) book() *notes.Book {
	if r == nil {
		return nil
	}
	return r.notes
}

// back gives a reader back.
func (r *lent) back() {
	if r == nil {
		return
	}
	l := r.library
	l.mu.Lock()
	defer l.mu.Unlock()
	r.users--
	for {
		var idle *lent
		n := 0
		for _, o := range l.open {
			if o.users > 0 {
				continue
			}
			n++
			if idle == nil || o.used < idle.used {
				idle = o
			}
		}
		if n <= maxOpen {
			return
		}
		delete(l.open, idle.id)
		_ = idle.Close()
	}
}

// forget closes a capture that is about to be removed; false when somebody looks at it.
func (l *library) forget(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.open[id]
	if r == nil {
		return true
	}
	if r.users > 0 {
		return false
	}
	delete(l.open, id)
	_ = r.Close()
	return true
}

func (l *library) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, r := range l.open {
		delete(l.open, id)
		_ = r.Close()
	}
}
