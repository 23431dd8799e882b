package capture

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// frame returns an Ethernet frame of n bytes with an IPv4 UDP datagram to port, numbered i.
func frame(n, i int, port uint16) []byte {
	f := make([]byte, n)
	copy(f, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2})
	binary.BigEndian.PutUint16(f[16:], uint16(n-14))
	binary.BigEndian.PutUint16(f[34:], 4000)
	binary.BigEndian.PutUint16(f[36:], port)
	binary.BigEndian.PutUint16(f[38:], uint16(n-34))
	binary.BigEndian.PutUint32(f[42:], uint32(i))
	for k := 46; k < n; k++ {
		f[k] = byte(k * (i + 1))
	}
	return f
}

// tagged puts a VLAN tag into a copy of f.
func tagged(f []byte, tpid, tci uint16) []byte {
	tag := binary.BigEndian.AppendUint16(nil, tpid)
	return slices.Insert(bytes.Clone(f), 12, binary.BigEndian.AppendUint16(tag, tci)...)
}

func equal(t *testing.T, got []captured, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].data, want[i]) {
			t.Fatalf("packet %d:\n% x, want\n% x", i, got[i].data, want[i])
		}
		if i > 0 && got[i].time < got[i-1].time {
			t.Errorf("packet %d is older than the one before", i)
		}
	}
}

func TestFramesAreTcpdumps(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	d := startTcpdump(t, "-i", "vb", "-s", "2048", "-B", "8192")
	out := newSender(t, "va")
	const n = 2000
	before := time.Now()
	random := rand.New(rand.NewPCG(1, 2))
	var sent [][]byte
	for i := range n {
		f := frame(60+random.IntN(1455), i, 53)
		sent = append(sent, f)
		out.send(t, f)
	}
	got := take(t, s, n)
	got = append(got, drain(t, s)...)
	equal(t, got, sent)
	for i, p := range d.stop(t, n) {
		if !bytes.Equal(p.data, got[i].data) || p.wireLen != got[i].wireLen {
			t.Fatalf("packet %d is not tcpdump's", i)
		}
		// Both sockets take the stamp that the kernel gave the packet when it arrived.
		if p.time != got[i].time {
			t.Fatalf("packet %d: time %d, tcpdump %d", i, got[i].time, p.time)
		}
	}
	if got[0].time < before.UnixNano() || got[n-1].time > time.Now().UnixNano() {
		t.Error("the packets' times are not those of the test")
	}
	if got[0].dir != packet.DirectionReceived {
		t.Errorf("direction %v", got[0].dir)
	}
	c := s.Counters()
	if c.Received != n || c.Delivered != n || c.Dropped != 0 || c.Truncated != 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestVLANTagsArePutBack(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	cut := open(t, Options{Interfaces: []string{"vb"}, SnapLen: 64})
	plain := frame(200, 1, 53)
	sent := [][]byte{
		plain,
		tagged(plain, 0x8100, 0x6123),
		tagged(plain, 0x88a8, 0x0fff),
		tagged(tagged(plain, 0x8100, 7), 0x88a8, 42),
		tagged(tagged(plain, 0x8100, 8), 0x8100, 43),
		tagged(plain, 0x8100, 0), // priority tag: identifier 0
	}
	out := newSender(t, "va")
	for _, f := range sent {
		out.send(t, f)
	}
	got := take(t, s, len(sent))
	equal(t, got, sent)
	for i, p := range got {
		if int(p.wireLen) != len(sent[i]) {
			t.Errorf("frame %d: %d bytes on the wire, want %d", i, p.wireLen, len(sent[i]))
		}
	}
	for i, p := range take(t, cut, len(sent)) {
		if !bytes.Equal(p.data, sent[i][:64]) || int(p.wireLen) != len(sent[i]) {
			t.Errorf("frame %d cut at 64: % x of %d", i, p.data, p.wireLen)
		}
	}
}

func TestSnapLen(t *testing.T) {
	newNetns(t)
	veth(t)
	for _, n := range []int{1, 14, 59, 60, 61, 1 << 20} {
		s := open(t, Options{Interfaces: []string{"vb"}, SnapLen: n})
		f := frame(60, 1, 53)
		newSender(t, "va").send(t, f)
		got := take(t, s, 1)
		equal(t, got, [][]byte{f[:min(60, n)]})
		if got[0].wireLen != 60 {
			t.Errorf("snap length %d: %d bytes on the wire", n, got[0].wireLen)
		}
		if c := s.Counters(); c.Truncated != 0 {
			t.Errorf("snap length %d: wanted cuts counted as truncated", n)
		}
	}
}

func TestSmallBuilderLosesNothing(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}})
	out := newSender(t, "va")
	var sent [][]byte
	for i := range 500 {
		sent = append(sent, frame(60+i, i, 53))
		out.send(t, sent[i])
	}
	var got []captured
	buf := make([]byte, 1024) // fewer bytes than any two of the packets need
	b := segment.NewBuilder(buf)
	for len(got) < len(sent) {
		b.Reset(buf)
		s.Fill(b, time.Second)
		if b.Packets() == 0 {
			break
		}
		got = append(got, parse(t, b.Bytes())...)
	}
	equal(t, got, sent)

	// A packet that even an empty builder does not hold is cut and counted.
	long := frame(1400, 1, 53)
	out.send(t, long)
	b.Reset(buf)
	for b.Packets() == 0 {
		s.Fill(b, time.Second)
	}
	p := parse(t, b.Bytes())[0]
	if len(p.data) < 900 || !bytes.Equal(p.data, long[:len(p.data)]) || p.wireLen != 1400 {
		t.Errorf("%d bytes of %d", len(p.data), p.wireLen)
	}
	if c := s.Counters(); c.Truncated != 1 {
		t.Errorf("counters %+v", c)
	}
}

func TestDropsAreCounted(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb"}, BufferBytes: 2 << 20})
	out := newSender(t, "va")
	const n = 6000 // of about 1.6 kB each in the ring of 2 MiB
	f := frame(1500, 1, 53)
	for range n {
		out.send(t, f)
	}
	before := s.Counters()
	if before.Received != n || before.Dropped == 0 || before.Freezes == 0 || before.Delivered != 0 {
		t.Errorf("with the reader asleep: %+v", before)
	}
	got := drain(t, s)
	c := s.Counters()
	if c.Received != n || c.Delivered != uint64(len(got)) || c.Delivered+c.Dropped != n || c.Dropped != before.Dropped {
		t.Errorf("at the end: %+v, %d packets", c, len(got))
	}
	if c.PerInterface[0].Dropped != c.Dropped {
		t.Errorf("per interface %+v", c.PerInterface)
	}
}

func TestFillDoesNotAllocate(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb", "lo"}, Retire: time.Millisecond})
	out := newSender(t, "va")
	f := frame(60, 1, 53)
	vlan := tagged(f, 0x8100, 5)
	buf := make([]byte, 1<<20)
	b := segment.NewBuilder(buf)
	packets := uint32(0)
	allocations := testing.AllocsPerRun(50, func() {
		for range 20 {
			_ = sendQuiet(out, f)
			_ = sendQuiet(out, vlan)
		}
		b.Reset(buf)
		s.Fill(b, 20*time.Millisecond)
		s.Fill(b, 2*time.Millisecond)
		packets += b.Packets()
	})
	if packets < 1000 {
		t.Errorf("only %d packets", packets)
	}
	if allocations != 0 {
		t.Errorf("%v allocations a round", allocations)
	}
}
