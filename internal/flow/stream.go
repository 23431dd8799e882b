package flow

import "github.com/tarrafa/tarrafa/internal/packet"

// Piece is a run of bytes of one direction of a conversation, in the order in which the
// receiver got it.
type Piece struct {
	FromClient bool
	Time       int64  // of the packet that brought the bytes, ns since 1970-01-01 UTC
	Frame      uint64 // number of that packet
	Data       []byte // valid until the call returns
	Gap        uint32 // bytes that the receiver got but the capture does not have; then Data is empty
	Late       bool   // delivered by Close, behind a hole that nobody acknowledged: tshark does not print it
}

// StreamLimits bound what a Reassembler holds back while it waits for bytes in between.
// Zero values stand for the defaults.
type StreamLimits struct {
	Bytes    int // held back, both directions together; default 16 MiB
	Segments int // held back, each direction; default 16 384
}

// Defaults of StreamLimits.
const (
	DefaultHeldBytes    = 16 << 20
	DefaultHeldSegments = 16384
)

// Held bounds what many Reassemblers hold back together. It is not safe for concurrent
// use.
type Held struct {
	Limit int // bytes
	used  int
}

// Used returns the bytes held back now.
func (h *Held) Used() int { return h.used }

// StreamCounters say what a Reassembler did with the payload it was given.
type StreamCounters struct {
	Segments  uint64 // with payload
	Bytes     uint64 // payload captured
	Delivered uint64 // bytes handed on
	Repeated  uint64 // bytes dropped because they had been delivered already
	Gaps      uint64
	GapBytes  uint64 // bytes that are missing
	CutBytes  uint64 // bytes that the snapshot length cut off
	Forced    uint64 // gaps declared because a limit was reached, not because the receiver acknowledged
	AtEnd     uint64 // gaps declared by Close
}

// Reassembler puts the payload of one conversation into order. It is fed with the
// conversation's packets in the order of the capture.
//
// For TCP it does what tshark's follow does. Bytes are delivered once, in the order of
// their sequence numbers; where segments overlap, the bytes that came first win. Segments
// behind a hole are held back until the hole is filled, or until the receiver
// acknowledges bytes behind it: then the hole was lost by the capture and becomes a gap.
// The first segment of a direction sets where it starts. Bytes that the snapshot length
// cut off become a gap when the next segment comes. Datagrams are delivered as they come.
type Reassembler struct {
	tcp     bool
	limits  StreamLimits
	shared  *Held
	deliver func(Piece)
	client  packet.Tuple // as the client sends
	known   bool
	ways    [2]way // what the client sends, what the server sends
	held    int
	closing bool
	count   StreamCounters
}

// way is one direction.
type way struct {
	started bool
	next    uint32    // sequence number of the next byte to deliver
	cut     uint32    // up to here the capture has headers, but not the bytes
	waiting []waiting // in order of seq, and of arrival where that is the same
	order   uint64    // of the latest one to arrive
	time    int64     // of its packet
	frame   uint64
}

// waiting is a segment behind a hole. data is a copy.
type waiting struct {
	seq   uint32
	cut   uint32 // bytes behind data that were cut off
	order uint64 // of arrival
	time  int64
	frame uint64
	data  []byte
}

// end returns the sequence number behind the captured bytes.
func (w *waiting) end() uint32 { return w.seq + uint32(len(w.data)) }

// NewReassembler returns a Reassembler that hands pieces to deliver. client is the tuple
// as the client sends it; a zero tuple means that the first packet's sender is the
// client. shared may be nil.
func NewReassembler(client packet.Tuple, limits StreamLimits, shared *Held, deliver func(Piece)) *Reassembler {
	if limits.Bytes <= 0 {
		limits.Bytes = DefaultHeldBytes
	}
	if limits.Segments <= 0 {
		limits.Segments = DefaultHeldSegments
	}
	return &Reassembler{
		limits: limits, shared: shared, deliver: deliver,
		client: client, known: client.Version != 0,
	}
}

// Counters returns the counters as they are now.
func (r *Reassembler) Counters() StreamCounters { return r.count }
