package flow

import "github.com/tarrafa/tarrafa/internal/packet"

// Apply counts rows in the order of their capture and writes a note about each into
// notes, which must be at least as long as rows. chunk holds the captured bytes that the
// rows' DataOff points into; TCP options are read from it, and nothing of it is kept. A
// nil chunk is allowed: then window scales stay unknown.
func (t *Table) Apply(rows []packet.Summary, chunk []byte, notes []Note) {
	t.headers = t.headers[:0]
	t.row = 0
	for len(rows) > 0 {
		n := min(batchSize, len(rows))
		t.batch(rows[:n], chunk, notes[:n])
		rows, notes = rows[n:], notes[n:]
	}
}

// belongs reports whether a row is part of a flow: it has an IP header that is no
// fragment's, and the ports were read when its protocol has them.
func belongs(s *packet.Summary) bool {
	switch s.Outcome {
	case packet.OutcomeTransport, packet.OutcomeIP:
		return s.Inner.Version != 0
	case packet.OutcomeTruncated, packet.OutcomeMalformed, packet.OutcomeTooDeep:
		return isTCP(s) || isUDP(s)
	}
	return false
}

// isUDP reports whether a row has a whole UDP header. What it leads into may be cut off.
func isUDP(s *packet.Summary) bool {
	return s.Inner.Proto == protoUDP && s.Inner.Flags&(packet.TupleHasPorts|packet.TupleCut) == packet.TupleHasPorts
}

// tunnelled reports that a row's flow came inside another IP packet.
func tunnelled(s *packet.Summary) bool {
	return s.Depth > 1 && s.Outer != s.Inner
}

// isTCP reports whether a row has a TCP header that can be judged. Of one that was cut off,
// by the capture or by the packet's end, tshark needs the first 16 bytes; then what
// stands in them is in the row.
func isTCP(s *packet.Summary) bool {
	if s.Inner.Proto != protoTCP || s.Inner.Flags&packet.TupleHasPorts == 0 {
		return false
	}
	return s.Inner.Flags&packet.TupleCut == 0 || s.TCPFlags != 0 || s.Seq|s.Ack|uint32(s.Window) != 0
}

// lookup is what is known of a row before it is counted.
type lookup struct {
	key  key
	hash uint32
	near uint32 // where guess found its record, before the other rows of the batch were counted
	side uint8  // of the sender
	skip bool   // it belongs to no flow
}

// batch does the reading of far memory for up to 64 rows at once and then counts the rows
// one by one. Each loop reads from where the one before has led, with little between the
// reads, so that the processor waits for many of them together.
func (t *Table) batch(rows []packet.Summary, chunk []byte, notes []Note) {
	looks := t.looks[:len(rows)]
	notes = notes[:len(rows)]
	var touch uint64
	cell, mask := t.slots.cell, t.slots.mask
	for i := range rows {
		s, l := &rows[i], &looks[i]
		if l.skip = !belongs(s); l.skip {
			continue
		}
		if s.Inner.Proto == protoICMP || s.Inner.Proto == protoICMPv6 {
			tuple := icmpTuple(s, chunk)
			l.side = l.key.set(&tuple)
		} else {
			l.side = l.key.set(&s.Inner)
		}
		l.hash = t.hash.sum(&l.key)
	}
	for i := range looks {
		touch += cell[looks[i].hash&mask] // also of one that is to be skipped: no branch
	}
	for i := range looks {
		l := &looks[i]
		l.near = 0
		if l.skip {
			continue
		}
		if l.near = guess(cell, mask, l.hash); l.near != 0 {
			r := t.at(l.near - 1)
			touch += r.key.a0 + uint64(r.half[0].next) + r.sum[0].packets + r.rtt[0].Sum
		}
	}
	// What belongs to a conversation of the last few batches has not left the cache.
	past := &t.pasts[t.turn%uint32(len(t.pasts))]
	warm := *past
	*past = t.clock.now
	t.turn++
	for i := range looks {
		l := &looks[i]
		if l.near == 0 {
			continue
		}
		r := t.at(l.near - 1)
		if r.last >= warm {
			continue
		}
		touch += r.touch(l.side & 1)
		if h := &r.half[l.side&1]; h.unTail != 0 {
			touch += t.segments.at(h.unTail).frame + t.segments.at(h.unHead).frame
		}
		if u := r.half[l.side&1^1].unHead; u != 0 {
			touch += t.segments.at(u).frame
		}
	}
	t.touch = touch
	for i := range looks {
		s, n, l := &rows[i], &notes[i], &looks[i]
		if l.skip {
			t.c.NoFlow++
			*n = Note{Stream: NoStream, OuterStream: NoStream}
			t.around(s, chunk, n)
			t.row++
			continue
		}
		t.heard(s.Time)
		if t.c.Packets++; t.c.Packets%batchSize == 0 {
			t.sweep(t.clock.now)
		}
		if l.near == 0 { // its conversation may have begun in this batch
			l.near = guess(t.slots.cell, t.slots.mask, l.hash)
		}
		if !t.plain(s, chunk, n, l) {
			t.packet(s, chunk, n, l)
		}
		t.row++
	}
}

// touch reads the lines of a record that a packet of side needs besides the first ones of
// their pairs, which the processor fetches two by two.
func (r *record) touch(side uint8) uint64 {
	return r.id + uint64(r.half[1].next) + r.sum[side&1].packets + r.rtt[side&1^1].Sum
}

// guess returns the number +1 of the record whose hash matches, without comparing keys; 0
// when there is none.
func guess(cell []uint64, mask, hash uint32) uint32 {
	for i := hash & mask; ; i = (i + 1) & mask {
		c := cell[i]
		if c == 0 || uint32(c>>32) == hash {
			return uint32(c)
		}
	}
}

// known is find for a record that was probably found before.
func (t *Table) known(l *lookup) (*record, uint32) {
	if l.near != 0 {
		if r := t.at(l.near - 1); r.bits&bitUsed != 0 && r.key.same(&l.key) {
			return r, l.near - 1
		}
	}
	return t.find(&l.key, l.hash)
}

// find returns the record of a key and its number, nil when there is none.
func (t *Table) find(k *key, hash uint32) (*record, uint32) {
	for i := hash & t.slots.mask; ; i = (i + 1) & t.slots.mask {
		c := t.slots.cell[i]
		if c == 0 {
			return nil, 0
		}
		if uint32(c>>32) == hash {
			if r := t.at(uint32(c) - 1); r.key.same(k) {
				return r, uint32(c) - 1
			}
		}
	}
}

// spoke returns when the latest datagram with payload came, or the conversation's first one: a
// datagram without payload has no times in tshark.
func (r *record) spoke() int64 {
	if r.synTime != 0 {
		return r.synTime
	}
	return r.born
}

// packet counts one row.
func (t *Table) packet(s *packet.Summary, chunk []byte, n *Note, l *lookup) {
	*n = Note{Stream: NoStream, OuterStream: NoStream}
	if s.Depth > 1 || s.Flags&packet.Quoted != 0 {
		t.around(s, chunk, n)
	}
	tcp := isTCP(s)

	side := l.side & 1
	r, i := t.known(l)
	if r != nil && tcp && s.TCPFlags&(flagSYN|flagACK) == flagSYN && reuses(&r.half[side], s.Seq) {
		t.end(r, i, EndReused)
		t.release(r, i)
		r = nil
		n.Flags |= ReusedPorts
	}
	if r == nil {
		r, i = t.begin(&l.key, l.hash, s, side)
	} else {
		if s.Time < r.last {
			t.c.BackInTime++
			r.first = min(r.first, s.Time)
		}
		if r.bits&bitLive != 0 && t.over(r, i, t.clock.now) {
			t.end(r, i, t.reason(r))
		}
		if r.bits&bitLive == 0 {
			t.resume(r, i, s)
		}
		n.TimeDelta = s.Time - r.last
		t.stamp(r, i, s.Time)
		r.bits |= bitRef
	}
	n.Flow, n.Stream, n.place = r.id, r.stream, i+1
	n.TimeRelative = s.Time - r.born
	n.FromClient = (side == 1) == (r.bits&bitClientB != 0)

	sum := &r.sum[side]
	sum.packets++
	sum.bytes += uint64(s.WireLen)
	sum.payload += uint64(s.PayloadLen)
	if s.PayloadLen > 0 {
		r.bits |= bitData
	}
	before, seen, opening := r.states, r.seen, !r.used(side)
	var a Analysis
	switch {
	case tcp:
		a = t.analyse(r, side, s, chunk, n)
		r.step(side, s.TCPFlags)
		r.chronicle(side, s.TCPFlags, s.PayloadLen, a)
	case s.Inner.Proto == protoTCP: // too little of it was captured
	case s.PayloadLen > 0:
		n.TimeDelta = s.Time - r.spoke()
		r.synTime = s.Time
		r.remember(side, didData)
	default:
		n.TimeDelta = s.Time - r.spoke()
	}
	if r.states != before || r.seen != seen {
		t.wake(r, i)
	}
	if t.watch != nil {
		t.watching(r, before, side, opening, s, chunk, n, a)
	}
	if s.Outcome != packet.OutcomeTransport {
		n.hide()
	}
}
