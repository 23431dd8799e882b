package packet

import "encoding/binary"

// Offsets in the plainest packet: Ethernet, IPv4 without options, then TCP or UDP.
const (
	plainIP        = 14
	plainTransport = plainIP + 20
)

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

// plain fills s when the packet is Ethernet, IPv4 without options that is no fragment, and
// a whole TCP or UDP header that leads into no tunnel. Otherwise it returns false and has
// changed nothing. What it fills in is what the walk would have found.
func plain(data []byte, s *Summary) bool {
	if len(data) < plainTransport+8 {
		return false
	}
	b := data[plainIP : plainTransport+8]
	// EtherType, version and header length in one look; then fragments.
	if binary.BigEndian.Uint32(data[12:])>>8 != 0x080045 || b[6]&0x3f|b[7] != 0 {
		return false
	}
	total := uint32(binary.BigEndian.Uint16(b[2:]))
	captured := uint32(len(data))
	if total < 28 || plainIP+total > max(s.WireLen, captured) {
		return false
	}
	captured = min(captured, plainIP+total)
	var headerLen, payloadLen uint32
	src, dst := binary.BigEndian.Uint16(b[20:]), binary.BigEndian.Uint16(b[22:])
	switch b[9] {
	case ProtoTCP:
		if captured < plainTransport+20 {
			return false
		}
		t := data[plainTransport : plainTransport+20]
		headerLen = uint32(t[12]>>4) * 4
		if headerLen < 20 || plainTransport+headerLen > captured {
			return false
		}
		payloadLen = total - 20 - headerLen
		s.Seq, s.Ack = binary.BigEndian.Uint32(t[4:]), binary.BigEndian.Uint32(t[8:])
		s.TCPFlags, s.Window = binary.BigEndian.Uint16(t[12:])&0x0fff, binary.BigEndian.Uint16(t[14:])
	case ProtoUDP:
		length := uint32(binary.BigEndian.Uint16(b[24:]))
		if length < 8 || length > total-20 || captured < plainTransport+8 ||
			mayTunnel[src&0xff] || mayTunnel[dst&0xff] {
			return false
		}
		headerLen, payloadLen = 8, length-8
		s.Seq, s.Ack, s.TCPFlags, s.Window = 0, 0, 0, 0
	default:
		return false
	}
	s.Outer.plain(b, src, dst)
	s.Inner.plain(b, src, dst)
	s.VLAN = NoVLAN
	s.EtherType = etherIPv4
	s.PayloadOff, s.PayloadLen = plainTransport+headerLen, payloadLen
	s.OuterPayloadOff, s.OuterPayloadLen = s.PayloadOff, payloadLen
	s.Depth = 1
	s.Outcome = OutcomeTransport
	s.Flags = 0
	if s.CapLen < s.WireLen {
		s.Flags = Truncated
	}
	return true
}

// plain fills t from an IPv4 header b and its ports. Each tuple is written from the bytes:
// a copy of one that was written a moment ago, in smaller pieces, makes the processor wait.
func (t *Tuple) plain(b []byte, src, dst uint16) {
	t.Src.set4(b[12:16])
	t.Dst.set4(b[16:20])
	t.SrcPort, t.DstPort = src, dst
	t.Version, t.Proto, t.Flags = 4, b[9], TupleHasPorts
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
