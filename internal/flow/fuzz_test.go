package flow

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// fuzzRows makes rows out of arbitrary bytes, 16 bytes a row: few endpoints, so that they
// meet, and everything else as it comes. The rows point anywhere.
func fuzzRows(b []byte) []packet.Summary {
	var rows []packet.Summary
	now := sceneStart
	for ; len(b) >= 16; b = b[16:] {
		now += int64(int16(binary.LittleEndian.Uint16(b[0:]))) << (b[2] & 31)
		s := packet.Summary{
			Number: uint64(len(rows) + 1), Time: now, VLAN: packet.NoVLAN,
			Seq: uint32(int8(b[3])) << (b[4] & 7 * 3), Ack: uint32(int8(b[5])) << (b[4] >> 3 & 7 * 3),
			Window: uint16(b[6]) << (b[4] >> 6), TCPFlags: uint16(b[7]),
			PayloadLen: uint32(b[8]) * uint32(b[9]&3), PayloadOff: uint32(b[9]), DataOff: uint32(b[10]), CapLen: uint32(b[11]),
			WireLen: uint32(b[11]) + 20, Depth: b[12] & 3, Flags: packet.SummaryFlags(b[13] & 15),
			Outcome: packet.Outcome(b[14]%9) & packet.Outcome(b[14]>>4),
		}
		s.Inner.Version = 4 + b[15]&1*2
		s.Inner.Proto = [4]uint8{protoTCP, protoTCP, protoUDP, protoICMP}[b[15]>>1&3]
		s.Inner.Src[15], s.Inner.Dst[15] = b[15]>>3&1, b[15]>>4&1
		s.Inner.SrcPort, s.Inner.DstPort = uint16(b[15]>>5&1), uint16(b[15]>>6&1)
		s.Inner.Flags = packet.TupleFlags(b[12] >> 2 & 7)
		s.Outer = s.Inner
		if b[12]&0x80 != 0 {
			s.Outer.Src[14] = b[13]
			s.Outer.Proto = protoUDP
		}
		rows = append(rows, s)
	}
	return rows
}

func FuzzTable(f *testing.F) {
	sc := &scene{}
	cl, sv := sc.open(1000, 0)
	cl(0, "A", 1, 1, 10)
	sv(0, "FA", 1, 11, 10)
	f.Add(sc.chunk)
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789ABCDEF"))
	f.Fuzz(checkTable)
}

// TestRandomRows gives the table long sequences, which the fuzzer finds slowly.
func TestRandomRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		b := make([]byte, 16*rng.IntN(400))
		for i := range b {
			b[i] = byte(rng.Uint32() >> (rng.Uint32() & 7)) // small values more often
		}
		checkTable(t, b)
		checkReassembler(t, b)
	}
}

func checkTable(t *testing.T, b []byte) {
	rows := fuzzRows(b)
	var ended, packets, bytes uint64
	table := NewTable(Options{
		Memory: 1, Watch: NewWatch(WatchOptions{Found: func(f *Finding) { _ = f.Sentence() }}),
		Ended: func(f *Flow) {
			ended++
			packets += f.Packets()
			bytes += f.Bytes()
			_ = f.CommunityID()
			_ = f.History.String()
		},
	})
	notes := make([]Note, len(rows))
	table.Apply(rows, b, notes)
	var want uint64
	for i := range rows {
		n := &notes[i]
		if (n.Flow == 0) != !belongs(&rows[i]) {
			t.Fatalf("row %d: flow %d, outcome %v", i, n.Flow, rows[i].Outcome)
		}
		if n.Flow == 0 {
			continue
		}
		want += uint64(rows[i].WireLen)
		if n.Flags >= analysisEnd || n.Flags&(FastRetransmission|SpuriousRetransmission) != 0 && n.Flags&Retransmission == 0 {
			t.Fatalf("row %d: flags %#x", i, uint32(n.Flags))
		}
		if n.AcksFrame >= rows[i].Number || n.DupAckFrame > rows[i].Number {
			t.Fatalf("row %d points ahead: %+v", i, n)
		}
	}
	balance(t, table, uint64(len(rows)), ended)
	table.Drain()
	balance(t, table, uint64(len(rows)), ended)
	c := table.Counters()
	if packets != c.Packets || bytes != want || c.Live != 0 {
		t.Fatalf("flows have %d packets and %d bytes, %d and %d were applied; %d live", packets, bytes, c.Packets, want, c.Live)
	}
	if c.Segments > c.MaxSegments || c.Known > c.MaxFlows {
		t.Fatalf("%+v", c)
	}
}

func FuzzReassembler(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789ABCDEF"))
	f.Add([]byte{0, 0, 0, 1, 0, 1, 9, 16, 100, 1, 0, 100, 0, 0, 0, 0, 0, 0, 0, 50, 0, 1, 9, 16, 100, 1, 0, 100, 0, 0, 0, 8})
	f.Fuzz(checkReassembler)
}

func checkReassembler(t *testing.T, b []byte) {
	shared := &Held{Limit: 2000}
	var got, gaps uint64
	r := NewReassembler(packet.Tuple{}, StreamLimits{Bytes: 1500, Segments: 16}, shared, func(p Piece) {
		got += uint64(len(p.Data))
		gaps += uint64(p.Gap)
		if (p.Gap > 0) == (len(p.Data) > 0) {
			t.Fatalf("a piece is either data or a gap: %+v", p)
		}
	})
	rows := fuzzRows(b)
	for i := range rows {
		n := min(len(b), int(rows[i].PayloadLen)+int(b[i]&1)*3)
		r.Add(&rows[i], b[:n])
		if shared.Used() > 2000 || r.held > 1500 || shared.Used() != r.held {
			t.Fatalf("%d bytes held", r.held)
		}
	}
	r.Close()
	c := r.Counters()
	if c.Delivered != got || c.GapBytes != gaps || c.Delivered+c.Repeated != c.Bytes || r.held != 0 {
		t.Fatalf("%d delivered, %d in gaps, %d held: %+v", got, gaps, r.held, c)
	}
}

func FuzzForeignBytes(f *testing.F) {
	f.Add([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 1}, uint16(20), "a.b.example.com")
	f.Add(make([]byte, 60), uint16(40), "..")
	f.Fuzz(func(t *testing.T, b []byte, off uint16, name string) {
		s := packet.Summary{CapLen: uint32(len(b)), PayloadOff: uint32(off)}
		if h := tcpHeader(&s, b); h != nil {
			readSynOptions(h)
			sackedBytes(h)
		}
		if len(b) >= 20 {
			sackedBytes(b)
			readSynOptions(b)
		}
		for _, tuple := range []packet.Tuple{{Version: 4, Proto: protoICMP}, {Version: 6, Proto: protoICMPv6}} {
			if len(b) > 52 {
				copy(tuple.Src[:], b[len(b)-32:])
				copy(tuple.Dst[:], b[len(b)-16:])
			}
			s.Inner, s.Outer = tuple, tuple
			new(Table).walk(&s, b)
			icmpTuple(&s, b)
		}
		front, parent := splitDomain([]byte(name))
		if len(front)+len(parent) > len(name) {
			t.Fatalf("%q and %q of %q", front, parent, name)
		}
		entropy(front)
		w := NewWatch(WatchOptions{})
		w.DNSName(packet.Addr{}, 4, []byte(name), 1, 1)
	})
}
