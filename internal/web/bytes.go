package web

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// dataOf is a packet with its bytes, as they are handed out: valid during the call.
type dataOf struct {
	*packet.Summary
	data      []byte
	link      packet.LinkType
	iface     segment.Interface // its name and what is said of it
	described bool              // the capture says which interface
	comments  func() []string
}

// each hands the packets with some numbers, which ascend, to f. Those that the capture
// does not have (any more) are passed over.
func (r *lent) each(ctx context.Context, numbers []uint64, f func(*dataOf) error) error {
	if bulk, ok := r.Reader.(Numbered); ok {
		return bulk.Numbered(ctx, numbers, func(s *packet.Summary, data []byte, c *segment.Chunk) error {
			d := dataOf{Summary: s, data: data, link: packet.LinkEthernet}
			if int(s.Interface) < len(c.Interfaces) {
				d.link, d.iface, d.described = c.Interfaces[s.Interface].Link, c.Interfaces[s.Interface], true
			}
			d.comments = func() []string {
				return c.RecordOptions(&segment.Record{Offset: s.Offset, Data: data}).Comments
			}
			return f(&d)
		})
	}
	for _, n := range numbers {
		d, err := r.Packet(ctx, n)
		if errors.Is(err, ErrNoCapture) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f(&dataOf{
				Summary: &d.Summary, data: d.Data, link: d.Link, iface: segment.Interface{Name: d.Interface}, described: d.Interface != "",
				comments: func() []string { return d.Comments },
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// numbersOf returns the numbers of some packets.
func numbersOf(rows []packet.Summary) []uint64 {
	numbers := make([]uint64, len(rows))
	for i := range rows {
		numbers[i] = rows[i].Number
	}
	return numbers
}

var _ query.Reader = (*lent)(nil)
