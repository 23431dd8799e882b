package web

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/coder/websocket"

	"github.com/tarrafa/tarrafa/internal/query"
)

// open changes what the client looks at. A view that cannot be opened leaves the one
// before as it is.
func (c *client) open(ctx context.Context, r *request) error {
	v, err := c.s.openView(ctx, r)
	if err != nil {
		return c.send(ctx, message{Type: "view", View: r.View, Error: problemOf(err)})
	}
	if c.view != nil {
		c.view.close()
	}
	c.view, c.viewID = v, r.View
	c.served, c.total, c.exact, c.end, c.skipped, c.notes, c.short = 0, 0, false, 0, 0, 0, false
	return c.send(ctx, message{Type: "view", View: r.View})
}

func (s *Server) openView(ctx context.Context, r *request) (view, error) {
	f, err := query.Parse(r.Filter)
	if err != nil {
		return nil, err
	}
	if r.Capture == liveName {
		if s.live == nil {
			return nil, ErrNoCapture
		}
		return s.live.open(f, r.Start, r.End)
	}
	reader, err := s.library.lend(ctx, r.Capture)
	if err != nil {
		return nil, err
	}
	return &storedView{reader: reader, scope: query.Scope{From: r.Start, To: r.End, Filter: f}}, nil
}

// sendWindow sends the rows that the cursor is at, when the client does not have them.
func (c *client) sendWindow(ctx context.Context, cursor *request) error {
	if c.view == nil || cursor.View != c.viewID {
		return nil
	}
	total, exact, done := c.view.size()
	asked := cursor.Request != c.served
	newer := total != c.total || exact != c.exact
	book := c.view.book()
	var revision uint32
	if book != nil {
		revision = book.Revision()
	}
	// Marks that have changed come with the rows that they stand at.
	// So does what a filter finds that had not found enough when it was asked.
	asked = asked || revision != c.notes || c.short && newer
	if !asked && !newer {
		return nil
	}
	w := &window{total: total, done: done, flags: windowNoRows, notes: revision}
	if exact {
		w.flags |= windowExact
	}
	if asked || cursor.Follow {
		// A newer cursor ends the work for this one.
		var err error
		if w, err = c.view.window(ctx, cursor.From, cursor.Count, cursor.Follow); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.served, c.notes = cursor.Request, revision
			return c.send(ctx, message{Type: "error", View: c.viewID, Error: problemOf(err)})
		}
	}
	if cursor.Follow {
		w.flags |= windowFollow
		if c.end > 0 && w.from > c.end {
			c.skipped += w.from - c.end
			c.s.skipped.Add(w.from - c.end)
		}
		c.end = w.from + uint64(len(w.rows))
	} else {
		c.end = 0
	}
	w.annotate(book)
	c.short = asked && !cursor.Follow && len(w.rows) < cursor.Count && w.flags&(windowExact|windowExpired) == 0
	c.served, c.total, c.exact, c.notes = cursor.Request, w.total, w.flags&windowExact != 0, w.notes
	w.view, w.request, w.skipped = c.viewID, cursor.Request, c.skipped
	c.buf = w.append(c.buf[:0])
	c.s.windows.Add(1)
	return c.write(ctx, websocket.MessageBinary, c.buf)
}

func (c *client) send(ctx context.Context, m message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.write(ctx, websocket.MessageText, b)
}

// errStalled says that a client took nothing for too long.
const errStalled constError = "the client takes nothing"

func (c *client) write(ctx context.Context, kind websocket.MessageType, b []byte) error {
	limited, cancel := context.WithTimeout(ctx, c.s.cfg.WriteTime)
	defer cancel()
	err := c.conn.Write(limited, kind, b)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return errStalled
	}
	return err
}
