package web

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/web/dissect"
)

// Dissector explains a packet of a capture file: the one with that number in it, from 1.
// The error is a [*dissect.Error], or ctx's. Many goroutines may use it at once.
type Dissector interface {
	Dissect(ctx context.Context, file []byte, number uint32) (*dissect.Result, error)
}

// maxPreceding is how many packets of its flow are handed over before a packet.
const maxPreceding = 200

func (s *Server) dissection(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		if s.cfg.Dissector == nil {
			return nil, &query.CannotAnswerError{What: "sharkd's tree", Why: "sharkd is not installed, or was not started with this program"}
		}
		number, err := strconv.ParseUint(r.PathValue("number"), 10, 63)
		if err != nil {
			return nil, &requestError{"number", "a packet's number"}
		}
		d, err := reader.Packet(r.Context(), number)
		if err != nil {
			return nil, err
		}
		file, preceding, err := excerpt(r.Context(), reader, d)
		if err != nil {
			return nil, err
		}
		result, err := s.cfg.Dissector.Dissect(r.Context(), file, uint32(preceding+1))
		if err != nil {
			if is[*dissect.Error](err) {
				s.undissected.Add(1)
			}
			return nil, err
		}
		s.dissected.Add(1)
		return struct {
			*dissect.Result
			Preceding int `json:"preceding"`
		}{result, preceding}, nil
	})
}

// excerpt makes a pcap file of a packet and those of its flow before it, the nearest ones
// if they are too many.
func excerpt(ctx context.Context, reader *lent, d *query.Detail) (file []byte, preceding int, err error) {
	type frame struct {
		time    int64
		wireLen uint32
		data    []byte
	}
	room := dissect.MaxFile - 24 - 16 - len(d.Data) // the file's head and the packet's
	var frames []frame
	if t := d.Summary.Inner; t.Version != 0 {
		f, err := query.Parse(conversationFilter(&t))
		if err != nil {
			return nil, 0, err
		}
		flow := &listing{reader: reader, scope: query.Scope{Filter: f}}
		end, err := flow.rank(ctx, d.Summary.Number)
		if err != nil {
			return nil, 0, err
		}
		from := end - min(end, maxPreceding)
		_, rows, err := flow.page(ctx, from, int(end-from))
		if err != nil {
			return nil, 0, err
		}
		back := reversed(t)
		var numbers []uint64
		for i := range rows {
			if in := &rows[i].Inner; rows[i].Number < d.Summary.Number && (sameEnds(in, &t) || sameEnds(in, &back)) {
				numbers = append(numbers, rows[i].Number)
			}
		}
		err = reader.each(ctx, numbers, func(o *dataOf) error {
			if o.link == d.Link {
				frames = append(frames, frame{o.Time, o.WireLen, bytes.Clone(o.data)})
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	first := len(frames)
	for first > 0 && room >= 16+len(frames[first-1].data) {
		first--
		room -= 16 + len(frames[first].data)
	}
	frames = append(frames[first:], frame{d.Summary.Time, d.Summary.WireLen, d.Data})
	var buf bytes.Buffer
	w := segment.NewFileWriter(&buf, segment.FileOptions{Kind: segment.Pcap})
	c := &segment.Chunk{Interfaces: []segment.Interface{{Link: d.Link}}}
	for _, f := range frames {
		if err := w.WritePacket(c, &segment.Record{Time: f.time, WireLen: f.wireLen, Data: f.data}, segment.PacketOptions{}); err != nil {
			return nil, 0, err
		}
	}
	err = w.Flush()
	return buf.Bytes(), len(frames) - 1, err
}
