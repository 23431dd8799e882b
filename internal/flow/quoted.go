package flow

import (
	"bytes"
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// IP protocol numbers and message types of errors that quote a packet (RFC 792,
// RFC 4443).
const (
	protoICMP   = 1
	protoICMPv6 = 58
)

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

// quoted finds the tuple that the ICMP error of an IP header quotes, by looking for that
// header's addresses in the captured bytes. ok is false when there is none, or too little
// of it to tell the stream: TCP's first 16 bytes, UDP's 8.
func quoted(outer *packet.Tuple, data []byte) (q packet.Tuple, ok bool) {
	switch {
	case outer.Version == 4 && outer.Proto == protoICMP:
		pattern := append(append(make([]byte, 0, 8), outer.Src[12:]...), outer.Dst[12:]...)
		at := bytes.Index(data, pattern) - 12
		if at < 0 || data[at]>>4 != 4 {
			return q, false
		}
		return quotedIPv4(data[at:])
	case outer.Version == 6 && outer.Proto == protoICMPv6:
		pattern := append(append(make([]byte, 0, 32), outer.Src[:]...), outer.Dst[:]...)
		at := bytes.Index(data, pattern) - 8
		if at < 0 || data[at]>>4 != 6 || data[at+6] != protoICMPv6 {
			return q, false
		}
		return quotedIPv6(data[at:])
	}
	return q, false
}

// quotedIPv4 reads an IPv4 packet with an ICMP error in it.
func quotedIPv4(b []byte) (q packet.Tuple, ok bool) {
	n := int(b[0]&15) * 4
	if len(b) < n+8+20 || n < 20 || !quotes(4, b[n]) {
		return q, false
	}
	b = b[n+8:]
	n = int(b[0]&15) * 4
	if b[0]>>4 != 4 || n < 20 || len(b) < n || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return q, false
	}
	q.Version, q.Proto = 4, b[9]
	q.Src = packet.AddrFrom4([4]byte(b[12:]))
	q.Dst = packet.AddrFrom4([4]byte(b[16:]))
	return withPorts(q, b[n:])
}

// quotedIPv6 reads an IPv6 packet with an ICMPv6 error in it. Extension headers in the
// quoted packet are not followed.
func quotedIPv6(b []byte) (q packet.Tuple, ok bool) {
	if len(b) < 40+8+40 || !quotes(6, b[40]) {
		return q, false
	}
	b = b[48:]
	if b[0]>>4 != 6 {
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
