package packet

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// summarize decodes Ethernet frames in order and returns the last one's row.
func summarize(frames ...[]byte) Summary {
	d := NewDecoder()
	var s Summary
	for _, f := range frames {
		s = Summary{CapLen: uint32(len(f)), WireLen: uint32(len(f))}
		d.Summarize(f, &s, LinkEthernet)
	}
	return s
}

// A router on a stick sends the same fragments twice, with another tag.
func TestFragmentsOfTwoVLANs(t *testing.T) {
	whole := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(7, 8, make([]byte, 40))))
	tagged := func(vlan byte, frame []byte) []byte {
		return packettest.Join(frame[:12], []byte{0x81, 0, 0, vlan}, frame[12:])
	}
	parts := packettest.Fragments4(whole, 5, 24)
	s := summarize(tagged(1, parts[0]), tagged(2, parts[0]), tagged(1, parts[1]))
	if s.Flags&Reassembled == 0 || s.Inner.DstPort != 8 {
		t.Errorf("VLAN 1: %+v", s)
	}
	s = summarize(tagged(1, parts[0]), tagged(2, parts[1]))
	if s.Flags&Reassembled != 0 {
		t.Error("fragments of two VLANs were put together")
	}
}

// What a row tells of transport headers that are not whole.
func TestTupleFlags(t *testing.T) {
	segment := packettest.TCP(nil, 2, 4, 5, 180)
	short := packettest.TCP(nil)
	short[12] = 0x40
	for _, c := range []struct {
		name  string
		proto uint8
		data  []byte
		cut   int
		want  TupleFlags
	}{
		{"whole", 6, segment, 24, TupleHasPorts},
		{"options cut", 6, segment, 22, TupleHasPorts},
		{"header cut", 6, segment, 19, TupleHasPorts | TupleCut},
		{"ports only", 6, segment, 4, TupleHasPorts | TupleCut},
		{"says 16 bytes", 6, short, 20, TupleHasPorts | TupleBad},
		{"datagram", 17, packettest.UDP(1, 2), 8, TupleHasPorts},
		{"datagram cut", 17, packettest.UDP(1, 2), 7, TupleHasPorts | TupleCut},
	} {
		frame := packettest.Ethernet(0x0800, packettest.IPv4(c.proto, c.data))
		s := Summary{CapLen: uint32(34 + c.cut), WireLen: uint32(len(frame))}
		NewDecoder().Summarize(frame[:s.CapLen], &s, LinkEthernet)
		if s.Inner.Flags != c.want {
			t.Errorf("%s: flags %b, want %b", c.name, s.Inner.Flags, c.want)
		}
	}
}

// Only with a length in place of a type is the destination that of Cisco's ISL.
func TestISLHasALength(t *testing.T) {
	frame := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(7, 8)))
	copy(frame, []byte{1, 0, 0x0c, 0, 0, 0})
	if s := summarize(frame); s.Inner.DstPort != 8 {
		t.Errorf("an ordinary frame to such an address: %+v", s)
	}
}
