package packet

import (
	"bytes"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// letters returns n bytes, each telling its place.
func letters(n int, base byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = base + byte(i/8%26)
	}
	return b
}

// datagram8 returns the fragments, of 8 bytes each, of an Ethernet frame with a UDP
// datagram of 40 bytes payload.
func datagram8(id uint16) [][]byte {
	frame := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(1000, 2000, letters(40, 'a'))))
	return packettest.Fragments4(frame, id, 8)
}

// feed gives frames to a decoder, a second apart, and returns the number of the frame
// that completed a datagram and its payload; -1 when none did.
func feed(d *Decoder, frames [][]byte) (int, []byte) {
	done, payload := -1, []byte(nil)
	for i, f := range frames {
		p := Packet{Data: f, WireLen: uint32(len(f)), Link: LinkEthernet, Time: int64(i) * 1e9}
		d.Decode(&p)
		if p.Reassembled != nil {
			done, payload = i, bytes.Clone(p.Payload(&p.Layers[p.Transport]))
		}
	}
	return done, payload
}

func TestFragmentOrders(t *testing.T) {
	f := datagram8(1)
	for _, c := range []struct {
		name   string
		frames [][]byte
		done   int
	}{
		{"in order", f, 5},
		{"backwards", [][]byte{f[5], f[4], f[3], f[2], f[1], f[0]}, 5},
		{"doubled", [][]byte{f[0], f[0], f[1], f[5], f[1], f[2], f[3], f[4], f[4]}, 7},
		{"one missing", [][]byte{f[0], f[1], f[2], f[4], f[5]}, -1},
		{"twice", append(append([][]byte{}, f...), f...), 11},
	} {
		done, payload := feed(NewDecoder(), c.frames)
		if done != c.done {
			t.Errorf("%s: completed by frame %d, want %d", c.name, done, c.done)
		}
		if done >= 0 && !bytes.Equal(payload, letters(40, 'a')) {
			t.Errorf("%s: payload %q", c.name, payload)
		}
	}
}

// TestFragmentOverlap holds the stated policy: the bytes of the fragment that starts
// first stay; of two that start at the same place those of the one that came first.
func TestFragmentOverlap(t *testing.T) {
	f := datagram8(1)
	other := bytes.Clone(f[2])
	copy(other[34:], "OTHEROTH")
	long := packettest.Join(f[1][:34], f[1][34:], []byte("LONGLONG"))
	long[17] += 8
	for _, c := range []struct {
		name   string
		frames [][]byte
		third  string // the bytes at the place of f[2]
	}{
		{"the same place, first", [][]byte{other, f[2], f[0], f[1], f[3], f[4], f[5]}, "OTHEROTH"},
		{"the same place, second", [][]byte{f[2], other, f[0], f[1], f[3], f[4], f[5]}, "bbbbbbbb"},
		{"an earlier start, late", [][]byte{f[2], f[0], f[3], f[4], f[5], long}, "LONGLONG"},
	} {
		done, payload := feed(NewDecoder(), c.frames)
		if done < 0 || string(payload[8:16]) != c.third {
			t.Errorf("%s: frame %d, payload %q", c.name, done, payload)
		}
	}
}

func TestFragmentTuples(t *testing.T) {
	frame4 := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(1000, 2000, letters(3000, 'a'))))
	frame6 := packettest.Ethernet(0x86dd, packettest.IPv6(17, packettest.UDP(1000, 2000, letters(3000, 'a'))))
	for _, c := range []struct {
		name   string
		frames [][]byte
	}{
		{"IPv4", packettest.Fragments4(frame4, 7, 1480)},
		{"IPv6", packettest.Fragments6(frame6, 7, 1448)},
	} {
		d := NewDecoder()
		for i, f := range c.frames {
			s := Summary{CapLen: uint32(len(f)), WireLen: uint32(len(f))}
			d.Summarize(f, &s, LinkEthernet)
			want := TupleFragment
			if i > 0 {
				want |= TupleLater
			}
			outcome, last := OutcomeFragment, i == len(c.frames)-1
			if last {
				outcome = OutcomeTransport
			}
			if i == 0 || last {
				want |= TupleHasPorts
			}
			if s.Outer.Proto != 17 || s.Outer.Flags != want || s.Outcome != outcome || s.Inner != s.Outer {
				t.Errorf("%s fragment %d: %+v, outcome %s", c.name, i, s.Outer, s.Outcome)
			}
			if want&TupleHasPorts != 0 && (s.Outer.SrcPort != 1000 || s.Outer.DstPort != 2000) {
				t.Errorf("%s fragment %d: ports %d, %d", c.name, i, s.Outer.SrcPort, s.Outer.DstPort)
			}
			if last && (s.Flags&Reassembled == 0 || s.PayloadOff != 8 || s.PayloadLen != 3000) {
				t.Errorf("%s: flags %d, payload %d at %d", c.name, s.Flags, s.PayloadLen, s.PayloadOff)
			}
		}
	}
}

// TestFragmentsInFragments puts the outer datagrams together first, then the inner one.
func TestFragmentsInFragments(t *testing.T) {
	inner := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(1000, 2000, letters(2000, 'a'))))
	var frames [][]byte
	for i, f := range packettest.Fragments4(inner, 1, 1000) {
		gre := packettest.Ethernet(0x0800, packettest.IPv4(47, packettest.Join(packettest.Hex("0000 0800"), f[14:])))
		frames = append(frames, packettest.Fragments4(gre, uint16(100+i), 504)...)
	}
	d := NewDecoder()
	var s Summary
	for _, f := range frames {
		s = Summary{CapLen: uint32(len(f)), WireLen: uint32(len(f))}
		d.Summarize(f, &s, LinkEthernet)
	}
	if s.Outcome != OutcomeTransport || s.Inner.SrcPort != 1000 || s.PayloadLen != 2000 || s.Outer.Proto != 47 {
		t.Errorf("outcome %s, inner %+v, payload %d", s.Outcome, s.Inner, s.PayloadLen)
	}
}

// balanced tells whether every fragment is accounted for.
func balanced(c FragmentCounters) bool {
	return c.Fragments == c.Joined+c.Expired+c.Evicted+c.Refused+c.Waiting
}

func TestFragmentLimits(t *testing.T) {
	first := func(id int, size int) []byte {
		frame := packettest.Ethernet(0x0800, packettest.IPv4(17, make([]byte, 2*size)))
		f := packettest.Fragments4(frame, uint16(id), size)[0]
		f[26] = byte(id >> 16)
		return f
	}
	t.Run("count", func(t *testing.T) {
		d := NewDecoder()
		for i := range maxDatagrams + 100 {
			feed(d, [][]byte{first(i, 8)})
		}
		c := d.Counters().Fragments
		if c.Datagrams != maxDatagrams || c.Evicted != 100 || !balanced(c) {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		d := NewDecoder()
		for i := range 2000 {
			feed(d, [][]byte{first(i, 32000)})
		}
		c := d.Counters().Fragments
		if c.Bytes > maxFragmentBytes || c.Evicted == 0 || !balanced(c) {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("pieces", func(t *testing.T) {
		d := NewDecoder()
		for range maxPieces + 10 {
			feed(d, [][]byte{first(1, 8)})
		}
		c := d.Counters().Fragments
		if c.Waiting != maxPieces || c.Refused != 10 || !balanced(c) {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("time", func(t *testing.T) {
		d := NewDecoder()
		f := datagram8(1)
		feed(d, f[:3])
		p := Packet{Data: f[3], WireLen: uint32(len(f[3])), Link: LinkEthernet, Time: 3600e9}
		d.Decode(&p)
		c := d.Counters().Fragments
		if c.Expired != 3 || c.Waiting != 1 || !balanced(c) {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("beyond the largest datagram", func(t *testing.T) {
		d := NewDecoder()
		f := first(1, 16)
		f[20], f[21] = 0x1f, 0xff
		feed(d, [][]byte{f})
		c := d.Counters().Fragments
		if c.Refused != 1 || c.Datagrams != 0 || !balanced(c) {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("cut", func(t *testing.T) {
		d := NewDecoder()
		f := first(1, 64)
		p := Packet{Data: f[:50], WireLen: uint32(len(f)), Link: LinkEthernet}
		d.Decode(&p)
		if c := d.Counters().Fragments; c.Cut != 1 || c.Fragments != 0 {
			t.Errorf("counters %+v", c)
		}
	})
}
