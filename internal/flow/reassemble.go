package flow

import (
	"slices"
	"sort"

	"github.com/tarrafa/tarrafa/internal/packet"
)

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
	kept := *w
	kept.data = append([]byte(nil), w.data...)
	way.keep(kept)
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
	if after(way.waiting[0].seq, way.next) > 0 {
		if !acked || after(ack, way.waiting[0].seq) <= 0 {
			return false
		}
		r.gap(dir, way.time, way.frame)
		return true
	}
	at := 0 // of those whose turn it is, the one that came first
	for i := 1; i < len(way.waiting) && after(way.waiting[i].seq, way.next) <= 0; i++ {
		if way.waiting[i].order < way.waiting[at].order {
			at = i
		}
	}
	w := way.waiting[at]
	r.drop(way, at)
	if after(w.end(), way.next) > 0 {
		r.emit(dir, &w)
	} else {
		r.count.Repeated += uint64(len(w.data))
	}
	return true
}

// keep puts a segment among those that wait. None of them is further than 2³¹ from the
// next byte, so that the differences to it order them.
func (w *way) keep(s waiting) {
	w.order++
	s.order, w.time, w.frame = w.order, s.time, s.frame
	ahead := after(s.seq, w.next)
	i := len(w.waiting) // where it belongs when segments come in order
	if i > 0 && after(w.waiting[i-1].seq, w.next) > ahead {
		i = sort.Search(i, func(j int) bool { return after(w.waiting[j].seq, w.next) > ahead })
	}
	w.waiting = slices.Insert(w.waiting, i, s)
}

// drop takes a segment out of those that wait.
func (r *Reassembler) drop(way *way, i int) {
	r.take(-len(way.waiting[i].data))
	copy(way.waiting[1:i+1], way.waiting[:i])
	way.waiting[0] = waiting{}
	way.waiting = way.waiting[1:]
}

// gap gives up the hole in front of those that wait.
func (r *Reassembler) gap(dir int, time int64, frame uint64) {
	way := &r.ways[dir]
	lowest := way.waiting[0].seq
	if n := after(lowest, way.next); n > 0 {
		r.missing(dir, uint32(n), time, frame)
	}
	way.next = lowest
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
			r.count.AtEnd++
			r.gap(dir, way.time, way.frame)
			for r.release(dir, 0, false) {
			}
		}
	}
}
