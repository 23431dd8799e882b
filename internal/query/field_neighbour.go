package query

import "github.com/tarrafa/tarrafa/internal/packet"

// Types of the messages of neighbour discovery (RFC 4861, section 4).
const (
	typeTooBig           = 2 // RFC 4443
	routerSolicitation   = 133
	routerAdvertisement  = 134
	neighbourSolicit     = 135
	neighbourAdvertise   = 136
	neighbourRedirect    = 137
	optionSourceAddress  = 1
	optionTargetAddress  = 2
	optionPrefix         = 3
	optionMTU            = 5
	neighbourOptionUnits = 8 // bytes
)

// neighbourFields are the fields of ICMPv6's neighbour discovery.
var neighbourFields = []Field{
	neighbourNumber("icmpv6.mtu", typeTooBig, 4, 4, 0),
	neighbourNumber("icmpv6.nd.ra.cur_hop_limit", routerAdvertisement, 4, 1, 0),
	neighbourNumber("icmpv6.nd.ra.flag", routerAdvertisement, 5, 1, 0).based(Hex2),
	neighbourFlag("icmpv6.nd.ra.flag.m", routerAdvertisement, 5, 1, 0x80),
	neighbourFlag("icmpv6.nd.ra.flag.o", routerAdvertisement, 5, 1, 0x40),
	neighbourNumber("icmpv6.nd.ra.router_lifetime", routerAdvertisement, 6, 2, 0),
	neighbourNumber("icmpv6.nd.ra.reachable_time", routerAdvertisement, 8, 4, 0),
	neighbourNumber("icmpv6.nd.ra.retrans_timer", routerAdvertisement, 12, 4, 0),
	neighbourAddress("icmpv6.nd.ns.target_address", neighbourSolicit, 8),
	neighbourAddress("icmpv6.nd.na.target_address", neighbourAdvertise, 8),
	neighbourFlag("icmpv6.nd.na.flag.r", neighbourAdvertise, 4, 4, 0x80),
	neighbourFlag("icmpv6.nd.na.flag.s", neighbourAdvertise, 4, 4, 0x40),
	neighbourFlag("icmpv6.nd.na.flag.o", neighbourAdvertise, 4, 4, 0x20),
	{Name: "icmpv6.opt.type", Type: TypeUint, get: eachNeighbourOption(func(dst []Value, o []byte, _ int) []Value {
		if len(o) < 2 {
			return dst
		}
		return append(dst, Value{Num: uint64(o[0])})
	})},
	{Name: "icmpv6.opt.length", Type: TypeUint, get: eachNeighbourOption(func(dst []Value, o []byte, _ int) []Value {
		if len(o) < 2 {
			return dst
		}
		return append(dst, Value{Num: uint64(o[1])})
	})},
	{Name: "icmpv6.opt.linkaddr", Type: TypeEther, get: linkAddress(optionSourceAddress, optionTargetAddress)},
	{Name: "icmpv6.opt.src_linkaddr", Type: TypeEther, get: linkAddress(optionSourceAddress, optionSourceAddress)},
	{Name: "icmpv6.opt.target_linkaddr", Type: TypeEther, get: linkAddress(optionTargetAddress, optionTargetAddress)},
	{Name: "icmpv6.opt.prefix", Type: TypeIPv6, get: eachNeighbourOption(func(dst []Value, o []byte, size int) []Value {
		if o[0] != optionPrefix || size != 32 || len(o) < 32 {
			return dst
		}
		return append(dst, Value{Bytes: o[16:32]})
	})},
	{Name: "icmpv6.opt.prefix.length", Type: TypeUint, get: eachNeighbourOption(func(dst []Value, o []byte, size int) []Value {
		if o[0] != optionPrefix || size != 32 || len(o) < 3 {
			return dst
		}
		return append(dst, Value{Num: uint64(o[2])})
	})},
	{Name: "icmpv6.opt.mtu", Type: TypeUint, get: eachNeighbourOption(func(dst []Value, o []byte, size int) []Value {
		if o[0] != optionMTU || size != 8 || len(o) < 8 {
			return dst
		}
		return append(dst, Value{Num: uint64(be32(o[4:]))})
	})},
}

// neighbourPlace returns what calls one for the bytes at off in each message of a type.
func neighbourPlace(kind byte, off, size int, one func(b []byte) Value) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			if p.Layers[i].Kind != packet.KindICMPv6 {
				continue
			}
			if b, _, _ := message(p, i); len(b) >= off+size && b[0] == kind {
				dst = append(dst, one(b[off:off+size]))
			}
		}
		return dst
	}
}

func neighbourNumber(name string, kind byte, off, size int, mask byte) Field {
	return Field{Name: name, Type: TypeUint, get: neighbourPlace(kind, off, size, func(b []byte) (v Value) {
		for _, c := range b {
			v.Num = v.Num<<8 | uint64(c)
		}
		if mask != 0 {
			v.Num = b2u(b[0]&mask != 0)
		}
		return v
	})}
}

// neighbourFlag is a flag in the first byte at off of size bytes.
func neighbourFlag(name string, kind byte, off, size int, mask byte) Field {
	f := neighbourNumber(name, kind, off, size, mask)
	f.Type = TypeBool
	return f
}

func neighbourAddress(name string, kind byte, off int) Field {
	return Field{Name: name, Type: TypeIPv6, get: neighbourPlace(kind, off, 16, func(b []byte) Value { return Value{Bytes: b} })}
}

// eachNeighbourOption returns what calls one for each option: with what was captured of
// it, at least a byte, and its length in bytes, 0 when that is not right.
func eachNeighbourOption(one func(dst []Value, o []byte, size int) []Value) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		p := r.Packet
		for i := range p.Layers[:p.N] {
			if p.Layers[i].Kind != packet.KindICMPv6 {
				continue
			}
			b, _, _ := message(p, i)
			left := optionsBehind(b)
			for len(left) > 0 {
				size := 0
				if len(left) > 1 {
					size = int(left[1]) * neighbourOptionUnits
				}
				o := left[:min(max(size, 2), len(left))]
				dst = one(dst, o, size)
				if size == 0 {
					break
				}
				left = left[len(o):]
			}
		}
		return dst
	}
}

// optionsBehind returns the options of a message of neighbour discovery.
func optionsBehind(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	at := 0
	switch b[0] {
	case routerSolicitation:
		at = 8
	case routerAdvertisement:
		at = 16
	case neighbourSolicit, neighbourAdvertise:
		at = 24
	case neighbourRedirect:
		at = 40
	default:
		return nil
	}
	return b[min(at, len(b)):]
}

// linkAddress returns what appends the address in each option of two kinds: one of Ethernet
// as a rule, but there are links with longer ones.
func linkAddress(one, other byte) func(r *Row, dst []Value) []Value {
	return eachNeighbourOption(func(dst []Value, o []byte, size int) []Value {
		if o[0] != one && o[0] != other || size < 8 || len(o) < size {
			return dst
		}
		return append(dst, Value{Bytes: o[2:size]})
	})
}
