package query

import "github.com/tarrafa/tarrafa/internal/packet"

// frameFields are the fields of the packet as a whole.
var frameFields = []Field{
	{Name: "frame.number", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: r.Packet.Number})
	}},
	{Name: "frame.time", Type: TypeTime, get: frameTime},
	{Name: "frame.time_epoch", Type: TypeDuration, get: frameTime},
	{Name: "frame.time_delta", Type: TypeDuration, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.Time - r.Previous)})
	}},
	{Name: "frame.time_delta_displayed", Type: TypeDuration, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.Time - r.PreviousShown)})
	}},
	{Name: "frame.time_relative", Type: TypeDuration, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.Time - r.First)})
	}},
	{Name: "frame.len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.WireLen)})
	}},
	{Name: "frame.cap_len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(len(r.Packet.Data))})
	}},
	{Name: "frame.encap_type", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		if n, ok := encapsulations[r.Packet.Link]; ok {
			dst = append(dst, Value{Num: n})
		}
		return dst
	}},
	{Name: "frame.interface_id", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		if !r.HasInterface {
			return dst
		}
		return append(dst, Value{Num: uint64(r.Packet.Interface)})
	}},
	{Name: "frame.interface_name", Type: TypeText, get: func(r *Row, dst []Value) []Value {
		switch {
		case r.InterfaceName != "":
			return append(dst, Value{Text: r.InterfaceName})
		case r.HasInterface:
			return append(dst, Value{Text: "unknown"}) // as tshark says
		}
		return dst
	}},
}

// linkNetlink is the link type of netlink messages, which have no headers here.
const linkNetlink packet.LinkType = 253

// encapsulations are Wireshark's numbers for the link types.
var encapsulations = map[packet.LinkType]uint64{
	packet.LinkNull: 15, packet.LinkEthernet: 1, packet.LinkTokenRing: 2, packet.LinkPPP: 4, packet.LinkFDDI: 6,
	packet.LinkRawOld: 7, packet.LinkRawBSD: 7, packet.LinkPPPHDLC: 4, packet.LinkPPPEther: 139, packet.LinkATM: 10,
	packet.LinkRaw: 7, packet.LinkCHDLC: 28, packet.LinkIEEE80211: 20, packet.LinkFrameRelay: 26, packet.LinkLoop: 174,
	packet.LinkENC: 38, packet.LinkLinuxSLL: 25, packet.LinkPFLog: 39, packet.LinkPrism: 21, packet.LinkIPFC: 18,
	packet.LinkRadiotap: 23, packet.LinkAVS: 24, packet.LinkAP1394: 62, packet.LinkPPI: 97, packet.LinkPPPWithDir: 19,
	packet.LinkIPv4: 129, packet.LinkIPv6: 130, packet.LinkNFLog: 141, packet.LinkNetAnalyzer: 135,
	packet.LinkNetAnalyzerT: 136, packet.LinkIPoIB: 180, packet.LinkPKTAP: 171, packet.LinkLinuxSLL2: 210,
	linkNetlink: 158,
}

func frameTime(r *Row, dst []Value) []Value {
	return append(dst, Value{Num: uint64(r.Packet.Time)})
}
