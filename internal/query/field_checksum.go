package query

import "github.com/tarrafa/tarrafa/internal/packet"

// checksumStatus returns what appends whether the checksum of each message of a kind is
// right, where tshark looks at it: not in fragments, nor when the message is cut off. whole
// bytes of the header must be there.
func checksumStatus(kind packet.Kind, whole uint32) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			if p.Layers[i].Kind == kind && p.Layers[i].Len >= whole {
				dst = append(dst, Value{Num: messageStatus(p, i)})
			}
		}
		return dst
	}
}

// message returns what was captured of the message that begins with header i, up to the
// end of the IP packet, and whether that is all of it; ip is nil when there is no IP header.
func message(p *packet.Packet, i int) (b []byte, ip *packet.Layer, whole bool) {
	l := &p.Layers[i]
	buf := p.Data
	if l.Flags&packet.LayerReassembled != 0 {
		buf = p.Reassembled
	}
	ip = lastIP(p, i)
	if ip == nil {
		return nil, nil, false
	}
	end := layerEnd(ip)
	if l.Flags&packet.LayerReassembled != ip.Flags&packet.LayerReassembled {
		end = uint64(len(buf))
	}
	whole = end <= uint64(len(buf))
	end = min(end, uint64(len(buf)))
	return buf[min(uint64(l.Off), end):end], ip, whole
}

func messageStatus(p *packet.Packet, i int) uint64 {
	l := &p.Layers[i]
	b, ip, whole := message(p, i)
	if !whole || l.Flags&packet.LayerFragment != 0 {
		return checksumUnverified
	}
	var sum uint64
	if l.Kind == packet.KindICMPv6 {
		h := p.Header(ip)
		sum = added(added(58+uint64(len(b)), h[8:24]), h[24:40]) // RFC 8200, section 8.1
	}
	sum = added(sum, b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if sum != 0xffff {
		return checksumBad
	}
	return checksumGood
}

// added returns the sum of the bytes' words (RFC 1071).
func added(sum uint64, b []byte) uint64 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(be16(b))
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

// lastIP returns the IP header before header i.
func lastIP(p *packet.Packet, i int) *packet.Layer {
	for i--; i >= 0; i-- {
		if l := &p.Layers[i]; l.Kind == packet.KindIPv4 || l.Kind == packet.KindIPv6 {
			return l
		}
	}
	return nil
}
