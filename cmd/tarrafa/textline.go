package main

import (
	"strconv"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// appendText appends a packet as one line, in the manner of tcpdump -n.
func appendText(dst []byte, s *packet.Summary) []byte {
	dst = strconv.AppendUint(dst, s.Number, 10)
	dst = append(dst, ' ')
	dst = time.Unix(0, s.Time).AppendFormat(dst, "2006-01-02 15:04:05.000000")
	switch s.Direction {
	case packet.DirectionSent:
		dst = append(dst, " ▲ "...)
	case packet.DirectionReceived:
		dst = append(dst, " ▼ "...)
	default:
		dst = append(dst, "   "...)
	}
	t := &s.Outer
	if t.Version == 0 {
		dst = append(dst, "ethertype 0x"...)
		for shift := 12; shift >= 0; shift -= 4 {
			dst = append(dst, "0123456789abcdef"[s.EtherType>>shift&15])
		}
		return appendRest(dst, s)
	}
	dst = appendTuple(dst, t)
	if s.Inner != s.Outer {
		dst = append(dst, " ("...)
		dst = appendTuple(dst, &s.Inner)
		dst = append(dst, ')')
		t = &s.Inner
	}
	if t.Proto == packet.ProtoTCP && t.Flags&packet.TupleHasPorts != 0 {
		dst = append(dst, " ["...)
		dst = appendTCPFlags(dst, s.TCPFlags)
		dst = append(dst, "] seq "...)
		dst = strconv.AppendUint(dst, uint64(s.Seq), 10)
		dst = append(dst, " ack "...)
		dst = strconv.AppendUint(dst, uint64(s.Ack), 10)
		dst = append(dst, " win "...)
		dst = strconv.AppendUint(dst, uint64(s.Window), 10)
	}
	if t.Flags&packet.TupleHasPorts != 0 {
		dst = append(dst, " payload "...)
		dst = strconv.AppendUint(dst, uint64(s.PayloadLen), 10)
	}
	return appendRest(dst, s)
}

func appendRest(dst []byte, s *packet.Summary) []byte {
	dst = append(dst, " length "...)
	dst = strconv.AppendUint(dst, uint64(s.WireLen), 10)
	if s.VLAN != packet.NoVLAN {
		dst = append(dst, " vlan "...)
		dst = strconv.AppendUint(dst, uint64(s.VLAN), 10)
	}
	switch s.Outcome {
	case packet.OutcomeFragment, packet.OutcomeTruncated, packet.OutcomeMalformed, packet.OutcomeTooDeep, packet.OutcomeLinkType:
		dst = append(dst, " ["...)
		dst = append(dst, s.Outcome.String()...)
		dst = append(dst, ']')
	}
	return append(dst, '\n')
}

func appendTuple(dst []byte, t *packet.Tuple) []byte {
	dst = append(dst, protocolName(t.Proto)...)
	dst = append(dst, ' ')
	dst = appendEndpoint(dst, t.Src, t.SrcPort, t)
	dst = append(dst, " → "...)
	return appendEndpoint(dst, t.Dst, t.DstPort, t)
}

func appendEndpoint(dst []byte, a packet.Addr, port uint16, t *packet.Tuple) []byte {
	ports := t.Flags&packet.TupleHasPorts != 0
	if ports && t.Version == 6 {
		dst = append(dst, '[')
	}
	dst = a.AppendTo(dst, t.Version)
	if !ports {
		return dst
	}
	if t.Version == 6 {
		dst = append(dst, ']')
	}
	dst = append(dst, ':')
	return strconv.AppendUint(dst, uint64(port), 10)
}

// protocolName is for people: the usual protocols by name, others by number.
func protocolName(proto uint8) string {
	switch proto {
	case packet.ProtoICMP:
		return "ICMP"
	case packet.ProtoICMPv6:
		return "ICMPv6"
	case packet.ProtoSCTP:
		return "SCTP"
	case packet.ProtoTCP, packet.ProtoUDP:
		return packet.ProtoName(proto)
	}
	return "proto " + packet.ProtoName(proto)
}

// appendTCPFlags appends the flags with tcpdump's letters.
func appendTCPFlags(dst []byte, flags uint16) []byte {
	n := len(dst)
	for i, c := range []byte("FSRP.UEW") {
		if flags>>i&1 != 0 {
			dst = append(dst, c)
		}
	}
	if flags>>8&1 != 0 {
		dst = append(dst, 'e')
	}
	if len(dst) == n {
		return append(dst, "none"...)
	}
	return dst
}
