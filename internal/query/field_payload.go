package query

import (
	"slices"
	"sync"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// payload returns what appends the payload of each header of some kinds, if it has one.
func payload(kinds ...packet.Kind) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			l := &p.Layers[i]
			if !slices.Contains(kinds, l.Kind) || l.Flags&packet.LayerTruncated != 0 {
				continue
			}
			if l.Kind == packet.KindTCP && p.Header(l)[13]&0x04 != 0 {
				continue // what a reset carries is its cause (RFC 9293, section 3.5.3), not data
			}
			b := p.Payload(l)
			if l.Kind == packet.KindUDP && l.PayLen > 0 {
				b = datagram(p, i)
			}
			if len(b) > 0 {
				dst = append(dst, Value{Bytes: b})
			}
		}
		return dst
	}
}

// datagram returns what follows UDP header i up to the end of the IP packet, which is more
// than the header's length says when there is padding: tshark shows that too.
func datagram(p *packet.Packet, i int) []byte {
	l := p.Layers[i]
	for j := i - 1; j >= 0; j-- {
		ip := &p.Layers[j]
		if ip.Kind != packet.KindIPv4 && ip.Kind != packet.KindIPv6 {
			continue
		}
		if end := ip.Off + ip.Len + ip.PayLen; (ip.Flags^l.Flags)&packet.LayerReassembled == 0 && end > l.Off+l.Len {
			l.PayLen = end - l.Off - l.Len
		}
		break
	}
	return p.Payload(&l)
}

// flagStrings holds tcp.flags.str for each value of tcp.flags: the letters of the flags
// that are set, and a middle dot for each that is not.
var flagStrings = sync.OnceValue(func() *[4096]string {
	var t [4096]string
	for flags := range t {
		s := make([]byte, 0, 24)
		for i, letter := range []byte("RRRACEUAPRSF") {
			if flags&(0x800>>i) != 0 {
				s = append(s, letter)
				continue
			}
			s = append(s, "·"...)
		}
		t[flags] = string(s)
	}
	return &t
})

// flagLetters appends the TCP flags as letters.
func flagLetters(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != packet.KindTCP || l.Len < 16 {
			continue
		}
		if h := p.Header(l); tcpSound(p, i, h) {
			dst = append(dst, Value{Text: flagStrings()[be16(h[12:])&0x0fff]})
		}
	}
	return dst
}
