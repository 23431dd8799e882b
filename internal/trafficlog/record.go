package trafficlog

import (
	"crypto/md5"
	"encoding/binary"
	"slices"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// previewLength is how many characters of a printable payload are shown.
const previewLength = 50

// flagsMask takes the nine flags of a TCP header (NS, RFC 3540, to FIN) out of tshark's twelve
// bits.
const flagsMask = 0x1ff

// encoder appends records. Each worker has its own.
type encoder struct {
	opt     *Options
	sides   *sides
	clock   clock
	capture []byte // quoted
	first   fragments

	addresses *addresses

	// Of the batch in hand, without what it refers to afterwards.
	records  []transport
	payloads [][]byte
	sums     [][md5.Size]byte
	hasher   hasher
}

// wants tells whether a packet has a record. It must not depend on anything but the packet
// and the options: a new start counts on it.
func (o *Options) wants(s *packet.Summary) bool {
	if s.Outer.Version == 0 || s.Outer.Proto != packet.ProtoTCP && (!o.UDP || s.Outer.Proto != packet.ProtoUDP) {
		return false
	}
	if s.Outer.Flags&packet.TupleFragment != 0 {
		return s.Outer.Flags&packet.TupleLater == 0
	}
	return s.Outer.Flags&packet.TupleHasPorts != 0
}

// transport is what a record says of the transport header.
type transport struct {
	row          *packet.Summary
	sport, dport uint16
	flags        uint16
	seq, ack     uint32
	window       uint16
	payload      []byte // belongs to the chunk
}

// transportOf returns the transport header of a packet that has a record.
func (e *encoder) transportOf(b *track.Batch, s *packet.Summary) (t transport, ok bool) {
	data := b.Data(s)
	if s.Outer.Flags&packet.TupleFragment != 0 {
		return e.first.transport(linkOf(b.Chunk, s), data, s)
	}
	t = transport{sport: s.Outer.SrcPort, dport: s.Outer.DstPort}
	if s.Outer.Proto == packet.ProtoTCP {
		t.flags, t.seq, t.ack, t.window = s.TCPFlags&flagsMask, s.Seq, s.Ack, s.Window
	}
	if from := uint64(s.OuterPayloadOff); from < uint64(len(data)) {
		t.payload = data[from:min(from+uint64(s.OuterPayloadLen), uint64(len(data)))]
	}
	return t, true
}

// linkOf returns the link type of a packet's interface.
func linkOf(c *segment.Chunk, s *packet.Summary) packet.LinkType {
	if int(s.Interface) < len(c.Interfaces) {
		return c.Interfaces[s.Interface].Link
	}
	return packet.LinkEthernet
}

// has tells whether the packet has a line.
func (e *encoder) has(b *track.Batch, s *packet.Summary) bool {
	if !e.opt.wants(s) {
		return false
	}
	_, ok := e.transportOf(b, s)
	return ok
}

// lines appends the lines of rows and returns how many. It allocates only when a buffer has
// to grow.
func (e *encoder) lines(dst []byte, b *track.Batch, rows []packet.Summary) ([]byte, int) {
	e.records, e.payloads = e.records[:0], e.payloads[:0]
	for i := range rows {
		s := &rows[i]
		if !e.opt.wants(s) {
			continue
		}
		if t, ok := e.transportOf(b, s); ok {
			t.row = s
			e.records = append(e.records, t)
			if len(t.payload) > 0 {
				e.payloads = append(e.payloads, t.payload)
			}
		}
	}
	if n := len(e.payloads); n > cap(e.sums) {
		e.sums = make([][md5.Size]byte, n, 2*n)
	}
	sums := e.sums[:len(e.payloads)]
	e.hasher.sums(sums, e.payloads)
	for i := range e.records {
		t := &e.records[i]
		if len(t.payload) > 0 {
			dst = e.append(dst, b.Chunk, t, &sums[0])
			sums = sums[1:]
		} else {
			dst = e.append(dst, b.Chunk, t, nil)
		}
	}
	n := len(e.records)
	clear(e.records)
	clear(e.payloads)
	return dst, n
}

// append appends one line. sum is the payload's.
func (e *encoder) append(dst []byte, c *segment.Chunk, t *transport, sum *[md5.Size]byte) []byte {
	s := t.row
	start := len(dst)
	dst = slices.Grow(dst, longestFields+2*len(t.payload))
	b := dst[start:cap(dst)]

	at := putText(b, textTimestamp)
	at += e.clock.put(b[at:], s.Time)
	if e.sides.sent(s, t) {
		at += putText(b[at:], textSent)
	} else {
		at += putText(b[at:], textReceived)
	}
	at += e.addresses.put(b[at:], &s.Outer.Src, s.Outer.Version)
	at += putText(b[at:], textDst)
	at += e.addresses.put(b[at:], &s.Outer.Dst, s.Outer.Version)
	at += putText(b[at:], textSport)
	at += putUint(b[at:], uint64(t.sport))
	at += putText(b[at:], textDport)
	at += putUint(b[at:], uint64(t.dport))
	if s.Outer.Proto == packet.ProtoTCP {
		at += putText(b[at:], textTCP)
	} else {
		at += putText(b[at:], textUDP)
	}
	at += putUint(b[at:], uint64(t.flags))
	at += putText(b[at:], textLen)
	at += putUint(b[at:], uint64(len(t.payload)))
	if len(t.payload) == 0 {
		at += copy(b[at:], `, "payload_hex": "", "payload_ascii_preview": "", "payload_hash": ""`)
	} else {
		at += putText(b[at:], textHex)
		at += putHex(b[at:], t.payload)
		at += putText(b[at:], textPreview)
		if printable(t.payload) {
			at += putPreview(b[at:], t.payload[:min(len(t.payload), previewLength)])
		}
		at += putText(b[at:], textHash)
		at += putHex(b[at:], sum[:])
		b[at] = '"'
		at++
	}
	dst = dst[:start+at]
	if e.opt.Extra {
		dst = e.appendExtra(dst, c, s, t)
	}
	return append(dst, "}\n"...)
}

// appendExtra appends what the old watcher did not have.
func (e *encoder) appendExtra(dst []byte, c *segment.Chunk, s *packet.Summary, t *transport) []byte {
	start := len(dst)
	dst = slices.Grow(dst, longestExtra)
	b := dst[start:cap(dst)]

	at := putText(b, textNanoseconds)
	at += e.clock.putNanoseconds(b[at:], s.Time)
	at += putText(b[at:], textCapture)
	at += copy(b[at:], e.capture)
	at += putText(b[at:], textNumber)
	at += putUint(b[at:], s.Number)
	at += putText(b[at:], textWireLen)
	at += putUint(b[at:], uint64(s.WireLen))
	at += putText(b[at:], textInterface)
	if int(s.Interface) < len(c.Interfaces) && c.Interfaces[s.Interface].Name != "" {
		at += len(appendString(b[at:at], c.Interfaces[s.Interface].Name))
	} else {
		at += copy(b[at:], "null")
	}
	at += putText(b[at:], textVLAN)
	if s.VLAN == packet.NoVLAN {
		at += copy(b[at:], "null")
	} else {
		at += putUint(b[at:], uint64(s.VLAN))
	}
	if s.Outer.Proto != packet.ProtoTCP {
		at += copy(b[at:], `, "seq": null, "ack": null, "window": null`)
		return dst[:start+at]
	}
	at += putText(b[at:], textSeq)
	at += putUint(b[at:], uint64(t.seq))
	at += putText(b[at:], textAck)
	at += putUint(b[at:], uint64(t.ack))
	at += putText(b[at:], textWindow)
	at += putUint(b[at:], uint64(t.window))
	return dst[:start+at]
}

// fragments finds the transport header in the first fragment of a packet.
type fragments struct {
	decoder *packet.Decoder
	scratch packet.Packet
}

// transport reads the header behind the outermost IP header. The Summary cannot know it:
// it speaks of the whole datagram, when that is complete.
func (f *fragments) transport(link packet.LinkType, data []byte, s *packet.Summary) (t transport, ok bool) {
	// A decoder of its own for each packet: it must not put the fragments together.
	f.decoder = packet.NewDecoder()
	p := &f.scratch
	p.Data, p.Link, p.WireLen, p.Time = data, link, s.WireLen, s.Time
	f.decoder.Decode(p)
	if p.IP < 0 {
		return t, false
	}
	ip := &p.Layers[p.IP]
	if ip.Flags&packet.LayerReassembled != 0 {
		return t, false
	}
	from, end := uint64(ip.Off)+uint64(ip.Len), uint64(ip.Off)+uint64(ip.Len)+uint64(ip.PayLen)
	for i := int(p.IP) + 1; i < int(p.N) && extension(p.Layers[i].Kind); i++ {
		from = uint64(p.Layers[i].Off) + uint64(p.Layers[i].Len)
	}
	end = min(end, uint64(len(data)))
	if from >= end {
		return t, false
	}
	b := data[from:end]
	header := 8
	if s.Outer.Proto == packet.ProtoTCP {
		if len(b) < 20 {
			return t, false
		}
		header = int(b[12]>>4) * 4
		t.seq, t.ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
		t.flags, t.window = binary.BigEndian.Uint16(b[12:])&flagsMask, binary.BigEndian.Uint16(b[14:])
	}
	if len(b) < 8 {
		return t, false
	}
	t.sport, t.dport = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if header < len(b) {
		t.payload = b[header:]
	}
	return t, true
}

// extension tells whether a header stands between IPv6's and the transport's.
func extension(k packet.Kind) bool {
	switch k {
	case packet.KindHopByHop, packet.KindRouting, packet.KindFragment, packet.KindDestOpts, packet.KindAH:
		return true
	default:
		return false
	}
}
