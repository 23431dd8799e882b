package segment

import "math"

// Rewriter turns chunks of any format into our own: pcapng, little-endian, nanoseconds,
// the interfaces of all sections and files in one table. It hands the packets to a
// [Builder] as a capture's source does, so that an import goes the same way as a capture.
// The zero value is ready. It is used by one goroutine.
type Rewriter struct {
	// Keep says which packets are wanted; nil: all. rec is valid during the call.
	Keep func(c *Chunk, number uint64, rec *Record) bool

	faces   faces
	chunk   *Chunk
	it      Iterator
	rec     Record
	number  uint64
	pending bool // rec is wanted and was not yet written
	counts  RewriteCounters
}

// RewriteCounters say where a Rewriter's packets went: Read = Written + Rejected +
// Dropped + the one that is waiting for room.
type RewriteCounters struct {
	Read     uint64
	Written  uint64
	Rejected uint64 // Keep did not want them
	Dropped  uint64 // of interfaces beyond the 65 536 that a capture can have
	Clamped  uint64 // written with time 0, for theirs was before 1970
	Cut      uint64 // written with MaxCaptured bytes, for they had more
}

// Load begins a Chunk; the one before it must be finished. It must stay unchanged until
// [Rewriter.Fill] has returned false.
func (w *Rewriter) Load(c *Chunk) {
	w.chunk, w.it, w.number, w.pending = c, c.Records(), c.First, false
}

// Fill appends packets to b until the Chunk is finished, when it returns false, or until
// the next one does not fit: see [Rewriter.Need]. The interfaces that are new in
// [Rewriter.Interfaces] afterwards must be described in the file before b's blocks.
func (w *Rewriter) Fill(b *Builder) (more bool) {
	if w.chunk == nil {
		return false
	}
	for w.pending || w.next() {
		number, ok := w.faces.number(w.chunk, w.rec.Interface)
		if !ok {
			w.counts.Dropped++
			w.pending = false
			continue
		}
		if !w.write(b, number) {
			return true
		}
		w.pending = false
		w.counts.Written++
	}
	w.chunk = nil
	return false
}

// next makes the next wanted packet the pending one.
func (w *Rewriter) next() bool {
	for w.it.Next(&w.rec) {
		w.counts.Read++
		number := w.number
		w.number++
		if w.Keep != nil && !w.Keep(w.chunk, number, &w.rec) {
			w.counts.Rejected++
			continue
		}
		w.pending = true
		return true
	}
	return false
}

func (w *Rewriter) write(b *Builder, number uint32) bool {
	rec := &w.rec
	t, data := max(rec.Time, 0), rec.Data[:min(len(rec.Data), MaxCaptured)]
	if w.chunk.Format.Kind == Pcapng && !w.chunk.plainOptions(rec) {
		if !b.PacketWith(number, t, rec.WireLen, data, w.chunk.RecordOptions(rec)) {
			return false
		}
	} else {
		p := b.Packet(number, t, uint32(len(data)), rec.WireLen, rec.Direction)
		if p == nil {
			return false
		}
		copy(p, data)
	}
	if rec.Time < 0 {
		w.counts.Clamped++
	}
	if len(data) < len(rec.Data) {
		w.counts.Cut++
	}
	return true
}

// Need returns the room that the packet takes which did not fit, bytes; 0 when none is
// waiting. A buffer of [ChunkSize] takes it unless the packet has very long comments.
func (w *Rewriter) Need() int {
	if !w.pending {
		return 0
	}
	o := w.chunk.RecordOptions(&w.rec)
	return packetOverhead + (min(len(w.rec.Data), MaxCaptured)+3)&^3 + o.size()
}

// Interfaces returns those seen so far, in the order of their numbers in the output. The
// list only grows, and what was returned is never changed.
func (w *Rewriter) Interfaces() []Interface {
	n := len(w.faces.list)
	return w.faces.list[:n:n]
}

// Counters returns the totals.
func (w *Rewriter) Counters() RewriteCounters { return w.counts }

// pcapTime splits a time for a pcap record. clamped is true when it cannot be said there:
// before 1970 or after 2106.
func pcapTime(t int64) (seconds, nanos uint32, clamped bool) {
	switch {
	case t < 0:
		return 0, 0, true
	case t/1e9 > math.MaxUint32:
		return math.MaxUint32, 999999999, true
	}
	return uint32(t / 1e9), uint32(t % 1e9), false
}
