package query

import (
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// wholeFrame is the name of the protocol whose bytes are the whole packet.
const wholeFrame = "frame"

// protocolKinds are the headers of the protocols whose bytes and layers can be asked for.
var protocolKinds = map[string][]packet.Kind{
	"eth": {packet.KindEthernet}, "vlan": {packet.KindVLAN}, "arp": {packet.KindARP},
	"ip": {packet.KindIPv4}, "ipv6": {packet.KindIPv6}, "icmp": {packet.KindICMP}, "icmpv6": {packet.KindICMPv6},
	"tcp": {packet.KindTCP}, "udp": {packet.KindUDP, packet.KindUDPLite}, "sctp": {packet.KindSCTP},
}

// layersOf returns the headers that the layers of a field are counted by, nil when it
// has none.
func layersOf(f *Field) []packet.Kind {
	if f.noted() {
		return nil
	}
	protocol, _, _ := strings.Cut(f.Name, ".")
	return protocolKinds[protocol]
}

// noted tells whether a field's values come from a Row's notes only.
func (f *Field) noted() bool { return f.at == nil && f.get == nil }

// bytesOf returns the headers that a protocol's bytes start with, nil when f has none that
// can be asked for. frame's are the whole packet.
func bytesOf(f *Field) []packet.Kind {
	if f.Name == wholeFrame {
		return []packet.Kind{packet.KindNone}
	}
	return protocolKinds[f.Name]
}

// sliceLimit is how many bytes of a protocol a slice can reach, for protocols whose slices
// end with the header.
var sliceLimit = map[string]int{"eth": 14, "vlan": 4, "arp": 1 << 10, "ip": 60, "ipv6": 40, "udp": 8}

// appendProtocol appends the bytes of each of a protocol's headers with all that they
// carry, up to the end of what holds them. With part these are the bytes that slices are
// of: for most protocols the header alone.
func appendProtocol(f *Field, part bool, r *Row, dst []Value) []Value {
	p := r.Packet
	if f.Name == wholeFrame {
		return append(dst, Value{Bytes: p.Data})
	}
	part = part && sliceLimit[f.Name] != 0
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		for j := range f.at {
			if l.Kind != f.at[j].kind || l.Len < uint32(f.at[j].whole) {
				continue
			}
			if part {
				dst = append(dst, Value{Bytes: p.Header(l)})
				continue
			}
			buf := p.Data
			if l.Flags&packet.LayerReassembled != 0 {
				buf = p.Reassembled
			}
			dst = append(dst, Value{Bytes: buf[l.Off:min(endOf(p, i), uint64(len(buf)))]})
		}
	}
	return dst
}

// endOf returns where what holds a header ends, in the bytes that the header stands in. Of
// UDP that is the end of the IP packet, whatever its own length field says.
func endOf(p *packet.Packet, i int) uint64 {
	end := layerEnd(&p.Layers[i])
	if k := p.Layers[i].Kind; k != packet.KindUDP && k != packet.KindUDPLite {
		return end
	}
	end = uint64(len(p.Data))
	if p.Layers[i].Flags&packet.LayerReassembled != 0 {
		end = uint64(len(p.Reassembled))
	}
	for j := range i {
		if (p.Layers[j].Flags^p.Layers[i].Flags)&packet.LayerReassembled == 0 {
			end = min(end, layerEnd(&p.Layers[j]))
		}
	}
	return end
}

// layerEnd returns where what a header carries ends by the lengths on the wire.
func layerEnd(l *packet.Layer) uint64 { return uint64(l.Off) + uint64(l.Len) + uint64(l.PayLen) }
