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
	next    uint32 // sequence number of the next byte to deliver
	cut     uint32 // up to here the capture has headers, but not the bytes
	lowest  uint32 // of those waiting
	waiting []waiting
}

// waiting is a segment behind a hole. data is a copy.
type waiting struct {
	seq   uint32
	cut   uint32 // bytes behind data that were cut off
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

// Add takes the next packet of the conversation. payload holds what was captured of the
// transport payload, which may be less than s.PayloadLen; it is not kept.
func (r *Reassembler) Add(s *packet.Summary, payload []byte) {
	if !r.known {
		r.client, r.known = s.Inner, true
	}
	r.tcp = s.Inner.Proto == protoTCP
	dir := 1
	if s.Inner.Src == r.client.Src && s.Inner.SrcPort == r.client.SrcPort {
		dir = 0
	}
	if uint64(len(payload)) > uint64(s.PayloadLen) {
		payload = payload[:s.PayloadLen]
	}
	if s.PayloadLen > 0 {
		r.count.Segments++
		r.count.Bytes += uint64(len(payload))
		r.count.CutBytes += uint64(s.PayloadLen) - uint64(len(payload))
	}
	w := waiting{seq: s.Seq, time: s.Time, frame: s.Number, data: payload}
	w.cut = s.PayloadLen - uint32(len(payload))
	if !r.tcp {
		if len(payload) > 0 {
			r.emit(dir, &w)
		}
		return
	}
	for r.release(1-dir, s.Ack, s.TCPFlags&flagACK != 0) {
	}
	r.segment(dir, &w, s.TCPFlags)
}

// segment takes a TCP segment.
func (r *Reassembler) segment(dir int, w *waiting, flags uint16) {
	way := &r.ways[dir]
	if flags&flagSYN != 0 {
		if way.started && w.seq == way.next {
			way.next++ // the first segment came before the SYN
		}
		w.seq++
	}
	if !way.started {
		way.started = true
		way.next, way.cut = w.seq, w.seq
	}
	if after(w.seq, way.next) > 0 && after(w.seq, way.cut) <= 0 && len(w.data) > 0 {
		r.missing(dir, w.seq-way.next, w.time, w.frame)
	}
	if after(w.seq, way.cut) <= 0 && after(w.end()+w.cut, way.cut) > 0 {
		way.cut = w.end() + w.cut
	}
	switch {
	case after(w.seq, way.next) > 0:
		if len(w.data) > 0 {
			r.hold(dir, w)
		}
		return
	case after(w.end(), way.next) <= 0:
		r.count.Repeated += uint64(len(w.data))
		return
	default:
		r.emit(dir, w)
	}
	for r.release(dir, 0, false) {
	}
}

// emit delivers what is new in a segment that starts no later than the next byte.
func (r *Reassembler) emit(dir int, w *waiting) {
	way := &r.ways[dir]
	data := w.data
	if r.tcp {
		data = data[way.next-w.seq:]
		way.next = w.end()
		if after(way.next, way.cut) > 0 || after(way.next+w.cut, way.cut) > 0 {
			way.cut = way.next + w.cut
		}
	}
	r.count.Repeated += uint64(len(w.data) - len(data))
	r.count.Delivered += uint64(len(data))
	r.deliver(Piece{FromClient: dir == 0, Time: w.time, Frame: w.frame, Data: data, Late: r.closing})
}

// hold keeps a segment that is ahead of its time. When there is no room the hole in front
// of the ones that wait is given up.
func (r *Reassembler) hold(dir int, w *waiting) {
	way := &r.ways[dir]
	for len(way.waiting) > 0 && (len(way.waiting) >= r.limits.Segments || r.held+len(w.data) > r.limits.Bytes ||
		r.shared != nil && r.shared.used+len(w.data) > r.shared.Limit) {
		r.count.Forced++
		r.gap(dir, w.time, w.frame)
		for r.release(dir, 0, false) {
		}
	}
	if after(w.seq, way.next) <= 0 || r.held+len(w.data) > r.limits.Bytes ||
		r.shared != nil && r.shared.used+len(w.data) > r.shared.Limit {
		r.forced(dir, w)
		return
	}
	if len(way.waiting) == 0 || after(w.seq, way.lowest) < 0 {
		way.lowest = w.seq
	}
	kept := *w
	kept.data = append([]byte(nil), w.data...)
	way.waiting = append(way.waiting, kept)
	r.take(len(kept.data))
}

// forced delivers a segment for which there is no room, hole or not.
func (r *Reassembler) forced(dir int, w *waiting) {
	way := &r.ways[dir]
	if d := after(w.seq, way.next); d > 0 {
		r.count.Forced++
		r.missing(dir, uint32(d), w.time, w.frame)
	}
	if after(w.end(), way.next) <= 0 {
		r.count.Repeated += uint64(len(w.data))
		return
	}
	r.emit(dir, w)
}

func (r *Reassembler) take(n int) {
	r.held += n
	if r.shared != nil {
		r.shared.used += n
	}
}

// release delivers one waiting segment whose turn has come, or declares the gap in front
// of those that wait when the receiver has acknowledged bytes behind it. It reports
// whether it did anything.
func (r *Reassembler) release(dir int, ack uint32, acked bool) bool {
	way := &r.ways[dir]
	if len(way.waiting) == 0 {
		return false
	}
	if after(way.lowest, way.next) > 0 {
		if !acked || after(ack, way.lowest) <= 0 {
			return false
		}
		last := &way.waiting[len(way.waiting)-1]
		r.gap(dir, last.time, last.frame)
		return true
	}
	for i := range way.waiting {
		w := way.waiting[i]
		if after(w.seq, way.next) > 0 {
			continue
		}
		r.drop(way, i)
		if after(w.end(), way.next) > 0 {
			r.emit(dir, &w)
		} else {
			r.count.Repeated += uint64(len(w.data))
		}
		return true
	}
	way.findLowest()
	return true
}

// drop takes a segment out of those that wait.
func (r *Reassembler) drop(way *way, i int) {
	r.take(-len(way.waiting[i].data))
	copy(way.waiting[i:], way.waiting[i+1:])
	way.waiting[len(way.waiting)-1] = waiting{}
	way.waiting = way.waiting[:len(way.waiting)-1]
	way.findLowest()
}

func (w *way) findLowest() {
	for i := range w.waiting {
		if i == 0 || after(w.waiting[i].seq, w.lowest) < 0 {
			w.lowest = w.waiting[i].seq
		}
	}
}

// gap gives up the hole in front of those that wait.
func (r *Reassembler) gap(dir int, time int64, frame uint64) {
	way := &r.ways[dir]
	if n := after(way.lowest, way.next); n > 0 {
		r.missing(dir, uint32(n), time, frame)
	}
	way.next = way.lowest
}

func (r *Reassembler) missing(dir int, n uint32, time int64, frame uint64) {
	r.count.Gaps++
	r.count.GapBytes += uint64(n)
	r.ways[dir].next += n
	r.deliver(Piece{FromClient: dir == 0, Time: time, Frame: frame, Gap: n, Late: r.closing})
}

// Close ends the conversation: what still waits behind a hole that nobody acknowledged is
// delivered behind a gap. tshark drops it; in a capture of one direction only, that would
// be everything behind the first loss.
func (r *Reassembler) Close() {
	r.closing = true
	for dir := range r.ways {
		way := &r.ways[dir]
		for len(way.waiting) > 0 {
			last := &way.waiting[len(way.waiting)-1]
			r.count.AtEnd++
			r.gap(dir, last.time, last.frame)
			for r.release(dir, 0, false) {
			}
		}
	}
}
