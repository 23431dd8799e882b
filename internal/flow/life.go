package flow

import (
	"math"
	"math/bits"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Limits of one step of the idle sweep: how long a round through the table takes in
// packet time, and how many records one step may look at.
const (
	sweepRound = 30e9 // ns
	sweepMax   = 4096
)

// clockMax bounds the search for a conversation to forget.
const clockMax = 256

// begin puts a new conversation into the table and starts its first flow.
func (t *Table) begin(k *key, hash uint32, s *packet.Summary, side uint8) (*record, uint32) {
	r, i := t.place(k, hash, s, side)
	t.start(r, i, s)
	return r, i
}

// place puts a new conversation into the table without starting a flow.
func (t *Table) place(k *key, hash uint32, s *packet.Summary, side uint8) (*record, uint32) {
	i := t.take()
	if t.slots.full() {
		t.slots.grow()
	}
	t.slots.insert(hash, i)
	r := t.at(i)
	*r = record{} // in two steps: otherwise it is built elsewhere and copied
	r.key, r.hash, r.stream = *k, hash, NoStream
	r.last, r.born, r.bits = s.Time, s.Time, bitUsed
	t.stamp(r, i, s.Time)
	r.half[0].scale, r.half[1].scale = ScaleUnknown, ScaleUnknown
	switch k.proto() {
	case protoTCP:
		r.stream = t.nextTCP
		t.nextTCP++
	case protoUDP, protoUDPLite:
		r.stream = t.nextUDP
		t.nextUDP++
	}
	client := side
	if servedBy(k, side, s) {
		client = 1 - side
		r.bits |= bitFlipped
	}
	if client == 1 {
		r.bits |= bitClientB
	}
	return r, i
}

// servedBy reports that the sender of a conversation's first packet is its server: it
// answers with SYN-ACK, or the packet comes from the middle of the conversation and only
// the sender's port is a well-known one (RFC 6335 section 6).
func servedBy(k *key, side uint8, s *packet.Summary) bool {
	from, to := uint16(k.rest>>48), uint16(k.rest>>32)
	if side == 1 {
		from, to = to, from
	}
	if k.proto() == protoTCP {
		switch s.TCPFlags & (flagSYN | flagACK) {
		case flagSYN:
			return false
		case flagSYN | flagACK:
			return true
		}
	}
	return from != 0 && from < 1024 && to >= 1024
}

// start begins to count a flow.
func (t *Table) start(r *record, i uint32, s *packet.Summary) {
	t.nextFlow++
	t.c.Live++
	t.live[i/64] |= 1 << (i % 64)
	t.wake(r, i)
	r.id = t.nextFlow
	r.first, r.frame = s.Time, s.Number
	r.vlan = s.VLAN
	r.bits |= bitLive
	switch s.Direction {
	case packet.DirectionSent:
		r.bits |= bitSent
	case packet.DirectionReceived:
		r.bits |= bitReceived
	}
	if tunnelled(s) && r.bits&bitOuter == 0 {
		if r.outer = t.outers.put(&s.Outer); r.outer != 0 {
			r.bits |= bitOuter
		}
	}
	if r.bits&bitFlipped != 0 {
		r.history[0] = '^'
		r.histN = 1
	}
}

// resume starts the next flow of a conversation whose flow has ended. What the TCP
// analysis knows stays; the counters start again.
func (t *Table) resume(r *record, i uint32, s *packet.Summary) {
	if r.id != 0 {
		r.bits |= bitSplit
	}
	if r.key.proto() == protoTCP && r.ended() {
		r.bits |= bitAfterEnd
	}
	r.bits &^= bitSent | bitReceived | bitData | bitStallA | bitStallB
	r.sum, r.rtt = [2]tally{}, [2]RTT{}
	r.seen, r.histN, r.states = 0, 0, 0
	r.history = [HistoryCap]byte{}
	t.start(r, i, s)
}

// take returns the number of a record that may be used, by forgetting a conversation
// when there is no other way.
func (t *Table) take() uint32 {
	if t.free == 0 && t.fresh >= t.limit {
		t.evict()
	}
	if i := t.free; i != 0 {
		t.free = t.at(i - 1).stream
		return i - 1
	}
	if t.fresh%recordChunk == 0 {
		chunk := make([]record, min(recordChunk, t.limit-t.fresh))
		HugePages(chunk)
		t.chunks = append(t.chunks, chunk)
		t.live = append(t.live, make([]uint64, (len(chunk)+63)/64)...)
		t.rests = append(t.rests, make([]uint32, len(chunk)))
	}
	t.fresh++
	return t.fresh - 1
}

// evict forgets the first conversation that was not seen again since the hand last passed:
// those of a single packet go first. To bound the work it settles for the one under the
// hand after clockMax steps.
func (t *Table) evict() {
	for step := 0; ; step++ {
		i := t.hand
		if t.hand++; t.hand >= t.fresh {
			t.hand = 0
		}
		r := t.at(i)
		if r.bits&bitUsed == 0 {
			continue
		}
		if r.bits&bitRef != 0 && step < clockMax {
			r.bits &^= bitRef
			continue
		}
		if r.bits&bitLive != 0 {
			t.end(r, i, EndForced)
		} else {
			t.c.Forgotten++
		}
		t.release(r, i)
		return
	}
}

// release takes a conversation out of the table. Its flow has ended.
func (t *Table) release(r *record, i uint32) {
	t.slots.remove(r.hash, i)
	t.forgetLate(r, i)
	t.wake(r, i)
	t.segments.clear(&r.half[0])
	t.segments.clear(&r.half[1])
	if r.bits&bitOuter != 0 {
		t.outers.drop(r.outer)
	}
	r.bits = 0
	r.stream = t.free
	t.free = i + 1
}

// over reports that a live flow has been silent for longer than its timeout. It looks at
// the record's first cache line only: the sweep calls it for many records.
func (t *Table) over(r *record, i uint32, now int64) bool {
	age := now - r.last
	if age <= t.shortest {
		return false
	}
	if r.bits&bitLate != 0 {
		age = now - t.late[i].clock
	}
	return age > t.patience(r)
}

// patience returns the timeout of a live flow, ns.
func (t *Table) patience(r *record) int64 {
	limit := t.timeouts.Other
	switch r.key.proto() {
	case protoTCP:
		switch {
		case r.ended():
			limit = t.timeouts.Closed
		case !r.used(0) && !r.used(1):
			limit = t.timeouts.HalfOpen
		default:
			limit = t.timeouts.TCP
		}
	case protoUDP:
		limit = t.timeouts.UDP
	}
	return int64(limit)
}

// restUnit is what Table.rests counts in, as a shift: 2³⁰ ns.
const restUnit = 30

// rest notes until when a live flow cannot end by silence, whatever comes, as long as wake
// is not called.
func (t *Table) rest(r *record, i uint32) {
	if until := uint64(t.heardLast(r, i)+t.patience(r)) >> restUnit; until < 1<<32 {
		t.rests[i/recordChunk][i%recordChunk] = uint32(until)
		r.bits |= bitRests
	}
}

// wake forgets what rest has noted: the flow's timeout may be another, or its clock was set
// back.
func (t *Table) wake(r *record, i uint32) {
	if r.bits&bitRests != 0 {
		r.bits &^= bitRests
		t.rests[i/recordChunk][i%recordChunk] = 0
	}
}

func (t *Table) reason(r *record) End {
	if r.key.proto() == protoTCP && r.ended() {
		return EndClosed
	}
	return EndIdle
}

// end reports a live flow as ended. The conversation stays in the table.
func (t *Table) end(r *record, i uint32, why End) {
	if r.bits&bitLive == 0 {
		return
	}
	switch why {
	case EndIdle:
		t.c.Idle++
	case EndClosed:
		t.c.Closed++
	case EndForced:
		t.c.Forced++
	case EndReused:
		t.c.Reused++
	case EndDrained:
		t.c.Drained++
	}
	t.c.Live--
	if t.ended != nil || t.watch != nil {
		t.fill(r, i, &t.flow)
		t.flow.End = why
	}
	if t.watch != nil {
		t.watch.ended(r, &t.flow)
	}
	if t.ended != nil {
		t.ended(&t.flow)
	}
	r.bits &^= bitLive | bitRef
	t.forgetLate(r, i)
	t.live[i/64] &^= 1 << (i % 64)
}

// sweep ends flows that have been silent for too long. How far it goes depends on the
// packets' times and count only, so that the same packets always give the same flows. A
// flow that the sweep has not come to yet is ended by its next packet.
func (t *Table) sweep(now int64) {
	dt := now - t.swept
	if dt < 0 || t.swept == 0 {
		t.swept = now // the first time, or the clock was set back
		return
	}
	steps := int(min(float64(dt)/sweepRound*float64(t.fresh), sweepMax))
	if steps == 0 {
		return
	}
	t.swept = now
	t.look(min(steps, int(t.fresh)), now)
}

// look lets the broom pass over so many records. Those that are only remembered are not
// touched, in a long capture they are most, nor are those that rest.
func (t *Table) look(steps int, now int64) {
	for steps > 0 {
		if t.broom >= t.fresh {
			t.broom = 0
		}
		i := t.broom
		next := 64 - i%64 // behind this word of live
		if word := t.live[i/64] >> (i % 64); word != 0 {
			next = uint32(bits.TrailingZeros64(word))
		}
		if next > 0 {
			next = min(next, t.fresh-i)
			t.broom += next
			steps -= int(next)
			continue
		}
		if now < 0 || uint64(now)>>restUnit >= uint64(t.rests[i/recordChunk][i%recordChunk]) {
			if r := t.at(i); t.over(r, i, now) {
				t.end(r, i, t.reason(r))
			} else {
				t.rest(r, i)
			}
		}
		t.broom++
		steps--
	}
}

// tickEvery is how often flows age while no packets come, ns. It is short against every
// timeout, and longer than most pauses.
const tickEvery = 2e9

// Advance tells the Table the time when no packets come, ns since 1970-01-01 UTC, so that
// silent flows end. The next packet does it too, and what happens depends on how long the
// silence was only, not on the calls: whoever reads the same packets later gets the same
// flows.
func (t *Table) Advance(now int64) {
	for ticks := int64(0); t.nextTick != 0 && t.nextTick <= now && t.c.Live > 0; ticks++ {
		if ticks == t.ticksMost {
			// What is left was seen at a later time, before the clock was set back.
			t.nextTick += max(0, (now-t.nextTick)/tickEvery-t.ticksMost) * tickEvery
		}
		t.tick(t.nextTick)
		if t.nextTick > math.MaxInt64-tickEvery {
			return
		}
		t.nextTick += tickEvery
	}
}

// heard says that a packet of this time has come: silence counts from the latest one.
func (t *Table) heard(at int64) {
	if t.clock.hear(at) {
		t.setClockBack()
	}
	if at >= t.nextTick {
		t.Advance(at)
	}
	if next := at + tickEvery; next > max(at, t.nextTick) {
		t.nextTick = next
	}
}

// tick goes through as much of the table as its share of half a minute since the last
// sweep is.
func (t *Table) tick(now int64) {
	if t.watch != nil {
		t.watch.now = max(t.watch.now, now)
	}
	steps := int(min(float64(now-t.swept)/sweepRound, 1) * float64(t.fresh))
	if steps <= 0 {
		return
	}
	t.swept = now
	t.look(steps, now)
}

// Drain ends all live flows in the order of the table, at the end of a capture. Those that
// both sides have closed end by that: only the silence after it was cut short. The
// conversations stay known.
func (t *Table) Drain() {
	for i := range t.fresh {
		r := t.at(i)
		switch {
		case r.bits&bitLive == 0:
		case r.key.proto() == protoTCP && r.ended():
			t.end(r, i, EndClosed)
		default:
			t.end(r, i, EndDrained)
		}
	}
}
