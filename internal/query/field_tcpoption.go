package query

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Kinds of TCP options (IANA).
const (
	optionEnd           = 0
	optionNone          = 1
	optionMSS           = 2
	optionWindowScale   = 3
	optionSACKPermitted = 4
	optionSACK          = 5
	optionTimestamp     = 8
)

// optionFields are the fields of TCP's options.
var optionFields = []Field{
	{Name: "tcp.options", Type: TypeBytes, get: allOptions},
	{Name: "tcp.option_kind", Type: TypeUint, get: eachOption(func(dst []Value, o *tcpOption) []Value {
		if o.kind > optionNone && len(o.bytes) < 2 {
			return dst
		}
		return append(dst, Value{Num: uint64(o.kind)})
	})},
	{Name: "tcp.option_len", Type: TypeUint, get: eachOption(func(dst []Value, o *tcpOption) []Value {
		if o.kind <= optionNone || len(o.bytes) < 2 {
			return dst
		}
		return append(dst, Value{Num: uint64(o.size)})
	})},
	optionBytes("tcp.options.eol", optionEnd),
	optionBytes("tcp.options.nop", optionNone),
	optionBytes("tcp.options.mss", optionMSS),
	optionNumber("tcp.options.mss_val", optionMSS, 4, 2, 2),
	optionBytes("tcp.options.wscale", optionWindowScale),
	optionNumber("tcp.options.wscale.shift", optionWindowScale, 3, 2, 1),
	{Name: "tcp.options.wscale.multiplier", Type: TypeUint, get: eachOption(func(dst []Value, o *tcpOption) []Value {
		if o.kind != optionWindowScale || o.size != 3 || len(o.bytes) < 3 {
			return dst
		}
		return append(dst, Value{Num: 1 << min(o.bytes[2], 14)}) // RFC 7323, section 2.3
	})},
	optionBytes("tcp.options.sack_perm", optionSACKPermitted),
	optionBytes("tcp.options.sack", optionSACK),
	{Name: "tcp.options.sack.count", Type: TypeUint, get: eachOption(func(dst []Value, o *tcpOption) []Value {
		if o.kind != optionSACK || len(o.bytes) < o.size {
			return dst
		}
		return append(dst, Value{Num: uint64(o.size-2) / 8})
	})},
	{Name: "tcp.options.sack_le", Type: TypeUint, notes: true, get: sackEdges(0)},
	{Name: "tcp.options.sack_re", Type: TypeUint, notes: true, get: sackEdges(4)},
	optionBytes("tcp.options.timestamp", optionTimestamp),
	optionNumber("tcp.options.timestamp.tsval", optionTimestamp, 10, 2, 4),
	optionNumber("tcp.options.timestamp.tsecr", optionTimestamp, 10, 6, 4),
}

// tcpOption is one option of a TCP header (RFC 9293, section 3.1).
type tcpOption struct {
	kind  byte
	size  int    // as the option says, with kind and length, bytes; 1 for those of one byte
	bytes []byte // what was captured of it; the packet's
}

// optionsOf returns the captured bytes of a TCP header's options, and how many there were.
func optionsOf(p *packet.Packet, l *packet.Layer) (b []byte, size int) {
	if l.Kind != packet.KindTCP || l.Len < 20 {
		return nil, 0
	}
	h := p.Header(l)
	return h[20:], int(h[12]>>4)*4 - 20
}

// cutOption takes the first option from what is left of size bytes of options. It returns
// false at their end, and at one whose length cannot be.
func cutOption(o *tcpOption, b []byte, size int) (rest []byte, left int, ok bool) {
	if len(b) == 0 || size <= 0 {
		return nil, 0, false
	}
	o.kind = b[0]
	switch {
	case o.kind == optionEnd:
		o.size, o.bytes = 1, b[:1]
		if len(b) > 1 && b[1] == optionEnd { // tshark shows the padding too
			return b[1:], size - 1, true
		}
		return nil, 0, true
	case o.kind == optionNone:
		o.size, o.bytes = 1, b[:1]
		return b[1:], size - 1, true
	case len(b) < 2 || b[1] < 2 || int(b[1]) > size:
		return nil, 0, false
	}
	o.size = int(b[1])
	o.bytes = b[:min(o.size, len(b))]
	return b[len(o.bytes):], size - o.size, true
}

// allOptions appends the options of each TCP header that has some.
func allOptions(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		if b, size := optionsOf(p, &p.Layers[i]); size > 0 {
			dst = append(dst, Value{Bytes: b})
		}
	}
	return dst
}

// eachOption returns what calls one for each option of each TCP header.
func eachOption(one func(dst []Value, o *tcpOption) []Value) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		var o tcpOption
		for i := range p.Layers[:p.N] {
			b, left := optionsOf(p, &p.Layers[i])
			for ok := true; ok; {
				if b, left, ok = cutOption(&o, b, left); ok {
					dst = one(dst, &o)
				}
			}
		}
		return dst
	}
}

// optionBytes is what was captured of each option of a kind: Wireshark calls it a protocol.
func optionBytes(name string, kind byte) Field {
	return Field{Name: name, Type: TypeBytes, get: eachOption(func(dst []Value, o *tcpOption) []Value {
		if o.kind == kind {
			dst = append(dst, Value{Bytes: o.bytes})
		}
		return dst
	})}
}

// optionNumber is a number that stands at off in each option of a kind whose length is n.
func optionNumber(name string, kind byte, n, off, size int) Field {
	return Field{Name: name, Type: TypeUint, get: eachOption(func(dst []Value, o *tcpOption) []Value {
		if o.kind != kind || o.size != n || len(o.bytes) < off+size {
			return dst
		}
		var v uint64
		for _, c := range o.bytes[off : off+size] {
			v = v<<8 | uint64(c)
		}
		return append(dst, Value{Num: v})
	})}
}

// sackEdges returns what appends the edges of the blocks that were received out of order
// (RFC 2018, section 3): left ones stand at 0, right ones at 4. They count from where the
// acknowledgement's numbers count from.
func sackEdges(off int) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		var o tcpOption
		header := 0
		for i := range p.Layers[:p.N] {
			l := &p.Layers[i]
			if l.Kind != packet.KindTCP {
				continue
			}
			base, known := ackBase(r, l, header)
			header++
			if !known {
				continue
			}
			b, left := optionsOf(p, l)
			for ok := true; ok; {
				if b, left, ok = cutOption(&o, b, left); !ok || o.kind != optionSACK {
					continue
				}
				for block := o.bytes[2:]; len(block) >= off+4; block = block[min(8, len(block)):] {
					dst = append(dst, Value{Num: uint64(binary.BigEndian.Uint32(block[off:]) - base)})
				}
			}
		}
		return dst
	}
}

// ackBase returns the number that the acknowledgements of a packet's TCP header count
// from: 0 when a header without ACK flag does not tell. number counts the packet's TCP
// headers from 0.
func ackBase(r *Row, l *packet.Layer, number int) (base uint32, known bool) {
	ack, ok := note(r, fieldAck, number)
	if !ok || l.Len < 20 {
		return 0, false
	}
	return be32(r.Packet.Header(l)[8:]) - uint32(ack.Num), true
}
