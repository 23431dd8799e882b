package query

import "github.com/tarrafa/tarrafa/internal/packet"

// Row is what is known of one packet when fields are asked. It is reused from packet to
// packet; [Row.Next] starts the next one.
type Row struct {
	Packet        *packet.Packet // decoded
	InterfaceName string         // empty when the capture does not say
	HasInterface  bool           // the capture numbers its interfaces (pcapng)

	First         int64 // time of the capture's first packet, nanoseconds since 1970
	Previous      int64 // of the packet before this one
	PreviousShown int64 // of the last packet that was shown

	// Notes are values that later stages found: the flow's, the analysis's, names.
	Notes []Note

	memory *memory // nil: no field that earlier packets decide is asked for

	shown bool // a packet was shown
	count uint64
	last  int64 // time of the packet in hand
}

// Note is one value of a field that does not stand in the packet's own headers.
type Note struct {
	Field *Field
	Value Value
}

// Next makes r speak of p, the next packet of the capture, and forgets the notes. p must
// be decoded and stay unchanged while r is used.
func (r *Row) Next(p *packet.Packet) {
	switch {
	case r.count == 0:
		r.First, r.Previous = p.Time, p.Time
	default:
		r.Previous = r.last
	}
	if !r.shown {
		r.PreviousShown = p.Time // nothing to count from
	}
	r.last = p.Time
	r.Packet = p
	r.Notes = r.Notes[:0]
	r.count++
}

// Shown notes that the packet was shown: the next one's frame.time_delta_displayed counts
// from it.
func (r *Row) Shown() { r.PreviousShown, r.shown = r.Packet.Time, true }
