package history

import (
	"context"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Each hands the packets of a scope to f, in the order of their numbers. The Summary, the
// captured bytes and the Chunk, in which the record stands, are valid during the call. An
// error of f ends it.
func (c *Capture) Each(ctx context.Context, s query.Scope, f func(*packet.Summary, []byte, *segment.Chunk) error) error {
	v, err := c.refresh(false)
	if err != nil {
		return err
	}
	a, err := c.asked(ctx, v, s)
	if err != nil {
		return err
	}
	kept := c.cache.of(a)
	w, err := c.worker()
	if err != nil {
		return err
	}
	defer c.release(w)
	for i, u := range v.units {
		if err := ctx.Err(); err != nil {
			return err
		}
		sel, err := w.chosen(u, a, kept)
		if err != nil {
			return &partError{u.part, err}
		}
		if err := w.visit(u, sel.list(0, sel.count), f); err != nil {
			return err
		}
		if s.Progress != nil {
			s.Progress(float64(i+1) / float64(len(v.units)))
		}
	}
	return nil
}

// Preface returns what the capture's file, or the files that its segments were made of, say
// besides the packets.
func (c *Capture) Preface() (*segment.Preface, error) {
	if c.stored == nil {
		return c.preface, nil
	}
	if _, err := c.refresh(false); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stored.Preface()
}
