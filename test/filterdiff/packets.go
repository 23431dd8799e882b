package filterdiff

import (
	"encoding/binary"
	"math/rand/v2"
)

// Packet is captured bytes with the length that the packet had on the wire.
type Packet struct {
	Data []byte
	Len  int
}

func cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func u16(n ...int) []byte {
	var out []byte
	for _, v := range n {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	return out
}

func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func zeros(n int) []byte { return make([]byte, n) }

// ipv4 is an IPv4 packet; options are added to the header, frag is the fragment field.
func ipv4(src, dst byte, proto, frag, options int, payload []byte) []byte {
	h := cat([]byte{byte(0x45 + options), 0}, u16(20+4*options+len(payload), 0x1234, frag), []byte{64, byte(proto)}, u16(0),
		[]byte{10, 0, 0, src, 10, 0, 0, dst}, zeros(4*options))
	return cat(h, payload)
}

func ipv6(src, dst byte, next int, payload []byte) []byte {
	a := func(x byte) []byte { return cat([]byte{0x20, 1, 0x0d, 0xb8}, zeros(11), []byte{x}) }
	return cat([]byte{0x60, 0, 0, 0}, u16(len(payload)), []byte{byte(next), 64}, a(src), a(dst), payload)
}

func tcp(src, dst, flags int, data []byte) []byte {
	return cat(u16(src, dst), u32(1), u32(0xff), []byte{0x50, byte(flags)}, u16(65535, 0, 0), data)
}

func udp(src, dst int, data []byte) []byte { return cat(u16(src, dst, 8+len(data), 0), data) }

// network are network-layer packets with their Ethernet type; SAPs up to 1500.
type network struct {
	proto int
	data  []byte
}

func networks() []network {
	http := []byte("GET / HTTP/1.1\r\n\r\n")
	dns := cat(u16(0x1234, 0x0100, 1, 0, 0, 0), []byte("\x07example\x03com\x00"), u16(1, 1))
	arp := func(op int) []byte {
		return cat(u16(1, 0x800), []byte{6, 4}, u16(op), []byte{2, 0, 0, 0, 0, 1, 10, 0, 0, 1}, zeros(6), []byte{10, 0, 0, 2})
	}
	geneve := func(opts int, proto int, inner []byte) []byte {
		return cat([]byte{byte(opts), 0}, u16(proto), []byte{0, 0, 11, 0}, zeros(4*opts), inner)
	}
	inner := cat(ether(0x800), ipv4(1, 2, 6, 0, 0, tcp(1234, 80, 2, nil)))
	inner6 := ipv6(1, 2, 17, udp(5353, 53, dns))
	tagged := cat(ether(0x8100), u16(5, 0x800), ipv4(1, 2, 6, 0, 0, tcp(1234, 80, 2, nil)))
	frag6 := func(next, off int, data []byte) []byte { return cat([]byte{byte(next), 0}, u16(off), u32(7), data) }
	ip4 := []network{}
	for _, p := range [][]byte{
		ipv4(1, 2, 6, 0x4000, 0, tcp(1234, 80, 2, nil)), ipv4(2, 1, 6, 0x4000, 0, tcp(80, 1234, 0x12, nil)),
		ipv4(1, 2, 6, 0x4000, 0, tcp(1234, 80, 0x18, http)), ipv4(1, 2, 6, 0, 3, tcp(1234, 80, 0x18, http)),
		ipv4(1, 3, 6, 0, 0, tcp(22, 443, 0x04, nil)), ipv4(1, 2, 17, 0, 0, udp(1234, 53, dns)), ipv4(2, 1, 17, 0, 1, udp(53, 1234, dns)),
		ipv4(1, 255, 17, 0, 0, udp(68, 67, zeros(40))), ipv4(1, 2, 17, 0x2000, 0, udp(1234, 53, zeros(24))), ipv4(1, 2, 17, 0x0004, 0, zeros(40)),
		ipv4(1, 2, 6, 0x00b9, 0, tcp(80, 80, 2, nil)), ipv4(1, 2, 1, 0, 0, cat([]byte{8, 0}, zeros(38))), ipv4(2, 1, 1, 0, 0, cat([]byte{3, 4}, zeros(26))),
		ipv4(1, 2, 132, 0, 0, cat(u16(80, 1234), zeros(20))), ipv4(1, 2, 2, 0, 1, []byte{0x16, 0, 0, 0, 224, 0, 0, 5}), ipv4(1, 2, 47, 0, 0, zeros(30)),
		ipv4(1, 2, 50, 0, 0, zeros(30)), ipv4(1, 2, 51, 0, 0, zeros(30)), ipv4(1, 2, 103, 0, 0, []byte{0x20, 0, 0, 0}), ipv4(1, 2, 112, 0, 0, []byte{0x21, 0, 0, 0}),
		ipv4(1, 2, 9, 0, 0, zeros(8)), ipv4(1, 2, 89, 0, 0, zeros(24)), ipv4(1, 2, 17, 0, 0, udp(4000, 6081, geneve(0, 0x6558, inner))),
		ipv4(1, 2, 17, 0, 2, udp(4000, 6081, geneve(2, 0x6558, inner))), ipv4(1, 2, 17, 0, 0, udp(4000, 6081, geneve(1, 0x86dd, inner6))),
		ipv4(1, 2, 17, 0, 0, udp(4000, 6081, geneve(0, 0x6558, tagged))), ipv4(1, 2, 17, 0, 0, udp(4000, 4789, cat([]byte{8, 0, 0, 0, 0, 0, 11, 0}, inner))),
		ipv4(1, 2, 41, 0, 0, inner6), ipv4(1, 2, 6, 0, 0, nil), ipv4(1, 2, 6, 0, 10, zeros(4)),
	} {
		ip4 = append(ip4, network{0x800, p})
	}
	for _, p := range [][]byte{
		ipv6(1, 2, 6, tcp(1234, 80, 2, nil)), ipv6(2, 1, 6, tcp(80, 1234, 0x12, http)), ipv6(1, 2, 17, udp(1234, 53, dns)), ipv6(1, 2, 58, cat([]byte{128, 0}, zeros(20))),
		ipv6(1, 2, 58, cat([]byte{135, 0}, zeros(22))), ipv6(1, 2, 44, frag6(6, 1, tcp(1234, 80, 2, nil))), ipv6(1, 2, 44, frag6(17, 0x100, zeros(30))), ipv6(1, 2, 0, cat([]byte{58, 0}, zeros(6), []byte{143, 0}, zeros(10))),
		ipv6(1, 2, 132, cat(u16(80, 1234), zeros(20))), ipv6(1, 2, 17, udp(4000, 6081, geneve(1, 0x6558, inner))), ipv6(1, 2, 17, udp(4000, 4789, cat([]byte{8, 0, 0, 0, 0, 0, 11, 0}, inner))), ipv6(1, 2, 59, nil),
	} {
		p[24] = 0x20
		ip4 = append(ip4, network{0x86dd, p})
	}
	mc := ipv6(1, 2, 17, udp(5353, 5353, dns))
	mc[24] = 0xff
	isis := cat([]byte{0x83, 27, 1, 0}, []byte{15, 1, 0, 0}, zeros(20))
	dn := cat(u16(0x1200), []byte{0x06}, zeros(6), []byte{0x0f, 0x28}, zeros(20))
	return append(ip4, network{0x86dd, mc}, network{0x806, arp(1)}, network{0x806, arp(2)}, network{0x8035, arp(3)},
		network{0x8100, cat(u16(5, 0x800), ip4[0].data)}, network{0x8100, cat(u16(0x2006, 0x86dd), mc)}, network{0x88a8, cat(u16(100, 0x8100, 200, 0x800), ip4[5].data)},
		network{0x9100, cat(u16(5, 0x8100, 6, 0x806), arp(1))}, network{0x8100, cat(u16(5, 0x8864), []byte{0x11, 0}, u16(0x27, 42, 0x21), ip4[0].data)}, network{0x8100, cat(u16(5, 0x8847), u32(7<<12|0x100), ip4[0].data)},
		network{0x8847, cat(u32(7<<12|0x1ff), ip4[0].data)}, network{0x8847, cat(u32(7<<12|0xff), u32(8<<12|0x1ff), ip4[5].data)}, network{0x8847, cat(u32(1000<<12|0x1ff), mc)}, network{0x281, cat(u32(7<<12|0x1ff), ip4[0].data)},
		network{0x8864, cat([]byte{0x11, 0}, u16(0x27, 42, 0x21), ip4[0].data)}, network{0x8864, cat([]byte{0x11, 0}, u16(0x28, 42, 0x57), mc)}, network{0x8864, cat([]byte{0x11, 0}, u16(0x27, 6, 0xc021), zeros(6))}, network{0x8864, cat([]byte{0x11, 0}, u16(0x27, 42, 0x281), u32(7<<12|0x1ff), ip4[0].data)},
		network{0x8863, cat([]byte{0x11, 9}, zeros(20))}, network{0x809b, zeros(20)}, network{0x80f3, zeros(28)}, network{0x8137, zeros(30)}, network{0x6003, dn}, network{0x6004, zeros(46)}, network{0x88cc, zeros(46)}, network{0x9000, zeros(46)},
		network{0xfe, cat([]byte{0xfe, 0xfe, 3}, isis)}, network{0xfe, cat([]byte{0xfe, 0xfe, 3, 0x81}, zeros(20))}, network{0x42, cat([]byte{0x42, 0x42, 3}, zeros(35))}, network{0xe0, cat([]byte{0xe0, 0xe0, 3}, zeros(30))},
		network{0xf0, cat([]byte{0xf0, 0xf0, 0x03}, zeros(30))}, network{0xff, cat([]byte{0xff, 0xff, 0, 34}, zeros(30))}, network{0x06, cat([]byte{6, 6, 3}, ip4[0].data)}, network{0xaa, cat([]byte{0xaa, 0xaa, 3, 0, 0, 0}, u16(0x800), ip4[0].data)},
		network{0xaa, cat([]byte{0xaa, 0xaa, 3, 8, 0, 7}, u16(0x809b), zeros(20))}, network{0xaa, cat([]byte{0xaa, 0xaa, 3, 0, 0, 0}, u16(0x8137), zeros(20))}, network{0xaa, cat([]byte{0x42, 0x42, 0x01}, zeros(20))}, network{0xaa, cat([]byte{4, 4, 0x05}, zeros(20))},
		network{0x0600, zeros(10)}, network{0x800, nil}, network{0x86dd, zeros(3)})
}

func ether(proto int) []byte {
	return cat([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, u16(proto))
}

// frames wraps a network packet for a link type, in every form that the link type has for it.
func frames(linkType int, n network) [][]byte {
	llc := n.data
	isLLC := n.proto <= 1500
	if !isLLC {
		llc = cat([]byte{0xaa, 0xaa, 3, 0, 0, 0}, u16(n.proto), n.data)
	}
	one := func(parts ...[]byte) [][]byte { return [][]byte{cat(parts...)} }
	ppp := map[int]int{0x800: 0x21, 0x86dd: 0x57, 0x809b: 0x29, 0x6003: 0x27, 0xfe: 0x23, 0x42: 0x31, 0xe0: 0x2b}[n.proto]
	if ppp == 0 {
		ppp = n.proto
	}
	af := map[int]int{0x800: 2, 0x86dd: 24}[n.proto]
	le := func(v int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }
	switch linkType {
	case 1:
		if isLLC {
			return one(ether(len(n.data)), n.data)
		}
		bc := cat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1}, u16(n.proto), n.data)
		mc := cat([]byte{1, 0, 0x5e, 0, 0, 5, 2, 0, 0, 0, 0, 2}, u16(n.proto), n.data)
		return [][]byte{cat(ether(n.proto), n.data), bc, mc, cat(ether(len(llc)), llc)}
	case 0:
		out := one(le(af), n.data)
		if af == 24 {
			out = append(out, cat(le(28), n.data), cat(le(30), n.data), cat(le(10), n.data))
		}
		return append(out, cat(u32(af), n.data))
	case 108:
		return [][]byte{cat(u32(af), n.data), cat(le(af), n.data)}
	case 101, 228, 229:
		return one(n.data)
	case 113, 276:
		return cooked(linkType, n, isLLC)
	case 9, 50:
		return [][]byte{cat([]byte{0xff, 3}, u16(ppp), n.data), cat(u16(ppp), n.data)}
	case 51:
		return one([]byte{0x11, 0}, u16(0x27, len(n.data)+2, ppp), n.data)
	case 104:
		p := n.proto
		if p == 0xfe {
			p = 0xfefe
		}
		return one([]byte{0x0f, 0}, u16(p), n.data)
	case 10:
		return one([]byte{0x50, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, llc)
	case 6:
		return one([]byte{0x10, 0x40, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, llc)
	case 107:
		nlpid := map[int]int{0x800: 0xcc, 0x86dd: 0x8e, 0xfe: 0x83}[n.proto]
		return one([]byte{0x18, 0x41, 3, byte(nlpid)}, n.data)
	case 100:
		return one(llc)
	case 105, 127, 163, 192, 119:
		return wirelessFrames(linkType, llc)
	}
	return one(n.data)
}

// cooked frames come in all four packet types.
func cooked(linkType int, n network, isLLC bool) [][]byte {
	proto := n.proto
	if isLLC {
		proto = 4
		if n.proto == 0xff {
			proto = 1
		}
	}
	var out [][]byte
	for pt := range 5 {
		if pt > 0 && pt != 4 && n.proto != 0x800 {
			continue
		}
		if linkType == 113 {
			out = append(out, cat(u16(pt, 1, 6), []byte{2, 0, 0, 0, 0, 1, 0, 0}, u16(proto), n.data))
		} else {
			out = append(out, cat(u16(proto, 0), u32(2), u16(1), []byte{byte(pt), 6, 2, 0, 0, 0, 0, 1, 0, 0}, n.data))
		}
	}
	return out
}

// wirelessFrames are 802.11 frames of several types and directions with radio headers of several lengths.
func wirelessFrames(linkType int, llc []byte) [][]byte {
	a1, a2, a3, a4 := []byte{2, 0, 0, 0, 0, 1}, []byte{2, 0, 0, 0, 0, 2}, []byte{2, 0, 0, 0, 0, 3}, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	seq := []byte{0x10, 0}
	macs := [][]byte{
		cat([]byte{0x08, 0x01, 0, 0}, a1, a2, a3, seq, llc), cat([]byte{0x08, 0x02, 0, 0}, a4, a2, a1, seq, llc), cat([]byte{0x08, 0x00, 0, 0}, a1, a2, a3, seq, llc),
		cat([]byte{0x88, 0x01, 0, 0}, a1, a2, a3, seq, []byte{0, 0}, llc), cat([]byte{0x88, 0x02, 0, 0}, a1, a2, a3, seq, []byte{0, 0, 0, 0}, llc), cat([]byte{0x08, 0x03, 0, 0}, a1, a2, a3, seq, a1, llc),
	}
	if len(llc)%5 == 0 {
		macs = append(macs, cat([]byte{0x80, 0, 0, 0}, a4, a1, a1, seq, zeros(20)), cat([]byte{0x40, 0, 0, 0}, a1, a2, a3, seq, zeros(20)), cat([]byte{0xd4, 0, 0, 0}, a1), cat([]byte{0xc4, 0, 0, 0}, a1), cat([]byte{0xb4, 0, 0, 0}, a1, a2), cat([]byte{0x84, 0, 0, 0}, a1, a2, zeros(4)), cat([]byte{0x48, 1, 0, 0}, a1, a2, a3, seq))
	}
	var out [][]byte
	for i, m := range macs {
		switch linkType {
		case 105:
			out = append(out, m)
		case 127:
			out = append(out, cat([]byte{0, 0, 8, 0, 0, 0, 0, 0}, m), cat([]byte{0, 0, 18, 0, 0x2e, 0x48, 0, 0, 0x20, 2, 0x6c, 9, 0xa0, 0, 0xa7, 1, 0, 0}, m))
			if i < 4 {
				out = append(out, cat([]byte{0, 0, 24, 0, 0x2f, 0x48, 0, 0}, zeros(8), []byte{0x20}, zeros(7), m), cat([]byte{0, 0, 12, 0, 2, 0, 0, 0x80}, []byte{0x20, 0, 0, 0}, m), cat([]byte{0, 0, 9, 0, 2, 0, 0, 0, 0x10}, m))
			}
		case 163:
			out = append(out, cat(u32(-0x7fdeefff), u32(64), zeros(56), m))
		case 119:
			out = append(out, cat(u32(0x44), u32(144), zeros(136), m), cat(u32(-0x7fdeefff), u32(64), zeros(56), m))
		case 192:
			out = append(out, cat([]byte{0, 0, 8, 0, 105, 0, 0, 0}, m), cat([]byte{0, 0, 12, 0, 105, 0, 0, 0, 1, 2, 3, 4}, m), cat([]byte{0, 0, 8, 0, 1, 0, 0, 0}, m))
		}
	}
	return out
}

// Packets are the test's own packets for a link type: whole ones, each cut off at several lengths as a small snapshot
// length would, and damaged ones; the same for the same seed.
func Packets(linkType int, seed uint64) []Packet {
	r := rand.New(rand.NewPCG(seed, uint64(linkType)))
	var out []Packet
	for _, n := range networks() {
		for _, f := range frames(linkType, n) {
			out = append(out, Packet{f, len(f)})
			for range 3 {
				if len(f) > 0 {
					out = append(out, Packet{f[:r.IntN(len(f)+1)], len(f)})
				}
			}
			d := append([]byte(nil), f...)
			for range 1 + r.IntN(4) {
				if len(d) > 0 {
					d[r.IntN(len(d))] = byte(r.Uint32())
				}
			}
			out = append(out, Packet{d, len(d) + r.IntN(3)})
		}
	}
	return out
}
