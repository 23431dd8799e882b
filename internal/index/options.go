package index

import (
	"bytes"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// bare tells quickly that a packet's only IPv4 header has no options. False says nothing.
func bare(s *packet.Summary, data []byte) bool {
	o := &s.Outer
	if s.Depth != 1 || s.Flags&packet.Quoted != 0 {
		return false
	}
	if o.Version == 6 {
		return true
	}
	if len(data) >= 34 && data[12] == 8 && data[13] == 0 && data[14] == 0x45 && bytes.Equal(data[26:30], o.Src[12:]) {
		return true
	}
	if o.Flags&packet.TupleHasPorts == 0 || int(s.OuterPayloadOff) > len(data) {
		return false
	}
	// The header stands right before the transport header, whose length is at most 60.
	for transport := int(s.OuterPayloadOff) - 8; transport >= 20 && transport >= int(s.OuterPayloadOff)-60; transport -= 4 {
		if h := data[transport-20 : transport]; h[0] == 0x45 && bytes.Equal(h[12:16], o.Src[12:]) && bytes.Equal(h[16:20], o.Dst[12:]) && h[9] == o.Proto {
			return true
		}
	}
	return false
}

// hasOptions decodes a packet to see whether an IPv4 header in it has options.
func (w *Writer) hasOptions(c *segment.Chunk, s *packet.Summary, data []byte) bool {
	p := &w.packet
	p.Data, p.WireLen, p.Time, p.Link = data, s.WireLen, s.Time, packet.LinkEthernet
	if int(s.Interface) < len(c.Interfaces) {
		p.Link = c.Interfaces[s.Interface].Link
	}
	w.decoder.Decode(p)
	p.Data = nil
	for i := range p.Layers[:p.N] {
		if l := &p.Layers[i]; l.Kind == packet.KindIPv4 && l.Len > 20 {
			return true
		}
	}
	return false
}
