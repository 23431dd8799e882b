package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// sweep answers what only the flow table, the TCP analysis and the recognition of
// applications know: it runs them over the capture from its first packet on. It stays
// where it has come to, so that a growing capture costs only what has come since.
type sweep struct {
	key      string
	filter   *query.Filter // nil: all packets
	scope    query.Scope
	analysis *track.Analysis
	tracker  *track.Tracker

	// Where it has come to: packets before at.Packet are done.
	at    segment.Cursor
	base  uint64   // number of the first packet
	bits  []uint64 // a bit a packet from base on: it is in the scope
	found uint64

	top    *query.Field // its values are counted; nil: none
	counts *tally
	flow   func(id uint64) // told of the flow of each packet in the scope; nil: nobody is

	decode, all bool // whole packets, all of them, are wanted
	decoder     *packet.Decoder
	packet      packet.Packet
	row         query.Row
	values      []query.Value
	seen        []string
	text        []byte
}

// sweepKey says what a sweep is about.
func sweepKey(a *asked, top *query.Field) string {
	key := fmt.Sprint(a.scope.From, " ", a.scope.To, " ")
	if top != nil {
		key += top.Name
	}
	if a.scope.Filter != nil {
		key += " " + a.scope.Filter.String()
	}
	return key
}

func newSweep(key string, a *asked, top *query.Field, base uint64) *sweep {
	s := &sweep{key: key, filter: a.scope.Filter, scope: a.scope, base: base, top: top, decoder: packet.NewDecoder()}
	s.at.Packet = base
	s.analysis = track.NewAnalysis(track.AnalysisOptions{Records: true})
	s.tracker = track.NewAnalysing(s.analysis)
	if top != nil {
		s.counts = &tally{counts: map[string]query.Amount{}}
		s.decode = top.Decoded()
	}
	if s.filter != nil {
		for _, f := range s.filter.Fields() {
			s.decode = s.decode || f.Decoded()
		}
		s.all = s.filter.Needs().History
		s.row.Remember(s.filter.Fields()...)
	}
	return s
}

// chunk looks at the packets of a chunk, which continues where the last one ended.
func (s *sweep) chunk(c *segment.Chunk) {
	s.tracker.Load(c)
	for b := s.tracker.Next(); b != nil; b = s.tracker.Next() {
		for i := range b.Rows {
			s.packetOf(b, i)
		}
	}
	s.at = segment.Cursor{Segment: c.Segment, Offset: c.Offset + int64(len(c.Bytes)), Packet: c.First + uint64(c.Packets)}
}

func (s *sweep) packetOf(b *track.Batch, i int) {
	row := &b.Rows[i]
	pieced := fragment(row) || row.Flags&(packet.Reassembled|packet.MoreHeaders) != 0
	answer := query.Yes
	if s.filter != nil {
		if answer = query.Unknown; !s.all && !pieced {
			answer = s.filter.MatchSummary(row)
		}
	}
	loaded := false
	if pieced && s.decode || answer == query.Unknown {
		s.load(b, i)
		loaded = true
	}
	if answer == query.Unknown {
		answer = query.No
		if s.filter.Match(&s.row) {
			answer = query.Yes
		}
	}
	if answer != query.Yes || !s.scope.Holds(row.Time) {
		return
	}
	n := row.Number - s.base
	for n>>6 >= uint64(len(s.bits)) {
		s.bits = append(s.bits, 0)
	}
	s.bits[n>>6] |= 1 << (n & 63)
	s.found++
	if s.flow != nil && i < len(b.Notes) {
		s.flow(b.Notes[i].Flow)
	}
	if s.top == nil {
		return
	}
	if !loaded {
		s.load(b, i)
	}
	s.seen = s.seen[:0]
	s.values = s.top.Append(&s.row, s.values[:0])
	for _, v := range s.values {
		s.text = s.top.AppendText(s.text[:0], v)
		if !slices.Contains(s.seen, string(s.text)) {
			s.seen = append(s.seen, string(s.text))
			s.counts.add(s.seen[len(s.seen)-1], query.Amount{Packets: 1, Bytes: uint64(row.WireLen)})
		}
	}
}

// load makes s.row speak of a row of a batch.
func (s *sweep) load(b *track.Batch, i int) {
	r := &b.Rows[i]
	p := &s.packet
	p.Number, p.Time, p.WireLen, p.Direction, p.Interface = r.Number, r.Time, r.WireLen, r.Direction, r.Interface
	p.Data, p.Link = b.Data(r), linkOf(b.Chunk.Interfaces, r.Interface)
	if s.decode {
		s.decoder.Decode(p)
	}
	s.row.InterfaceName, s.row.HasInterface = "", b.Chunk.Format.Kind == segment.Pcapng
	if int(r.Interface) < len(b.Chunk.Interfaces) {
		s.row.InterfaceName = b.Chunk.Interfaces[r.Interface].Name
	}
	s.row.Next(p)
	s.row.Notes = b.AppendNotes(s.row.Notes, i)
	s.row.Learn()
}

// selection returns what was found of a unit that is done.
func (s *sweep) selection(u *unit) *selection {
	out := &selection{bits: make([]uint64, (u.rows+63)/64)}
	from := u.first - s.base
	shift := from & 63
	word := func(i uint64) uint64 {
		if i < uint64(len(s.bits)) {
			return s.bits[i]
		}
		return 0
	}
	for i := range out.bits {
		at := from>>6 + uint64(i)
		w := word(at) >> shift
		if shift != 0 {
			w |= word(at+1) << (64 - shift)
		}
		if left := u.rows - i<<6; left < 64 {
			w &= 1<<left - 1
		}
		out.bits[i] = w
	}
	out.recount()
	return out.settle(u.rows)
}

// run goes on over what a question sees, until its end or until enough packets are found.
func (s *sweep) run(ctx context.Context, w *worker, v view, enough uint64) error {
	done := uint64(0)
	for _, u := range v.units {
		if u.first < s.at.Packet {
			done += min(uint64(u.rows), s.at.Packet-u.first)
		}
	}
	var stop uint64
	take := func(c *segment.Chunk) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.found >= enough && stop == 0 {
			// Units are shown whole.
			stop = s.at.Packet
			if i, ok := v.find(s.at.Packet - 1); ok {
				stop = v.units[i].first + uint64(v.units[i].rows)
			}
		}
		if stop != 0 && s.at.Packet >= stop {
			return errEnough
		}
		s.chunk(c)
		done += uint64(c.Packets)
		if s.scope.Progress != nil {
			s.scope.Progress(min(1, float64(done)/float64(max(v.packets, 1))))
		}
		return nil
	}
	for _, p := range v.parts {
		if p.first+p.packets <= s.at.Packet {
			continue
		}
		var err error
		if p.number == 0 {
			err = w.fileChunks(v.units, s.at.Packet, take)
		} else {
			err = w.partChunks(p, s.at, take)
		}
		switch {
		case errors.Is(err, errEnough):
			return nil
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return &partError{p, err}
		}
	}
	return nil
}

var errEnough = errors.New("enough was found")

// fileChunks hands out the chunks of a file from a packet on: a unit is one.
func (w *worker) fileChunks(units []*unit, from uint64, take func(*segment.Chunk) error) error {
	for _, u := range units {
		if u.first < from {
			continue
		}
		c, err := w.chunkOf(u)
		if err == nil {
			err = take(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// partChunks hands out the packets of a segment in chunks, from a place in it on when it
// is the segment of the place.
func (w *worker) partChunks(p *part, from segment.Cursor, take func(*segment.Chunk) error) error {
	at := segment.Cursor{Segment: p.number, Packet: p.first}
	if from.Segment == p.number {
		at = from
	}
	r, err := w.open(p)
	if err != nil {
		return err
	}
	if cap(w.bytes) < segment.ChunkSize {
		w.bytes = make([]byte, segment.ChunkSize)
	}
	for end := p.first + p.packets; at.Packet < end; {
		b := w.bytes[:cap(w.bytes)]
		n, err := r.ReadAt(b, at.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return readError(p, at.Offset, err)
		}
		size, packets, need := segment.WholeBlocks(b[:n])
		if size == 0 {
			if need <= int64(len(b)) || need > recordMost {
				return &ChangedError{p.number, at.Offset}
			}
			w.bytes = make([]byte, need)
			continue
		}
		// Packets that have been written since the question began may be among them.
		c := segment.Chunk{Segment: at.Segment, Offset: at.Offset, First: at.Packet, Packets: packets, Interfaces: p.faces, Bytes: b[:size]}
		at.Offset += int64(size)
		at.Packet += uint64(packets)
		if err := take(&c); err != nil {
			return err
		}
	}
	return nil
}

// swept makes the selections of a question that asks what the analysis finds out: of all
// units, or of the first ones until enough packets were found.
func (c *Capture) swept(ctx context.Context, v view, a *asked, enough uint64) error {
	kept := c.cache.of(a)
	a.found = make(map[*unit]*selection, len(v.units))
	for _, u := range v.units {
		if sel := kept.get(u); sel != nil {
			a.found[u] = sel
		}
	}
	if len(a.found) == len(v.units) {
		return nil
	}
	return c.sweep(ctx, v, a, nil, enough, func(s *sweep) {
		for _, u := range v.units {
			if u.first < s.base || u.first+uint64(u.rows) > s.at.Packet {
				continue
			}
			sel := s.selection(u)
			a.found[u] = sel
			if u.part.sealed {
				kept.put(u, sel)
			}
		}
	})
}

// sweep runs a sweep over what a question sees and lets use look at it.
func (c *Capture) sweep(ctx context.Context, v view, a *asked, top *query.Field, enough uint64, use func(*sweep)) error {
	if len(v.units) == 0 {
		return nil
	}
	select {
	case c.sweeping <- struct{}{}:
		defer func() { <-c.sweeping }()
	case <-ctx.Done():
		return ctx.Err()
	}
	key := sweepKey(a, top)
	s := c.last
	if s == nil || s.key != key || s.at.Packet < v.units[0].first {
		s = newSweep(key, a, top, v.units[0].first)
		c.last = s
	}
	s.scope.Progress = a.scope.Progress
	w, err := c.worker()
	if err != nil {
		return err
	}
	defer c.release(w)
	if err := s.run(ctx, w, v, enough); err != nil {
		if ctx.Err() == nil {
			c.last = nil // a segment is gone, or not what it was
		}
		return err
	}
	use(s)
	if u := v.units[len(v.units)-1]; c.complete() && s.at.Packet >= u.first+uint64(u.rows) {
		s.analysis, s.tracker = nil, nil // there will be no more: their memory is given up
	}
	return nil
}

// complete tells whether no more packets will come.
func (c *Capture) complete() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stored == nil || c.stored.Meta.State != archive.StateOpen
}

// everything is more packets than a capture has.
const everything = math.MaxUint64
