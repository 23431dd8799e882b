package query

import "github.com/tarrafa/tarrafa/internal/packet"

// Types of IGMP messages (RFC 2236 and RFC 3376).
const (
	groupQuery    = 0x11
	groupReport1  = 0x12
	groupReport2  = 0x16
	groupLeave    = 0x17
	groupReport3  = 0x22
	groupQuery3   = 12 // bytes from which on a query is of version 3
	groupRecord   = 8  // bytes of a report's record without its sources
	groupAbsent   = 0
	groupVersion1 = 1
	groupVersion2 = 2
	groupVersion3 = 3
)

// groupFields are the fields of IGMP.
var groupFields = []Field{
	{Name: "igmp.version", Type: TypeUint, get: eachGroupMessage(1, func(dst []Value, _ []byte, version uint64) []Value {
		return append(dst, Value{Num: version})
	})},
	{Name: "igmp.max_resp", Type: TypeUint, get: eachGroupMessage(2, func(dst []Value, b []byte, version uint64) []Value {
		switch n := uint64(b[1]); {
		case version == groupVersion1 || b[0] == groupReport3:
			return dst
		case version == groupVersion3 && n >= 0x80: // RFC 3376, section 4.1.1
			return append(dst, Value{Num: (n&0x0f | 0x10) << (n>>4&7 + 3)})
		default:
			return append(dst, Value{Num: n})
		}
	})},
	{Name: "igmp.checksum", Type: TypeUint, Base: Hex4, get: eachGroupMessage(4, func(dst []Value, b []byte, _ uint64) []Value {
		return append(dst, Value{Num: uint64(be16(b[2:]))})
	})},
	{Name: "igmp.num_grp_recs", Type: TypeUint, get: eachGroupMessage(8, func(dst []Value, b []byte, _ uint64) []Value {
		if b[0] != groupReport3 {
			return dst
		}
		return append(dst, Value{Num: uint64(be16(b[6:]))})
	})},
	{Name: "igmp.maddr", Type: TypeIPv4, get: eachGroupMessage(8, func(dst []Value, b []byte, _ uint64) []Value {
		if b[0] != groupReport3 {
			return append(dst, Value{Bytes: b[4:8]})
		}
		return eachGroupRecord(dst, b, func(dst []Value, record []byte) []Value { return append(dst, Value{Bytes: record[4:8]}) })
	})},
	{Name: "igmp.record_type", Type: TypeUint, get: eachGroupMessage(8, func(dst []Value, b []byte, _ uint64) []Value {
		if b[0] != groupReport3 {
			return dst
		}
		return eachGroupRecord(dst, b, func(dst []Value, record []byte) []Value { return append(dst, Value{Num: uint64(record[0])}) })
	})},
}

// eachGroupMessage returns what calls one for each IGMP message that has n bytes, with the
// version that it is of.
func eachGroupMessage(n int, one func(dst []Value, b []byte, version uint64) []Value) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			if p.Layers[i].Kind != packet.KindIGMP {
				continue
			}
			b, ip, _ := message(p, i)
			if len(b) < n {
				continue
			}
			version := groupVersion(b, layerEnd(ip)-uint64(p.Layers[i].Off))
			if version == groupVersion3 && b[0] == groupQuery && n > 1 && len(b) < groupQuery3 {
				continue // tshark wants all of it
			}
			if version != groupAbsent {
				dst = one(dst, b, version)
			}
		}
		return dst
	}
}

// groupVersion returns the version of a message of that size.
func groupVersion(b []byte, size uint64) uint64 {
	switch b[0] {
	case groupQuery:
		switch {
		case size >= groupQuery3:
			return groupVersion3
		case len(b) < 2:
			return groupAbsent // it takes the second byte to tell
		case b[1] == 0:
			return groupVersion1
		}
		return groupVersion2
	case groupReport1:
		return groupVersion1
	case groupReport2, groupLeave:
		return groupVersion2
	case groupReport3:
		return groupVersion3
	}
	return groupAbsent
}

// eachGroupRecord calls one for each record of a report.
func eachGroupRecord(dst []Value, b []byte, one func(dst []Value, record []byte) []Value) []Value {
	records := int(be16(b[6:]))
	for b = b[8:]; records > 0 && len(b) >= groupRecord; records-- {
		dst = one(dst, b)
		size := groupRecord + 4*(int(be16(b[2:]))+int(b[1]))
		b = b[min(size, len(b)):]
	}
	return dst
}

// groupKnown tells whether the type of an IGMP message is shown: that of a query when it is
// known of which version it is.
func groupKnown(p *packet.Packet, i int, _ []byte) bool {
	b, ip, _ := message(p, i)
	return len(b) > 0 && (b[0] != groupQuery || groupVersion(b, layerEnd(ip)-uint64(p.Layers[i].Off)) != groupAbsent)
}
