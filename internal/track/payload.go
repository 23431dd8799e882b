package track

import "github.com/tarrafa/tarrafa/internal/packet"

// Payloads finds the payload of rows, that of fragmented datagrams too: the decoder that
// made the rows has put them together, but their bytes are gone. The zero value is ready.
type Payloads struct {
	decoder *packet.Decoder // nil until a fragment comes
	packet  packet.Packet

	part  Part           // of Conversations, in hand
	outer packet.Summary // as a tunnel's conversation sees the row in hand
}

// isFragment tells whether an IP fragment is part of the packet.
func isFragment(s *packet.Summary) bool {
	return (s.Outer.Flags|s.Inner.Flags)&packet.TupleFragment != 0 || s.Flags&packet.Reassembled != 0
}

// Of returns what was captured of the transport payload of a row, and whether that is less
// than there was. It must be called for every row that is a fragment, in order. The bytes
// belong to the chunk or to p, and are valid until the next call.
func (p *Payloads) Of(b *Batch, row int) (payload []byte, cut bool) {
	s := &b.Rows[row]
	data := b.Data(s)
	if isFragment(s) {
		p.decode(b, s, data)
		if s.Flags&packet.Reassembled != 0 {
			data = p.packet.Reassembled
		}
	}
	off := min(uint64(s.PayloadOff), uint64(len(data)))
	end := min(off+uint64(s.PayloadLen), uint64(len(data)))
	return data[off:end:end], end-off < uint64(s.PayloadLen)
}

func (p *Payloads) decode(b *Batch, s *packet.Summary, data []byte) {
	if p.decoder == nil {
		p.decoder = packet.NewDecoder()
	}
	k := &p.packet
	k.Number, k.Time, k.WireLen, k.Direction, k.Interface = s.Number, s.Time, s.WireLen, s.Direction, s.Interface
	k.Link, k.Data = packet.LinkEthernet, data
	if int(s.Interface) < len(b.Chunk.Interfaces) {
		k.Link = b.Chunk.Interfaces[s.Interface].Link
	}
	p.decoder.Decode(k)
}
