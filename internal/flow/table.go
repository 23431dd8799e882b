package flow

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Timeouts says after how long without a packet a flow is over. A later packet of the
// same conversation starts a new flow with the same stream number.
type Timeouts struct {
	TCP      time.Duration // established or seen from the middle
	HalfOpen time.Duration // TCP without a complete handshake and without data
	Closed   time.Duration // TCP after FIN from both sides or RST
	UDP      time.Duration
	Other    time.Duration // every other protocol
}

// DefaultTimeouts are the timeouts of a Table that is not told otherwise.
var DefaultTimeouts = Timeouts{
	TCP:      10 * time.Minute,
	HalfOpen: time.Minute,
	Closed:   10 * time.Second,
	UDP:      2 * time.Minute,
	Other:    time.Minute,
}

// DefaultMemory is the cap of a Table that is not told otherwise, bytes.
const DefaultMemory = 256 << 20

// MinMemory is the least that a Table works with, bytes. Smaller caps are raised to it.
const MinMemory = 1 << 20

// Options adjust a Table. The zero value means the defaults.
type Options struct {
	Memory   int64 // cap on all that the Table holds, bytes
	Timeouts Timeouts

	// Ended is called for every flow that ends, from inside Apply, Advance or Drain. The
	// Flow is valid until Ended returns. Ended must not call the Table.
	Ended func(*Flow)

	Watch *Watch // sees every packet and every end; may be nil
}

// Counters say what a Table did. All of them only grow, except Live, Known and Segments.
type Counters struct {
	Packets     uint64 // rows that belong to a flow
	NoFlow      uint64 // rows that do not: no IP header, fragments, headers cut off
	Flows       uint64 // flows begun
	Idle        uint64 // flows ended by a timeout without having closed
	Closed      uint64 // flows ended after FIN from both sides or RST
	Forced      uint64 // flows ended because the memory was wanted for others
	Reused      uint64 // flows ended because their ports were used again
	Drained     uint64 // flows ended by Drain
	Forgotten   uint64 // conversations forgotten whose flow had ended before
	TCPStreams  uint64 // conversations numbered
	UDPStreams  uint64
	Unacked     uint64 // segments that could not be remembered until they were acknowledged
	Outers      uint64 // flows whose tunnel endpoints could not be kept
	BackInTime  uint64 // packets of a flow with an earlier time than the one before
	Live        uint64 // flows being counted now
	Known       uint64 // conversations in the table now
	Segments    uint64 // unacknowledged segments remembered now
	Memory      uint64 // bytes in use now
	Cap         uint64 // bytes that may be in use
	MaxFlows    uint64 // conversations that fit
	MaxSegments uint64 // unacknowledged segments that fit
}

const (
	batchSize   = 64
	recordChunk = 1 << 13
	recordSize  = 512
	segmentSize = 32
	outerSize   = 44
	firstSlots  = 1 << 12
)

// Table groups packets into bidirectional flows and analyses their TCP. Its memory never
// exceeds the cap; when it is used up, the conversations that were not seen for longest
// make room (CLOCK).
type Table struct {
	hash     hasher
	slots    slots
	chunks   [][]record
	fresh    uint32 // records never used from here on
	free     uint32 // first free record +1
	limit    uint32
	memory   int64  // the cap, bytes
	hand     uint32 // CLOCK
	broom    uint32 // the idle sweep
	swept    int64  // time of the sweep before
	segments unackedPool
	outers   outerPool
	timeouts Timeouts
	shortest int64 // of the timeouts, ns
	ended    func(*Flow)
	watch    *Watch
	flow     Flow // handed to ended
	nextFlow uint64
	nextTCP  uint32
	nextUDP  uint32
	c        Counters

	// Of the batch being worked on.
	keys   [batchSize]key
	hashes [batchSize]uint32
	sides  [batchSize]uint8
	near   [batchSize]uint32
	skip   [batchSize]bool
	touch  uint64 // keeps the compiler from dropping the reads ahead
}

// NewTable returns an empty Table. It allocates as conversations come, up to the cap.
func NewTable(o Options) *Table {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	o.Memory = max(o.Memory, MinMemory)
	def := DefaultTimeouts
	for _, t := range []struct{ set, def *time.Duration }{
		{&o.Timeouts.TCP, &def.TCP},
		{&o.Timeouts.HalfOpen, &def.HalfOpen},
		{&o.Timeouts.Closed, &def.Closed},
		{&o.Timeouts.UDP, &def.UDP},
		{&o.Timeouts.Other, &def.Other},
	} {
		if *t.set <= 0 {
			*t.set = *t.def
		}
	}
	t := &Table{
		hash:     newHasher(),
		slots:    newSlots(firstSlots),
		timeouts: o.Timeouts,
		ended:    o.Ended,
		watch:    o.Watch,
	}
	t.shortest = int64(min(o.Timeouts.TCP, o.Timeouts.HalfOpen, o.Timeouts.Closed, o.Timeouts.UDP, o.Timeouts.Other))
	t.divide(o.Memory)
	return t
}

// divide shares the cap out: an eighth for segments on their way, a sixteenth for tunnel
// endpoints, the rest for records and their index. The index is counted with the old one
// that is there while it doubles.
func (t *Table) divide(memory int64) {
	t.memory = memory
	t.segments.limit = uint32(min(memory/8/segmentSize, 1<<31))
	t.outers.limit = uint32(min(memory/16/outerSize, 1<<31))
	rest := memory - memory/8 - memory/16
	cells := int64(firstSlots)
	for cells < 1<<31 && rest-cells*2*12 >= cells/4*3*recordSize {
		cells *= 2
	}
	t.limit = uint32(min(cells/4*3, (rest-cells*12)/recordSize, 1<<31))
}

// Counters returns the counters as they are now.
func (t *Table) Counters() Counters {
	c := t.c
	c.TCPStreams, c.UDPStreams = uint64(t.nextTCP), uint64(t.nextUDP)
	c.Flows = t.nextFlow
	c.Unacked = t.segments.dropped
	c.Outers = t.outers.dropped
	c.Known = uint64(t.slots.used)
	c.Segments = uint64(t.segments.used)
	c.Cap = uint64(t.memory)
	c.MaxFlows, c.MaxSegments = uint64(t.limit), uint64(t.segments.limit)
	c.Memory = uint64(len(t.slots.cell))*8 + t.segments.bytes() + t.outers.bytes()
	for _, b := range t.chunks {
		c.Memory += uint64(len(b)) * recordSize
	}
	return c
}

func (t *Table) at(i uint32) *record {
	return &t.chunks[i/recordChunk][i%recordChunk]
}

// Apply counts rows in the order of their capture and writes a note about each into
// notes, which must be at least as long as rows. chunk holds the captured bytes that the
// rows' DataOff points into; TCP options are read from it, and nothing of it is kept. A
// nil chunk is allowed: then window scales stay unknown.
func (t *Table) Apply(rows []packet.Summary, chunk []byte, notes []Note) {
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
	case packet.OutcomeTruncated, packet.OutcomeMalformed:
		return isTCP(s)
	}
	return false
}

// tunnelled reports that a row's flow came inside another IP packet.
func tunnelled(s *packet.Summary) bool {
	return s.Depth > 1 && s.Outer != s.Inner
}

// isTCP reports whether a row has a TCP header that can be judged. A malformed one lies
// about its length only. Of one that was cut off, tshark needs the first 16 bytes; then
// its flags are in the row.
func isTCP(s *packet.Summary) bool {
	if s.Inner.Proto != protoTCP || s.Inner.Flags&packet.TupleHasPorts == 0 {
		return false
	}
	return s.Outcome != packet.OutcomeTruncated || s.TCPFlags != 0
}

// batch does the reading of far memory for up to 64 rows at once, so that the processor
// waits for many lines together, and then counts the rows one by one.
func (t *Table) batch(rows []packet.Summary, chunk []byte, notes []Note) {
	var touch uint64
	for i := range rows {
		s := &rows[i]
		if t.skip[i] = !belongs(s); t.skip[i] {
			continue
		}
		if s.Inner.Proto == protoICMP || s.Inner.Proto == protoICMPv6 {
			tuple := icmpTuple(s, chunk)
			t.keys[i], t.sides[i] = makeKey(&tuple)
		} else {
			t.keys[i], t.sides[i] = makeKey(&s.Inner)
		}
		t.hashes[i] = t.hash.sum(&t.keys[i])
		touch += t.slots.cell[t.hashes[i]&t.slots.mask]
	}
	for i := range rows {
		t.near[i] = 0
		if t.skip[i] {
			continue
		}
		if j := t.guess(t.hashes[i]); j != 0 {
			t.near[i] = j
			r := t.at(j - 1)
			side := t.sides[i] & 1
			touch += r.key.a0 + r.id + uint64(r.half[0].next) + uint64(r.half[1].next) + r.sum[side].packets + r.rtt[1-side].Sum
		}
	}
	for i := range rows {
		if j := t.near[i]; j != 0 {
			if u := t.at(j - 1).half[1-t.sides[i]&1].unHead; u != 0 {
				touch += t.segments.at(u).frame
			}
		}
	}
	t.touch = touch
	for i := range rows {
		if t.skip[i] {
			t.c.NoFlow++
			notes[i] = Note{Stream: NoStream, OuterStream: NoStream}
			if tunnelled(&rows[i]) {
				t.carrier(&rows[i], &notes[i])
			}
			continue
		}
		t.packet(&rows[i], chunk, &notes[i], &t.keys[i], t.hashes[i], t.sides[i])
	}
}

// guess returns the number +1 of the record whose hash matches, without comparing keys; 0
// when there is none.
func (t *Table) guess(hash uint32) uint32 {
	for i := hash & t.slots.mask; ; i = (i + 1) & t.slots.mask {
		c := t.slots.cell[i]
		if c == 0 || uint32(c>>32) == hash {
			return uint32(c)
		}
	}
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

// packet counts one row.
func (t *Table) packet(s *packet.Summary, chunk []byte, n *Note, k *key, hash uint32, side uint8) {
	if t.c.Packets++; t.c.Packets%batchSize == 0 {
		t.sweep(s.Time)
	}
	*n = Note{Stream: NoStream, OuterStream: NoStream}
	if tunnelled(s) {
		t.carrier(s, n)
	}
	if s.Flags&packet.Quoted != 0 {
		t.number(s, chunk)
	}
	tcp := isTCP(s)

	r, i := t.find(k, hash)
	if r != nil && tcp && s.TCPFlags&(flagSYN|flagACK) == flagSYN && reuses(&r.half[side], s.Seq) {
		t.end(r, i, EndReused)
		t.release(r, i)
		r = nil
		n.Flags |= ReusedPorts
	}
	if r == nil {
		r, i = t.begin(k, hash, s, side)
	} else {
		if s.Time < r.last {
			t.c.BackInTime++
		}
		if r.bits&bitLive != 0 && t.over(r, s.Time) {
			t.end(r, i, t.reason(r))
		}
		if r.bits&bitLive == 0 {
			t.resume(r, s)
		}
		n.TimeDelta = s.Time - r.last
		r.last = s.Time
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
	before, opening := r.states, !r.used(side)
	var a Analysis
	switch {
	case tcp:
		a = t.analyse(r, side, s, chunk, n)
		r.step(side, s.TCPFlags)
		r.chronicle(side, s.TCPFlags, s.PayloadLen, a)
	case s.PayloadLen > 0:
		r.remember(side, didData)
	}
	if t.watch != nil {
		t.watching(r, before, side, opening, s, chunk, n, a)
	}
	if s.Outcome != packet.OutcomeTransport {
		n.hide()
	}
}
