package track

import (
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// Part is what a packet brings to one conversation, as a [flow.Reassembler] takes it.
type Part struct {
	Proto      uint8  // 6: Stream is a tcp.stream; 17: a udp.stream
	Stream     uint32 // never flow.NoStream
	FromClient bool
	Summary    *packet.Summary // its Inner is the conversation's header
	Payload    []byte          // what was captured of it, Summary.PayloadLen bytes at most
}

// Conversations hands f what a row brings to the TCP connection or UDP conversation of its
// innermost header, and to the UDP conversation of a tunnel around it; of any other row
// nothing. It must be called for every row, in order. What f gets is valid until it returns.
func (p *Payloads) Conversations(b *Batch, row int, note *flow.Note, f func(c *Part)) {
	s := &b.Rows[row]
	payload, _ := p.Of(b, row)
	c := &p.part
	if note.OuterStream != flow.NoStream {
		p.outer = *s
		p.outer.Inner, p.outer.PayloadLen = s.Outer, s.OuterPayloadLen
		data := b.Data(s)
		if s.Outer.Flags&packet.TupleFragment != 0 && len(p.packet.Reassembled) > 0 {
			data = p.packet.Reassembled // of this row: it is a fragment
		}
		data = data[min(uint64(s.OuterPayloadOff), uint64(len(data))):]
		*c = Part{packet.ProtoUDP, note.OuterStream, true, &p.outer, data[:min(uint64(s.OuterPayloadLen), uint64(len(data)))]}
		f(c)
	}
	proto := s.Inner.Proto
	if note.Flow != 0 && note.Stream != flow.NoStream && (proto == packet.ProtoTCP || proto == packet.ProtoUDP) {
		*c = Part{proto, note.Stream, note.FromClient, s, payload}
		f(c)
	}
}
