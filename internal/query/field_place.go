package query

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// place is where in a header a value stands.
type place struct {
	kind  packet.Kind
	off   uint8
	size  uint8 // bytes
	mask  uint32
	whole uint8     // bytes of the header that must be there; 0: those of the value
	when  condition // the value is there only when this holds; nil: always

	little bool   // the least significant byte comes first
	fixed  uint64 // the value, in place of what stands there
}

// condition tells whether a value is there. i is the header's index in p.Layers, and
// header holds its captured bytes.
type condition func(p *packet.Packet, i int, header []byte) bool

// appendPlaces appends the values that stand at f.at, header by header.
func (f *Field) appendPlaces(r *Row, dst []Value) []Value {
	p := r.Packet
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		for j := range f.at {
			at := &f.at[j]
			if l.Kind != at.kind || l.Len < uint32(max(at.off+at.size, at.whole)) {
				continue
			}
			header := p.Header(l)
			if at.when != nil && !at.when(p, i, header) {
				continue
			}
			dst = append(dst, f.value(at, header[at.off:at.off+at.size]))
		}
	}
	return dst
}

// value reads the value at b.
func (f *Field) value(at *place, b []byte) Value {
	switch f.Type {
	case TypeEther, TypeIPv4, TypeIPv6, TypeBytes:
		return Value{Bytes: b}
	case TypeProtocol:
		return Value{Num: 1}
	}
	if at.fixed != 0 {
		return Value{Num: at.fixed}
	}
	var n uint64
	for i, c := range b {
		if at.little {
			n |= uint64(c) << (8 * i)
		} else {
			n = n<<8 | uint64(c)
		}
	}
	if at.mask != 0 {
		n &= uint64(at.mask)
		if f.Type == TypeBool {
			return Value{Num: b2u(n != 0)}
		}
		for m := at.mask; m&1 == 0; m >>= 1 {
			n >>= 1
		}
	}
	return Value{Num: n}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// The shapes that fields of the tables have.

func number(name string, k packet.Kind, off, size uint8) Field {
	return Field{Name: name, Type: TypeUint, at: []place{{kind: k, off: off, size: size}}}
}

func hexadecimal(name string, k packet.Kind, off, size uint8) Field {
	f := number(name, k, off, size)
	f.Base = [...]Base{1: Hex2, 2: Hex4, 3: Hex6, 4: Hex8}[size]
	return f
}

func masked(name string, k packet.Kind, off, size uint8, mask uint32) Field {
	f := number(name, k, off, size)
	f.at[0].mask = mask
	return f
}

func flagBit(name string, k packet.Kind, off, size uint8, mask uint32) Field {
	f := masked(name, k, off, size, mask)
	f.Type = TypeBool
	return f
}

// address is a field whose values stand at one or more offsets of the header.
func address(name string, t Type, k packet.Kind, offs ...uint8) Field {
	size := map[Type]uint8{TypeEther: 6, TypeIPv4: 4, TypeIPv6: 16}[t]
	f := Field{Name: name, Type: t}
	for _, off := range offs {
		f.at = append(f.at, place{kind: k, off: off, size: size})
	}
	return f
}

// based returns f with another base.
func (f Field) based(b Base) Field {
	f.Base = b
	return f
}

// and returns f with a second offset of the same size.
func (f Field) and(off uint8) Field {
	p := f.at[0]
	p.off = off
	f.at = append(f.at, p)
	return f
}

// or returns f with another place.
func (f Field) or(k packet.Kind, off, size uint8) Field {
	f.at = append(f.at, place{kind: k, off: off, size: size})
	return f
}

// What tshark says of a checksum.
const (
	checksumBad        = 0
	checksumGood       = 1
	checksumUnverified = 2 // it is not asked to, or the packet is not whole
	checksumAbsent     = 3
	checksumIllegal    = 4 // absent where it must not be
)

// unverified is the state of a checksum that tshark does not verify unless it is told to.
func unverified(name string, k packet.Kind, whole uint8) Field {
	return Field{Name: name, Type: TypeUint, at: []place{{kind: k, whole: whole, size: 1, fixed: checksumUnverified}}}
}

// alsoLite returns f with the same places in UDP-Lite's header.
func (f Field) alsoLite() Field {
	for _, p := range f.at {
		p.kind = packet.KindUDPLite
		f.at = append(f.at, p)
	}
	return f
}

// when returns f with a condition.
func (f Field) when(cond condition) Field {
	for i := range f.at {
		f.at[i].when = cond
	}
	return f
}

// whole returns f, whose values are there only when n bytes of the header are.
func (f Field) whole(n uint8) Field {
	for i := range f.at {
		f.at[i].whole = n
	}
	return f
}

// protocol is a field that is there for each header of a kind.
func protocol(name string, kinds ...packet.Kind) Field {
	f := Field{Name: name, Type: TypeProtocol}
	for _, k := range kinds {
		f.at = append(f.at, place{kind: k})
	}
	return f
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
