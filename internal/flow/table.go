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
	Closed:   time.Minute, // as long as Linux remembers a connection that it has closed (TIME-WAIT)
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
	LateLost    uint64 // packets with an old time of which could not be kept when they came
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
	warmBatches = 32
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
	memory   int64      // the cap, bytes
	hand     uint32     // CLOCK
	broom    uint32     // the idle sweep
	live     []uint64   // a bit for each record that is being counted
	swept    int64      // time of the sweep before
	rests    [][]uint32 // for each record, in the chunks of chunks: until when the sweep need not look at it
	clock    clock
	late     map[uint32]heardAt // by record: see bitLate
	nextTick int64              // when the silence since the latest packet ages flows next, 0: no packet yet

	// ticksMost is after how many ticks every flow that is silent has ended.
	ticksMost int64
	segments  unackedPool
	outers    outerPool
	timeouts  Timeouts
	shortest  int64 // of the timeouts, ns
	ended     func(*Flow)
	watch     *Watch
	flow      Flow // handed to ended
	nextFlow  uint64
	nextTCP   uint32
	nextUDP   uint32
	c         Counters
	headers   []Header // of the last Apply
	row       uint32   // in hand, counted from the start of the last Apply

	decoder      *packet.Decoder // for rows with more headers than they tell, made when the first one comes
	packetInHand *packet.Packet

	looks [batchSize]lookup  // of the batch being worked on
	pasts [warmBatches]int64 // the capture's time at the beginning of each of the batches before it
	turn  uint32             // batches, ever
	touch uint64             // keeps the compiler from dropping the reads ahead
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
		clock:    newClock(),
	}
	t.shortest = int64(min(o.Timeouts.TCP, o.Timeouts.HalfOpen, o.Timeouts.Closed, o.Timeouts.UDP, o.Timeouts.Other))
	longest := int64(max(o.Timeouts.TCP, o.Timeouts.HalfOpen, o.Timeouts.Closed, o.Timeouts.UDP, o.Timeouts.Other))
	t.ticksMost = (longest+2*sweepRound)/tickEvery + 1
	t.divide(o.Memory)
	return t
}

// divide shares the cap out: an eighth for segments on their way, a sixteenth for tunnel
// endpoints, the rest for records and their index. The index is counted with the old one
// that is there while it doubles.
func (t *Table) divide(memory int64) {
	t.memory = memory
	t.segments.limit = uint32(min(memory/8/segmentSize, 1<<31)) / unackedChunk * unackedChunk
	t.outers.limit = uint32(min(memory/16/outerSize, 1<<31))
	rest := memory - memory/8 - memory/16
	rest -= rest/(8*recordSize) + rest/(recordSize/4) // a bit and a rest for each record
	rest -= rest / recordSize * lateBytes / lateShare
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
	c.Memory = uint64(len(t.slots.cell)+len(t.live))*8 + t.segments.bytes() + t.outers.bytes() + uint64(len(t.late))*lateBytes
	for _, b := range t.chunks {
		c.Memory += uint64(len(b)) * (recordSize + 4)
	}
	return c
}

func (t *Table) at(i uint32) *record {
	return &t.chunks[i/recordChunk][i%recordChunk]
}
