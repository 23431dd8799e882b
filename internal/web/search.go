package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"math"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Bounds of a search.
const (
	maxNeedle   = 256             // bytes
	searchTime  = 2 * time.Second // of one answer
	maxSearches = 4               // at once
	searchStep  = 1024            // packets at first; more while that is quick
	searchMost  = 1 << 15
)

// needle is what is searched for.
type needle struct {
	bytes []byte // lower case when fold is set
	fold  bool   // letters of ASCII do not count as different in case
	all   bool   // in all captured bytes, not only the payload
}

// readNeedle reads it from a request's parameters.
func readNeedle(text, octets, folding, in string) (*needle, error) {
	n := &needle{}
	switch {
	case (text == "") == (octets == ""):
		return nil, &requestError{"text", "one of text and bytes"}
	case text != "":
		if !utf8.ValidString(text) {
			return nil, &requestError{"text", "UTF-8"}
		}
		n.bytes, n.fold = []byte(text), folding != "1"
	default:
		b, err := hex.DecodeString(octets)
		if err != nil {
			return nil, &requestError{"bytes", "hexadecimal digits, two for each byte"}
		}
		n.bytes = b
	}
	if len(n.bytes) == 0 || len(n.bytes) > maxNeedle {
		return nil, &requestError{"text", "1 to 256 bytes"}
	}
	if n.fold {
		n.bytes = lower(nil, n.bytes)
		n.fold = !bytes.Equal(n.bytes, upper(n.bytes)) // without letters there is nothing to fold
	}
	switch in {
	case "packet":
		n.all = true
	case "", "payload":
	default:
		return nil, &requestError{"in", "payload or packet"}
	}
	return n, nil
}

// lower appends b to dst with the capital letters of ASCII made small. Bytes of UTF-8
// beyond ASCII stay what they are.
func lower(dst, b []byte) []byte {
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func upper(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		out = append(out, c)
	}
	return out
}

// in returns where the needle is in a packet; -1: nowhere. room is memory to work in.
func (n *needle) in(s *packet.Summary, data []byte, room *[]byte) int {
	at := 0
	if !n.all {
		p := payloadOf(s, data)
		if len(p) == 0 {
			return -1
		}
		at, data = int(s.PayloadOff), p
	}
	if len(data) < len(n.bytes) {
		return -1
	}
	if n.fold {
		*room = lower((*room)[:0], data)
		data = *room
	}
	i := bytes.Index(data, n.bytes)
	if i < 0 {
		return -1
	}
	return at + i
}

// search answers with the next packet that holds some bytes.
func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) {
		n, err := readNeedle(r.FormValue("text"), r.FormValue("bytes"), r.FormValue("case"), r.FormValue("in"))
		if err != nil {
			return nil, err
		}
		back, err := backwards(r)
		if err != nil {
			return nil, err
		}
		from, err := unsigned(r, "from", 0, math.MaxInt64)
		if err != nil {
			return nil, err
		}
		var room []byte
		return s.scan(r, s.listing(r, reader, scope), from, back, nil, func(d *dataOf, h *hit) bool {
			i := n.in(d.Summary, d.data, &room)
			h.Offset, h.Length = uint32(max(i, 0)), uint32(len(n.bytes))
			return i >= 0
		})
	})
}

// samePayload looks for the next packet with the same payload.
func (s *Server) samePayload(r *http.Request, l *listing, of *query.Detail, back bool) (any, error) {
	want := payloadOf(&of.Summary, of.Data)
	if len(want) == 0 {
		return nil, &requestError{"number", "a packet with payload"}
	}
	likely := func(row *packet.Summary) bool { return row.PayloadLen == of.Summary.PayloadLen }
	return s.scan(r, l, of.Summary.Number, back, likely, func(d *dataOf, h *hit) bool {
		h.Offset, h.Length = d.PayloadOff, uint32(len(want))
		return bytes.Equal(payloadOf(d.Summary, d.data), want)
	})
}

// scan looks at one packet after the other, from behind (or before) a number on, until one
// fits or time is up. likely, which may be nil, sorts out packets whose bytes need not be
// read. fits fills in where.
func (s *Server) scan(r *http.Request, l *listing, from uint64, back bool, likely func(*packet.Summary) bool, fits func(*dataOf, *hit) bool) (*hit, error) {
	ctx := r.Context()
	select {
	case s.searches <- struct{}{}:
		defer func() { <-s.searches }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	begun := time.Now()
	position, err := l.beginning(ctx, from, back)
	if err != nil {
		return nil, err
	}
	v := &hit{}
	for step := uint64(searchStep); ; {
		n := step
		if back {
			n = min(n, position)
			position -= n
		}
		if n == 0 {
			v.Done = true
			return v, nil
		}
		stepped := time.Now()
		at, rows, err := l.page(ctx, position, int(n))
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 && !back && at > position {
			position = at
			continue
		}
		if len(rows) == 0 {
			v.Done = true
			return v, nil
		}
		found, err := l.first(ctx, rows, back, likely, fits)
		if err != nil {
			return nil, err
		}
		v.Searched += uint64(len(rows))
		if found != nil {
			found.Found, found.Done, found.Searched = true, true, v.Searched
			for i := range rows {
				if rows[i].Number == found.Number {
					found.Position = at + uint64(i)
				}
			}
			return found, nil
		}
		v.Resume = rows[0].Number
		if !back {
			position = at + uint64(len(rows))
			v.Resume = rows[len(rows)-1].Number
		}
		now := time.Now()
		if now.Sub(begun) > searchTime {
			return v, nil
		}
		if now.Sub(stepped) < searchTime/20 {
			step = min(2*step, searchMost)
		}
	}
}

// beginning returns the position to look at first, or, backwards, the one behind it.
func (l *listing) beginning(ctx context.Context, from uint64, back bool) (uint64, error) {
	switch {
	case !back && from == 0:
		return 0, nil
	case !back:
		return l.rank(ctx, from+1)
	case from > 0:
		return l.rank(ctx, from)
	case l.found != nil:
		l.found.mu.Lock()
		defer l.found.mu.Unlock()
		return l.found.result.count, nil
	}
	n, err := l.reader.Count(ctx, l.scope)
	if err == nil && l.live && l.scope.All() {
		var first *packet.Summary
		if first, err = l.at(ctx, 0); first != nil {
			n += placeOf(first) // what was removed has places too
		}
	}
	return n, err
}

// page returns some packets from a position on. Removed ones are passed over: then the
// first one is at a later position.
func (l *listing) page(ctx context.Context, position uint64, count int) (at uint64, rows []packet.Summary, err error) {
	switch {
	case l.found != nil:
		l.found.mu.Lock()
		places := l.found.result.find(nil, position, count)
		l.found.mu.Unlock()
		for i := range places {
			places[i]++
		}
		rows = make([]packet.Summary, 0, len(places))
		err = l.reader.each(ctx, places, func(d *dataOf) error {
			rows = append(rows, *d.Summary)
			return nil
		})
		return position + uint64(len(places)-len(rows)), rows, err // those that are no more were the first
	case l.live && l.scope.All():
		return stored(ctx, l.reader, position, count)
	}
	p, err := l.reader.Packets(ctx, l.scope, position, count)
	if err != nil || p.From != position {
		return position, nil, err
	}
	return position, p.Rows, nil
}

// first returns the first row that fits, or the last one; nil: none does.
func (l *listing) first(ctx context.Context, rows []packet.Summary, back bool, likely func(*packet.Summary) bool, fits func(*dataOf, *hit) bool) (*hit, error) {
	numbers := make([]uint64, 0, len(rows))
	for i := range rows {
		if likely == nil || likely(&rows[i]) {
			numbers = append(numbers, rows[i].Number)
		}
	}
	var found *hit
	err := l.reader.each(ctx, numbers, func(d *dataOf) error {
		var h hit
		if (found == nil || back) && fits(d, &h) {
			h.Number = d.Number
			found = &h
		}
		if found != nil && !back {
			return errFound
		}
		return nil
	})
	if found != nil {
		return found, nil
	}
	return nil, err
}

// errFound ends a reading that has found what it was for.
const errFound constError = "found"
