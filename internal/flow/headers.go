package flow

import (
	"bytes"
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Header is what the Table has to say about a transport header of a packet that is not
// the innermost one: a tunnel's, or one that an ICMP error quotes. It has the stream number
// that tshark gives it; nothing else of it is counted.
type Header struct {
	Row    uint32 // index into the rows of the last Apply
	Stream uint32 // tcp.stream or udp.stream; NoStream: too little of the header was captured

	// Of TCP, as tshark shows a quoted header: numbers as they stand there.
	Seq, Ack    uint32
	Window      uint32 // scaled when the scale is known, bytes
	WindowScale int8   // shift applied to Window; ScaleUnknown, ScaleUnused
	SYN         bool   // the window's scale is not told

	Proto        uint8 // 6 (TCP) or 17 (UDP)
	Quoted       bool
	Timed        bool  // the times are told
	TimeRelative int64 // since the first packet of the stream, ns
	TimeDelta    int64 // since the stream's previous packet, ns
}

// Headers returns what the last Apply found out about headers that Notes do not speak of,
// in the order of the rows and, within a row, of the headers. The slice belongs to the
// Table and is valid until the next Apply.
func (t *Table) Headers() []Header { return t.headers }

// around numbers the conversations of a row's headers that are not the innermost ones.
func (t *Table) around(s *packet.Summary, chunk []byte, n *Note) {
	if tunnelled(s) {
		t.outside(s, n)
	}
	if s.Depth > 2 || s.Flags&packet.Quoted != 0 {
		t.between(s, chunk)
	}
}

// outside gives the UDP conversation of a row's outermost header its number when the
// row's flow came through a tunnel. Its packets are counted in the flow inside the tunnel
// only.
func (t *Table) outside(s *packet.Summary, n *Note) {
	if s.Outer.Proto != protoUDP || s.Outer.Flags&(packet.TupleHasPorts|packet.TupleCut) != packet.TupleHasPorts {
		return
	}
	h := t.conversation(&s.Outer, s, true)
	h.Timed = true
	n.OuterStream = h.Stream
	t.headers = append(t.headers, h)
}

// conversation gives a tuple seen in a row its stream number when nothing was seen of it
// before. timed says that the next packet's udp.time_delta or tcp.time_delta counts from this one.
func (t *Table) conversation(q *packet.Tuple, s *packet.Summary, timed bool) Header {
	k, side := makeKey(q)
	hash := t.hash.sum(&k)
	r, i := t.find(&k, hash)
	if r == nil {
		like := packet.Summary{Time: s.Time, Inner: *q}
		r, i = t.place(&k, hash, &like, side)
	}
	h := Header{
		Row: t.row, Proto: q.Proto, Stream: r.stream, WindowScale: r.half[side].scale,
		TimeRelative: s.Time - r.born, TimeDelta: s.Time - r.last,
	}
	if timed {
		t.mention(r, i, s.Time)
	}
	r.bits |= bitRef
	return h
}

// mention notes the time of a packet that is not the flow's own, but has to do with the conversation:
// the flow ends no later for it.
func (t *Table) mention(r *record, i uint32, at int64) {
	latest := t.latest(r, i)
	t.stamp(r, i, at)
	if r.bits&bitLive == 0 || t.latest(r, i) == latest {
		return
	}
	if r.bits&bitLate == 0 && len(t.late) >= int(t.limit/lateShare) {
		t.c.LateLost++
		return
	}
	if t.late == nil {
		t.late = map[uint32]heardAt{}
	}
	t.late[i] = heardAt{clock: t.clock.now, latest: latest}
	r.bits |= bitLate
}

// between numbers the tunnels inside of the outermost one, and what an ICMP error quotes:
// there is no transport header of the row's own then. Rows do not say where these headers
// stand, so the packet is walked through once more.
func (t *Table) between(s *packet.Summary, chunk []byte) {
	p := t.walk(s, chunk)
	if p == nil {
		return
	}
	var ip *packet.Layer
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		switch l.Kind {
		case packet.KindIPv4, packet.KindIPv6:
			ip = l
		case packet.KindTCP, packet.KindUDP:
			own := i == int(p.Transport) || i == int(p.InnerTransport)
			if ip == nil || own {
				continue
			}
			t.header(p, ip, l, s)
		}
	}
}

// walk decodes a row from its outermost IP header on, which is found by its addresses.
// It returns nil when it is not there, or comes from fragments put together.
func (t *Table) walk(s *packet.Summary, chunk []byte) *packet.Packet {
	if s.Flags&packet.Reassembled != 0 || (s.Outer.Flags|s.Inner.Flags)&packet.TupleFragment != 0 {
		return nil
	}
	at, link := outermost(&s.Outer, captured(s, chunk))
	if at < 0 {
		return nil
	}
	if t.decoder == nil {
		t.decoder, t.packetInHand = packet.NewDecoder(), new(packet.Packet)
	}
	p := t.packetInHand
	p.Number, p.Time, p.Link = s.Number, s.Time, link
	p.Data = captured(s, chunk)[at:]
	p.WireLen = s.WireLen - uint32(at)
	t.decoder.Decode(p)
	return p
}

// outermost finds an IP header by its addresses and returns where it starts, -1 when it is
// not there, and the link type of a packet that starts with it.
func outermost(o *packet.Tuple, data []byte) (at int, link packet.LinkType) {
	var pattern [32]byte
	want, back := pattern[:], 8
	link = packet.LinkIPv6
	if o.Version == 4 {
		want, back = pattern[:8], 12
		link = packet.LinkIPv4
		copy(want, o.Src[12:])
		copy(want[4:], o.Dst[12:])
	} else {
		copy(want, o.Src[:])
		copy(want[16:], o.Dst[:])
	}
	at = bytes.Index(data, want) - back
	if o.Version == 0 || at < 0 || data[at]>>4 != o.Version {
		return -1, 0
	}
	return at, link
}

// header notes a transport header l above ip.
func (t *Table) header(p *packet.Packet, ip, l *packet.Layer, s *packet.Summary) {
	b, addresses := p.Header(l), p.Header(ip)
	h := Header{Row: t.row, Stream: NoStream, Proto: protoUDP}
	if l.Kind == packet.KindTCP {
		h.Proto = protoTCP
	}
	if len(b) < 8 || h.Proto == protoTCP && len(b) < 16 && ip.Kind == packet.KindIPv6 {
		return // what ICMP had to quote of old: tshark shows the number that stands in it
	}
	seq, quoted := binary.BigEndian.Uint32(b[4:]), l.Flags&packet.LayerQuoted != 0
	if h.Proto == protoUDP || len(b) >= 16 {
		q := packet.Tuple{Version: 6, Proto: h.Proto, Flags: packet.TupleHasPorts, SrcPort: binary.BigEndian.Uint16(b), DstPort: binary.BigEndian.Uint16(b[2:])}
		if ip.Kind == packet.KindIPv4 {
			q.Version = 4
			q.Src, q.Dst = packet.AddrFrom4([4]byte(addresses[12:])), packet.AddrFrom4([4]byte(addresses[16:]))
		} else {
			q.Src, q.Dst = packet.Addr(addresses[8:]), packet.Addr(addresses[24:])
		}
		h = t.conversation(&q, s, !quoted || h.Proto == protoTCP)
	}
	h.Quoted = quoted
	h.Timed = !h.Quoted || h.Proto == protoTCP && len(b) >= 20
	if h.Proto == protoTCP {
		h.Seq = seq
		if len(b) >= 16 {
			h.Ack, h.Window = binary.BigEndian.Uint32(b[8:]), uint32(binary.BigEndian.Uint16(b[14:]))
			h.SYN = b[13]&flagSYN != 0
			if h.WindowScale > 0 && !h.SYN {
				h.Window <<= uint(h.WindowScale)
			}
		}
	}
	t.headers = append(t.headers, h)
}
