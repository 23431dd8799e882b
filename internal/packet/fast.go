package packet

import "encoding/binary"

// mayTunnel marks the low bytes of the UDP ports that lead into a tunnel. It only keeps
// most packets from the full question.
var mayTunnel = func() (t [256]bool) {
	for port := range 1 << 16 {
		if tunnelStep(uint16(port)) != stepEnd {
			t[port&0xff] = true
		}
	}
	return t
}()

// Where the IP header stands in plain packets: behind Ethernet, and one VLAN tag.
const (
	plainIP  = 14
	taggedIP = plainIP + 4
)

// plain fills s when the packet is Ethernet, at most one VLAN tag, IPv4 without options that
// is no fragment or IPv6 without extension headers, and a whole TCP or UDP header that leads
// into no tunnel. Otherwise it returns false and has changed nothing. What it fills in is
// what the walk would have found.
func plain(data []byte, s *Summary) bool {
	if len(data) < plainIP+20+8 {
		return false
	}
	// EtherType, version and IPv4's header length in one look.
	switch head := binary.BigEndian.Uint32(data[12:]) >> 8; {
	case head == etherIPv4<<8|0x45:
		return plain4(data, plainIP, NoVLAN, s)
	case head>>4 == etherIPv6<<4|6:
		return plain6(data, plainIP, NoVLAN, s)
	case head>>8 == etherVLAN && len(data) >= taggedIP+20+8:
		vlan := binary.BigEndian.Uint16(data[14:]) & 0x0fff
		switch head = binary.BigEndian.Uint32(data[16:]) >> 8; {
		case head == etherIPv4<<8|0x45:
			return plain4(data, taggedIP, vlan, s)
		case head>>4 == etherIPv6<<4|6:
			return plain6(data, taggedIP, vlan, s)
		}
	}
	return false
}

// plain4 is plain for IPv4 at an offset, with room for the header and eight bytes.
func plain4(data []byte, at uint32, vlan uint16, s *Summary) bool {
	b := data[at : at+20+8]
	if b[6]&0x3f|b[7] != 0 { // a fragment
		return false
	}
	total := uint32(binary.BigEndian.Uint16(b[2:]))
	if total < 28 || !plainAbove(data, at+20, total-20, b[9], s) {
		return false
	}
	ports := binary.BigEndian.Uint32(b[20:])
	s.Outer.plain4(b, ports)
	s.Inner.plain4(b, ports)
	s.EtherType, s.VLAN = etherIPv4, vlan
	return true
}

// plain6 is plain for IPv6 at an offset.
func plain6(data []byte, at uint32, vlan uint16, s *Summary) bool {
	if uint32(len(data)) < at+40+8 {
		return false
	}
	b := data[at : at+40+8]
	length := uint32(binary.BigEndian.Uint16(b[4:]))
	if length < 8 || !plainAbove(data, at+40, length, b[6], s) {
		return false
	}
	ports := binary.BigEndian.Uint32(b[40:])
	s.Outer.plain6(b, ports)
	s.Inner.plain6(b, ports)
	s.EtherType, s.VLAN = etherIPv6, vlan
	return true
}

// plainAbove fills in what a plain TCP or UDP header at an offset says, of which at least
// eight bytes are there; length is that of header and payload by the IP header. Otherwise
// it returns false and has changed nothing.
func plainAbove(data []byte, at, length uint32, proto uint8, s *Summary) bool {
	captured := uint32(len(data))
	if at+length > max(s.WireLen, captured) {
		return false
	}
	captured = min(captured, at+length)
	b := data[at : at+8]
	src, dst := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	var headerLen, payloadLen uint32
	switch proto {
	case ProtoTCP:
		if captured < at+20 {
			return false
		}
		t := data[at : at+20]
		headerLen = uint32(t[12]>>4) * 4
		if headerLen < 20 || at+headerLen > captured {
			return false
		}
		payloadLen = length - headerLen
		s.Seq, s.Ack = binary.BigEndian.Uint32(t[4:]), binary.BigEndian.Uint32(t[8:])
		s.TCPFlags, s.Window = binary.BigEndian.Uint16(t[12:])&0x0fff, binary.BigEndian.Uint16(t[14:])
	case ProtoUDP:
		said := uint32(binary.BigEndian.Uint16(b[4:]))
		if said < 8 || said > length || mayTunnel[src&0xff] || mayTunnel[dst&0xff] {
			return false
		}
		headerLen, payloadLen = 8, said-8
		s.Seq, s.Ack, s.TCPFlags, s.Window = 0, 0, 0, 0
	default:
		return false
	}
	s.PayloadOff, s.PayloadLen = at+headerLen, payloadLen
	s.OuterPayloadOff, s.OuterPayloadLen = at+headerLen, payloadLen
	s.Depth = 1
	s.Outcome = OutcomeTransport
	s.Flags = 0
	if s.CapLen < s.WireLen {
		s.Flags = Truncated
	}
	return true
}

// plain4 fills t from an IPv4 header b and the ports behind it. Each tuple is written from
// the bytes: a copy of one that was written a moment ago, in smaller pieces, makes the
// processor wait.
func (t *Tuple) plain4(b []byte, ports uint32) {
	t.Src.set4(b[12:16])
	t.Dst.set4(b[16:20])
	t.SrcPort, t.DstPort = uint16(ports>>16), uint16(ports)
	t.Version, t.Proto, t.Flags = 4, b[9], TupleHasPorts
}

// plain6 does the same from an IPv6 header.
func (t *Tuple) plain6(b []byte, ports uint32) {
	t.Src, t.Dst = Addr(b[8:24]), Addr(b[24:40])
	t.SrcPort, t.DstPort = uint16(ports>>16), uint16(ports)
	t.Version, t.Proto, t.Flags = 6, b[6], TupleHasPorts
}

// set4 makes a the IPv4 address b, as [AddrFrom4] does, in two pieces.
func (a *Addr) set4(b []byte) {
	binary.LittleEndian.PutUint64(a[:8], 0)
	binary.LittleEndian.PutUint64(a[8:], 0xffff_0000|uint64(binary.LittleEndian.Uint32(b))<<32)
}

// set copies o, in the pieces in which it was written.
func (t *Tuple) set(o *Tuple) {
	t.Src.set(&o.Src)
	t.Dst.set(&o.Dst)
	t.SrcPort, t.DstPort = o.SrcPort, o.DstPort
	t.Version, t.Proto, t.Flags = o.Version, o.Proto, o.Flags
}

func (a *Addr) set(b *Addr) {
	binary.LittleEndian.PutUint64(a[:8], binary.LittleEndian.Uint64(b[:8]))
	binary.LittleEndian.PutUint64(a[8:], binary.LittleEndian.Uint64(b[8:]))
}
