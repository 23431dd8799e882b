package web

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// located says where a packet is under a filter.
type located struct {
	Found    bool   `json:"found"`
	Number   uint64 `json:"number"`
	Position uint64 `json:"position"`
	Exact    bool   `json:"exact"` // it is the very packet that was asked for
}

// locate answers where a packet, or a moment, is among those that pass.
func (s *Server) locate(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) {
		ctx := r.Context()
		number, err := unsigned(r, "number", 0, math.MaxInt64)
		if err != nil {
			return nil, err
		}
		moment, err := unsigned(r, "time", 0, math.MaxInt64)
		if err != nil {
			return nil, err
		}
		if (number == 0) == (moment == 0) {
			return nil, &requestError{"number", "a packet's number from 1 on, or a time"}
		}
		l := s.listing(r, reader, scope)
		if moment != 0 {
			after := scope
			after.From = max(scope.From, int64(moment))
			if after.To == 0 {
				after.To = math.MaxInt64
			}
			page, err := reader.Packets(ctx, after, 0, 1)
			if err != nil {
				return nil, err
			}
			number = math.MaxInt64 // behind all
			if len(page.Rows) > 0 {
				number = page.Rows[0].Number
			}
		}
		v := located{Found: true}
		if v.Position, err = l.last(r, number); err != nil {
			return nil, err
		}
		row, err := l.at(ctx, v.Position)
		if row == nil && err == nil && v.Position > 0 { // none follows: the last one before
			v.Position--
			row, err = l.at(ctx, v.Position)
		}
		if err != nil || row == nil {
			return located{}, err
		}
		v.Number, v.Exact = row.Number, row.Number == number && moment == 0
		return v, nil
	})
}

// last is rank for numbers that may lie far behind the last packet.
func (l *listing) last(r *http.Request, number uint64) (uint64, error) {
	ctx := r.Context()
	if l.found == nil {
		n, err := l.reader.Count(ctx, query.Scope{})
		if err != nil {
			return 0, err
		}
		first, err := l.reader.Packets(ctx, query.Scope{}, 0, 1)
		if err != nil {
			return 0, err
		}
		if len(first.Rows) > 0 {
			n += first.Rows[0].Number
		}
		number = min(number, n)
	} else {
		_, next := l.found.hub.Bounds()
		number = min(number, next+1)
	}
	return l.rank(ctx, number)
}

// hit is the answer to search and neighbour.
type hit struct {
	Found    bool   `json:"found"`
	Done     bool   `json:"done"` // the end was reached, or a packet was found
	Number   uint64 `json:"number"`
	Position uint64 `json:"position"`
	Offset   uint32 `json:"offset"` // in the packet's captured bytes
	Length   uint32 `json:"length"`
	Searched uint64 `json:"searched"` // packets that were looked at
	Resume   uint64 `json:"resume,omitempty"`
}

// neighbour answers with the next packet of the same flow, or with the same payload.
func (s *Server) neighbour(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) {
		ctx := r.Context()
		number, err := strconv.ParseUint(r.PathValue("number"), 10, 63)
		if err != nil {
			return nil, &requestError{"number", "a packet's number"}
		}
		back, err := backwards(r)
		if err != nil {
			return nil, err
		}
		d, err := reader.Packet(ctx, number)
		if err != nil {
			return nil, err
		}
		l := s.listing(r, reader, scope)
		switch r.FormValue("same") {
		case "", "flow":
			return l.sameFlow(r, &d.Summary, back)
		case "payload":
			return s.samePayload(r, l, d, back)
		}
		return nil, &requestError{"same", "flow or payload"}
	})
}

func backwards(r *http.Request) (bool, error) {
	switch r.FormValue("direction") {
	case "", "next":
		return false, nil
	case "previous":
		return true, nil
	}
	return false, &requestError{"direction", "next or previous"}
}

func (l *listing) sameFlow(r *http.Request, of *packet.Summary, back bool) (any, error) {
	ctx := r.Context()
	t := of.Inner
	if t.Version == 0 {
		return nil, &requestError{"number", "a packet with an IP header"}
	}
	f, err := joined(l.scope.Filter, conversationFilter(&t))
	if err != nil {
		return nil, err
	}
	scope := l.scope
	scope.Filter = f
	flow := &listing{reader: l.reader, scope: scope}
	position, err := flow.rank(ctx, of.Number)
	if err != nil {
		return nil, err
	}
	turned := reversed(t)
	v := hit{Done: true}
	for begun := time.Now(); ; {
		if back {
			if position == 0 {
				return v, nil
			}
			position--
		}
		row, err := flow.at(ctx, position)
		if err != nil || row == nil {
			return v, err
		}
		v.Searched++
		if row.Number != of.Number && (sameEnds(&row.Inner, &t) || sameEnds(&row.Inner, &turned)) {
			v.Found, v.Number = true, row.Number
			v.Position, err = l.rank(ctx, row.Number)
			return v, err
		}
		if !back {
			position++
		}
		if time.Since(begun) > searchTime {
			v.Done, v.Resume = false, row.Number
			return v, nil
		}
	}
}
