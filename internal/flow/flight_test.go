package flow

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// What is on its way, as tshark 4.0.17 counts it.
func TestReach(t *testing.T) {
	type seg struct{ seq, len uint32 }
	for _, c := range []struct {
		name string
		base uint32
		segs []seg
		ack  uint32
		want uint32 // highest less lowest, from base without sign
	}{
		{"in order", 100, []seg{{101, 10}, {111, 10}}, 101, 20},
		{"partly acknowledged", 100, []seg{{101, 10}, {111, 10}}, 105, 16},
		{"first acknowledged", 100, []seg{{101, 10}, {111, 10}}, 111, 10},
		{"sent again", 100, []seg{{101, 10}, {111, 10}, {101, 10}}, 101, 20},
		{"sent again with more, partly acknowledged", 100, []seg{{101, 10}, {101, 30}}, 111, 20},
		{"out of order", 100, []seg{{111, 10}, {101, 10}}, 101, 20},
		{"past the end of the circle", math.MaxUint32 - 5, []seg{{math.MaxUint32 - 4, 10}}, math.MaxUint32 - 4, 10},
		{"before the first number", 100, []seg{{99, 1}, {101, 10}}, 99, 10},
		{"nothing but before the first number", 100, []seg{{90, 5}}, 90, 5},
	} {
		pool := unackedPool{limit: 100}
		h := half{base: c.base}
		for i, s := range c.segs {
			pool.add(&h, s.seq+s.len, s.len, int64(i), uint64(i+1))
		}
		pool.ack(&h, c.ack)
		low, high := pool.reach(&h)
		if high-low != c.want {
			t.Errorf("%s: from %d to %d: %d, want %d", c.name, low, high, high-low, c.want)
		}
	}
}

// A SYN whose options were cut off still tells the ones that are there.
func TestCutOptions(t *testing.T) {
	header := make([]byte, 40)
	header[12] = 10 << 4
	copy(header[20:], []byte{2, 4, 5, 180, 1, 3, 3, 7})
	o := readSynOptions(header[:28])
	if o.read || o.scale != 7 || o.mss != 1460 {
		t.Errorf("%+v", o)
	}
	s := packet.Summary{Outcome: packet.OutcomeTruncated, PayloadOff: 34 + 28}
	if h := tcpHeader(&s, append(make([]byte, 34), header[:28]...)); len(h) != 28 {
		t.Errorf("found %d bytes of the header", len(h))
	}
	copy(header[20:], []byte{1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 11})
	if n, _ := sackedBytes(header[:34]); n != 3 {
		t.Errorf("%d bytes in the blocks that are there", n)
	}
}

// What an answer says about what is on its way, as tshark 4.0.17 has it.
func TestFlightAndAnswers(t *testing.T) {
	const client, server = "10.0.0.1:1000", "10.0.0.2:80"
	sack := func(blocks ...uint32) []byte {
		o := []byte{1, 1, optionSACK, byte(2 + 4*len(blocks))}
		for _, b := range blocks {
			o = binary.BigEndian.AppendUint32(o, b)
		}
		return o
	}
	var sc scene
	var want []uint32
	sent := func(seq uint32, flight uint32) {
		sc.add(segment{src: client, dst: server, flags: "A", seq: seq, ack: 500, window: 100, length: 100})
		want = append(want, flight)
	}
	answered := func(flags string, ack uint32, options []byte) {
		sc.add(segment{src: server, dst: client, flags: flags, seq: 500, ack: ack, window: 100, options: options})
		want = append(want, 0)
	}
	sent(1000, 100)
	sent(1100, 200)
	answered("A", 1000, sack(1010, 1020, 1030, 1040, 1050, 1060))
	sent(1200, 300-30)
	answered("A", 1000, sack(1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080)) // the fourth does not count
	sent(1300, 400-30)
	answered("A", 1400, nil)
	sent(1500, 0) // a segment is missing before it
	answered("R", 0, nil)
	sent(1600, 0)
	answered("A", 1600, nil)
	sent(1700, 200)
	for i, n := range sc.apply(NewTable(Options{})) {
		if n.InFlight != want[i] {
			t.Errorf("packet %d: %d bytes in flight, want %d", i+1, n.InFlight, want[i])
		}
	}
}
