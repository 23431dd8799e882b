package packet

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// frame puts the parts of a packet together.
func frame(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// eth returns an Ethernet header.
func eth(t uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, t)
}

// ip4 returns an IPv4 header for n bytes of payload.
func ip4(proto uint8, n int) []byte {
	b := []byte{0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	binary.BigEndian.PutUint16(b[2:], uint16(20+n))
	return b
}

// ip6 returns an IPv6 header for n bytes of payload.
func ip6(proto uint8, n int) []byte {
	b := make([]byte, 40)
	b[0], b[6], b[7] = 0x60, proto, 64
	binary.BigEndian.PutUint16(b[4:], uint16(n))
	src, dst := netip.MustParseAddr("2001:db8::1").As16(), netip.MustParseAddr("2001:db8::2").As16()
	copy(b[8:], src[:])
	copy(b[24:], dst[:])
	return b
}

// tcpHeader returns a TCP header without options: 1000 to 80, PSH and ACK.
func tcpHeader() []byte {
	return []byte{3, 232, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0}
}

// udpHeader returns a UDP header for n bytes of payload.
func udpHeader(src, dst uint16, n int) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint16(b[4:], uint16(8+n))
	return b
}

func TestSummarizePlain(t *testing.T) {
	d := NewDecoder()
	data := frame(eth(0x0800), ip4(6, 25), tcpHeader(), []byte("hello"))
	s := Summary{CapLen: uint32(len(data)), WireLen: uint32(len(data))}
	d.Summarize(data, &s, LinkEthernet)
	if s.Outcome != OutcomeTransport || s.Outer != s.Inner || s.Outer.Proto != 6 || s.Outer.SrcPort != 1000 ||
		s.Outer.DstPort != 80 || s.Seq != 1 || s.Ack != 2 || s.Window != 256 || s.TCPFlags != 0x18 ||
		s.PayloadLen != 5 || s.PayloadOff != 54 || s.Outer.Version != 4 || s.VLAN != NoVLAN {
		t.Errorf("got %+v", s)
	}
	if got := s.Outer.Src.Netip(4).String(); got != "10.0.0.1" {
		t.Errorf("source %s", got)
	}
}
