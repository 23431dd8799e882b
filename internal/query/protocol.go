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

// appendProtocol appends the bytes of each of a protocol's headers with all that they
// carry: up to the end of the IP packet, or of the frame.
func appendProtocol(f *Field, r *Row, dst []Value) []Value {
	p := r.Packet
	if f.Name == wholeFrame {
		return append(dst, Value{Bytes: p.Data})
	}
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		for j := range f.at {
			if l.Kind != f.at[j].kind {
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
// a header above IP that is the end of the IP packet, whatever the header's own length
// field says.
func endOf(p *packet.Packet, i int) uint64 {
	l := &p.Layers[i]
	end := uint64(l.Off) + uint64(l.Len) + uint64(l.PayLen)
	if l.Kind == packet.KindIPv4 || l.Kind == packet.KindIPv6 {
		return end
	}
	for j := i - 1; j >= 0; j-- {
		ip := &p.Layers[j]
		if ip.Kind != packet.KindIPv4 && ip.Kind != packet.KindIPv6 {
			continue
		}
		if (ip.Flags^l.Flags)&packet.LayerReassembled != 0 {
			return uint64(len(p.Reassembled))
		}
		return max(end, uint64(ip.Off)+uint64(ip.Len)+uint64(ip.PayLen))
	}
	return end
}
