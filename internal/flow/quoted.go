package flow

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// quotes reports whether an ICMP message is an error that quotes a packet (RFC 792,
// RFC 4443).
func quotes(version, icmpType uint8) bool {
	if version == 4 {
		switch icmpType {
		case 3, 4, 5, 11, 12:
			return true
		}
		return false
	}
	return icmpType >= 1 && icmpType <= 4
}

// number gives the conversation that an ICMP error quotes its stream number when nothing
// was seen of it, as tshark does. The quoted headers count nowhere else.
func (t *Table) number(s *packet.Summary, chunk []byte) {
	if s.Flags&packet.Quoted == 0 || s.Flags&packet.Reassembled != 0 {
		return
	}
	q, ok := quoted(&s.Inner, captured(s, chunk))
	if !ok {
		return
	}
	k, side := makeKey(&q)
	hash := t.hash.sum(&k)
	if r, _ := t.find(&k, hash); r == nil {
		like := packet.Summary{Time: s.Time, Inner: q}
		t.place(&k, hash, &like, side)
	}
}

// quoted finds the tuple that the ICMP error of an IP header quotes. ok is false when
// there is none, or too little of it to tell the stream: TCP's first 16 bytes, UDP's 8.
func quoted(outer *packet.Tuple, data []byte) (q packet.Tuple, ok bool) {
	message := icmpMessage(outer, data)
	if len(message) < 8 || !quotes(outer.Version, message[0]) {
		return q, false
	}
	if outer.Version == 4 {
		return quotedIPv4(message[8:])
	}
	return quotedIPv6(message[8:])
}

// quotedIPv4 reads a quoted IPv4 header.
func quotedIPv4(b []byte) (q packet.Tuple, ok bool) {
	if len(b) < 20 {
		return q, false
	}
	n := int(b[0]&15) * 4
	if b[0]>>4 != 4 || n < 20 || len(b) < n || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return q, false
	}
	q.Version, q.Proto = 4, b[9]
	q.Src = packet.AddrFrom4([4]byte(b[12:]))
	q.Dst = packet.AddrFrom4([4]byte(b[16:]))
	return withPorts(q, b[n:])
}

// quotedIPv6 reads a quoted IPv6 header. Extension headers are not followed.
func quotedIPv6(b []byte) (q packet.Tuple, ok bool) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return q, false
	}
	q.Version, q.Proto = 6, b[6]
	q.Src, q.Dst = packet.Addr(b[8:]), packet.Addr(b[24:])
	return withPorts(q, b[40:])
}

func withPorts(q packet.Tuple, b []byte) (packet.Tuple, bool) {
	if q.Proto == protoTCP && len(b) < 16 || q.Proto == protoUDP && len(b) < 8 ||
		q.Proto != protoTCP && q.Proto != protoUDP {
		return q, false
	}
	q.SrcPort, q.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	q.Flags = packet.TupleHasPorts
	return q, true
}
