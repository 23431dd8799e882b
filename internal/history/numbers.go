package history

import (
	"context"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Numbered hands packets, by ascending numbers, to f as [Capture.Each] does: a stretch of
// the capture is read once for all of them. Numbers that the capture does not have are
// passed over.
func (c *Capture) Numbered(ctx context.Context, numbers []uint64, f func(*packet.Summary, []byte, *segment.Chunk) error) error {
	return c.ask(ctx, func(v view) error {
		w, err := c.worker()
		if err != nil {
			return err
		}
		defer c.release(w)
		var list []int
		for len(numbers) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			i, ok := v.find(numbers[0])
			if !ok {
				numbers = numbers[1:]
				continue
			}
			u := v.units[i]
			list = list[:0]
			for _, n := range numbers {
				if n >= u.first+uint64(u.rows) {
					break
				}
				list = append(list, int(n-u.first))
			}
			// Another attempt goes on behind what was handed out.
			err := w.visit(u, list, func(s *packet.Summary, data []byte, ch *segment.Chunk) error {
				numbers = numbers[1:]
				return f(s, data, ch)
			})
			if err != nil {
				return &partError{u.part, err}
			}
		}
		return nil
	})
}
