package flow

import (
	"bytes"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// icmpMessage returns the ICMP message of an IP header from the captured bytes, nil when
// it is not there. Rows do not say where IP headers stand, so the header is found by its
// addresses. Extension headers of IPv6 are not followed.
func icmpMessage(t *packet.Tuple, data []byte) []byte {
	switch {
	case t.Version == 4 && t.Proto == protoICMP:
		var pattern [8]byte
		copy(pattern[:4], t.Src[12:])
		copy(pattern[4:], t.Dst[12:])
		at := bytes.Index(data, pattern[:]) - 12
		if at < 0 || data[at]>>4 != 4 {
			return nil
		}
		if n := at + int(data[at]&15)*4; n <= len(data) {
			return data[n:]
		}
	case t.Version == 6 && t.Proto == protoICMPv6:
		var pattern [32]byte
		copy(pattern[:16], t.Src[:])
		copy(pattern[16:], t.Dst[:])
		at := bytes.Index(data, pattern[:]) - 8
		if at < 0 || data[at]>>4 != 6 || data[at+6] != protoICMPv6 {
			return nil
		}
		return data[at+40:]
	}
	return nil
}

// icmpTuple returns the tuple of an ICMP row with type and code in place of ports, as the
// Community ID does it: a request and its answer share one flow, the request's type as
// the client's port and the answer's as the server's.
func icmpTuple(s *packet.Summary, chunk []byte) packet.Tuple {
	t := s.Inner
	message := icmpMessage(&t, captured(s, chunk))
	if s.Flags&packet.Reassembled != 0 || len(message) < 2 {
		return t
	}
	t.SrcPort, t.DstPort = uint16(message[0]), uint16(message[1])
	if peer, paired := icmpPeer(&t); paired {
		t.DstPort = peer
	}
	return t
}

// icmpPeer returns the type that answers an ICMP tuple's. paired is false for messages
// without an answer and for other protocols.
func icmpPeer(t *packet.Tuple) (peer uint16, paired bool) {
	pairs := icmpPairs
	switch t.Proto {
	case protoICMP:
	case protoICMPv6:
		pairs = icmpv6Pairs
	default:
		return 0, false
	}
	for _, p := range pairs {
		switch t.SrcPort {
		case p[0]:
			return p[1], true
		case p[1]:
			return p[0], true
		}
	}
	return 0, false
}

// The messages that are one another's answer (RFC 792, RFC 950, RFC 1256; RFC 4443,
// RFC 4861, RFC 2710, RFC 6275).
var (
	icmpPairs   = [5][2]uint16{{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}}
	icmpv6Pairs = [5][2]uint16{{128, 129}, {133, 134}, {135, 136}, {130, 131}, {144, 145}}
)
