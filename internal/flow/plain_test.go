package flow

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// applySlowly is Apply without the shorter way of plain.
func applySlowly(t *Table, rows []packet.Summary, chunk []byte, notes []Note) {
	t.headers, t.row = t.headers[:0], 0
	for i := range rows {
		s, n := &rows[i], &notes[i]
		if !belongs(s) {
			*n = Note{Stream: NoStream, OuterStream: NoStream}
			t.around(s, chunk, n)
			continue
		}
		var l lookup
		l.side = l.key.set(&s.Inner)
		l.hash = t.hash.sum(&l.key)
		t.heard(s.Time)
		if t.c.Packets++; t.c.Packets%batchSize == 0 {
			t.sweep(t.clock.now)
		}
		t.packet(s, chunk, n, &l)
		t.row++
	}
}

// talkers makes rows of connections that mostly go as they should.
type talkers struct {
	rng   *rand.Rand
	now   int64
	conns [6]struct{ sent, acked [2]uint32 }
	rows  []packet.Summary
	chunk []byte
}

// next adds a segment: the next one of its side, and now and then another.
func (k *talkers) next() {
	rng := k.rng
	conn, side := rng.IntN(len(k.conns)), rng.IntN(2)
	c := &k.conns[conn]
	odd := func(n int) bool { return rng.IntN(n) == 0 }
	k.now += rng.Int64N(2e6)
	if odd(200) {
		k.now += int64(rng.IntN(200e9)) - 20e9
	}
	s := packet.Summary{
		Number: uint64(len(k.rows) + 1), Time: k.now, VLAN: packet.NoVLAN, Outcome: packet.OutcomeTransport, Depth: 1,
		TCPFlags: flagACK, Seq: c.sent[side], Ack: c.acked[side], Window: uint16(500 + side),
	}
	if odd(3) || s.Ack == 0 {
		s.Ack = c.sent[1-side]
	}
	if odd(2) {
		s.PayloadLen = uint32(rng.IntN(1400))
	}
	switch rng.IntN(40) {
	case 0:
		s.Seq -= uint32(rng.IntN(3000))
	case 1:
		s.Seq += uint32(rng.IntN(3000))
	case 2:
		s.Ack += uint32(rng.IntN(3000))
	case 3:
		s.TCPFlags = uint16(rng.IntN(64))
	case 4:
		s.Window = uint16(rng.IntN(3))
	case 5:
		s.PayloadLen = 1
	case 6:
		s.Seq, s.TCPFlags = rng.Uint32(), flagSYN
	case 7:
		s.Outcome = packet.OutcomeTruncated
	case 8: // the wrap is near
		s.Seq = -uint32(rng.IntN(5000))
	}
	if s.Seq == c.sent[side] || odd(2) {
		c.sent[side] = s.Seq + s.PayloadLen
		if s.TCPFlags&(flagSYN|flagFIN) != 0 {
			c.sent[side]++
		}
	}
	c.acked[side] = s.Ack
	s.Inner = packet.Tuple{Version: 4, Proto: protoTCP, Flags: packet.TupleHasPorts, SrcPort: uint16(1000 + conn), DstPort: 80}
	if side == 1 {
		s.Inner.SrcPort, s.Inner.DstPort = s.Inner.DstPort, s.Inner.SrcPort
	}
	s.Inner.Src[15], s.Inner.Dst[15] = byte(side), byte(1-side)
	s.Outer = s.Inner
	k.header(&s)
	k.rows = append(k.rows, s)
}

// header writes the segment's bytes: 20 of an IP header, TCP with or without options, some
// payload.
func (k *talkers) header(s *packet.Summary) {
	options := [][]byte{nil, {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, {1, 1, 5, 10, 0, 0, 4, 0, 0, 0, 8, 0}, {3, 3, 7, 0}}[k.rng.IntN(4)]
	s.DataOff = uint32(len(k.chunk))
	h := make([]byte, 40, 60)
	binary.BigEndian.PutUint16(h[20:], s.Inner.SrcPort)
	binary.BigEndian.PutUint16(h[22:], s.Inner.DstPort)
	binary.BigEndian.PutUint32(h[24:], s.Seq)
	binary.BigEndian.PutUint32(h[28:], s.Ack)
	h[32] = byte(5+len(options)/4) << 4
	k.chunk = append(append(append(k.chunk, h...), options...), make([]byte, s.PayloadLen%64)...)
	s.PayloadOff = uint32(40 + len(options))
	s.CapLen = uint32(len(k.chunk)) - s.DataOff
	s.WireLen = s.PayloadOff + s.PayloadLen
}

// The shorter way of plain leads to the same notes, flows and findings as the long one.
func TestPlainIsPacket(t *testing.T) {
	for seed := range uint64(20) {
		k := talkers{rng: rand.New(rand.NewPCG(seed, 1)), now: sceneStart}
		for i := range k.conns {
			k.conns[i].sent = [2]uint32{k.rng.Uint32(), k.rng.Uint32()}
		}
		for range 3000 {
			k.next()
		}
		type outcome struct {
			notes []Note
			ended []Flow
			found []Finding
		}
		run := func(apply func(*Table, []packet.Summary, []byte, []Note)) (o outcome, c Counters) {
			w := NewWatch(WatchOptions{Found: func(f *Finding) { o.found = append(o.found, *f) }})
			table := NewTable(Options{Watch: w, Ended: func(f *Flow) { o.ended = append(o.ended, *f) }})
			o.notes = make([]Note, len(k.rows))
			apply(table, k.rows, k.chunk, o.notes)
			table.Drain()
			return o, table.Counters()
		}
		short, a := run((*Table).Apply)
		long, b := run(applySlowly)
		for i := range short.notes {
			if short.notes[i] != long.notes[i] {
				t.Fatalf("seed %d, row %d %+v:\n%+v, the long way\n%+v", seed, i, k.rows[i], short.notes[i], long.notes[i])
			}
		}
		if a != b || !slices.Equal(short.ended, long.ended) || !slices.Equal(short.found, long.found) {
			t.Fatalf("seed %d: flows %+v and %+v, findings %v and %v", seed, a, b, short.found, long.found)
		}
	}
}
