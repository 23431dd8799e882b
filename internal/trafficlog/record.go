package trafficlog

import (
	"crypto/md5"
	"encoding/binary"
	"strconv"
	"unicode/utf8"

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
	dst = append(dst, `{"timestamp": "`...)
	dst = e.clock.append(dst, s.Time)
	if e.sides.sent(s, t) {
		dst = append(dst, `", "direction": "ENVIADO", "src": "`...)
	} else {
		dst = append(dst, `", "direction": "RECEBIDO", "src": "`...)
	}
	dst = s.Outer.Src.AppendTo(dst, s.Outer.Version)
	dst = append(dst, `", "dst": "`...)
	dst = s.Outer.Dst.AppendTo(dst, s.Outer.Version)
	dst = append(dst, `", "sport": `...)
	dst = strconv.AppendUint(dst, uint64(t.sport), 10)
	dst = append(dst, `, "dport": `...)
	dst = strconv.AppendUint(dst, uint64(t.dport), 10)
	if s.Outer.Proto == packet.ProtoTCP {
		dst = append(dst, `, "protocol": "TCP", "flags": `...)
	} else {
		dst = append(dst, `, "protocol": "UDP", "flags": `...)
	}
	dst = strconv.AppendUint(dst, uint64(t.flags), 10)
	dst = append(dst, `, "len": `...)
	dst = strconv.AppendUint(dst, uint64(len(t.payload)), 10)
	if len(t.payload) == 0 {
		dst = append(dst, `, "payload_hex": "", "payload_ascii_preview": "", "payload_hash": ""`...)
	} else {
		dst = append(dst, `, "payload_hex": "`...)
		dst = appendHex(dst, t.payload)
		dst = append(dst, `", "payload_ascii_preview": "`...)
		if printable(t.payload) {
			dst = appendPreview(dst, t.payload[:min(len(t.payload), previewLength)])
		}
		dst = append(dst, `", "payload_hash": "`...)
		dst = appendHex(dst, sum[:])
		dst = append(dst, '"')
	}
	if e.opt.Extra {
		dst = e.appendExtra(dst, c, s, t)
	}
	return append(dst, "}\n"...)
}

// appendExtra appends what the old watcher did not have.
func (e *encoder) appendExtra(dst []byte, c *segment.Chunk, s *packet.Summary, t *transport) []byte {
	dst = append(dst, `, "time_ns": `...)
	dst = strconv.AppendInt(dst, s.Time, 10)
	dst = append(dst, `, "capture": `...)
	dst = append(dst, e.capture...)
	dst = append(dst, `, "number": `...)
	dst = strconv.AppendUint(dst, s.Number, 10)
	dst = append(dst, `, "wire_len": `...)
	dst = strconv.AppendUint(dst, uint64(s.WireLen), 10)
	dst = append(dst, `, "interface": `...)
	if int(s.Interface) < len(c.Interfaces) && c.Interfaces[s.Interface].Name != "" {
		dst = appendString(dst, c.Interfaces[s.Interface].Name)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `, "vlan": `...)
	if s.VLAN == packet.NoVLAN {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendUint(dst, uint64(s.VLAN), 10)
	}
	if s.Outer.Proto != packet.ProtoTCP {
		return append(dst, `, "seq": null, "ack": null, "window": null`...)
	}
	dst = append(dst, `, "seq": `...)
	dst = strconv.AppendUint(dst, uint64(t.seq), 10)
	dst = append(dst, `, "ack": `...)
	dst = strconv.AppendUint(dst, uint64(t.ack), 10)
	dst = append(dst, `, "window": `...)
	return strconv.AppendUint(dst, uint64(t.window), 10)
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

// longestName caps a name that a file brings along, bytes.
const longestName = 128

// appendString appends a text that a file brought along as a JSON string: valid UTF-8
// whatever it was, and cut where it is too long.
func appendString(dst []byte, s string) []byte {
	s = s[:min(len(s), longestName)]
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029:
			dst = append(dst, `\u`...)
			for shift := 12; shift >= 0; shift -= 4 {
				dst = append(dst, hexDigits[r>>shift&15])
			}
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
