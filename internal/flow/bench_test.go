package flow

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// traffic makes rows of many connections at once: requests and answers of several
// segments, acknowledged, every 40th segment repeated, a fifth of the packets UDP.
type traffic struct {
	rng   *rand.Rand
	now   int64
	count uint64
	conns []talk
}

type talk struct {
	src, dst packet.Addr
	port     uint16
	udp      bool
	seq, ack uint32 // what the client sends next, what the server sends next
	step     uint32
}

func newTraffic(conns int) *traffic {
	t := &traffic{rng: rand.New(rand.NewPCG(1, 2)), now: 1e18, conns: make([]talk, conns)}
	for i := range t.conns {
		c := &t.conns[i]
		c.src = packet.AddrFrom4([4]byte{10, byte(i >> 20), byte(i >> 12), byte(i >> 4)})
		c.dst = packet.AddrFrom4([4]byte{192, 168, byte(i >> 3), byte(i)})
		c.port = uint16(1024 + i%60000)
		c.udp = i%5 == 0
		c.seq, c.ack = t.rng.Uint32(), t.rng.Uint32()
	}
	return t
}

func (t *traffic) fill(rows []packet.Summary) {
	for i := range rows {
		c := &t.conns[t.rng.IntN(len(t.conns))]
		t.now += 500
		t.count++
		s := &rows[i]
		*s = packet.Summary{Number: t.count, Time: t.now, CapLen: 60, WireLen: 60, VLAN: packet.NoVLAN, Depth: 1}
		s.Inner = packet.Tuple{Src: c.src, Dst: c.dst, SrcPort: c.port, DstPort: 443, Version: 4, Proto: protoTCP, Flags: packet.TupleHasPorts}
		s.Seq, s.Ack, s.Window, s.TCPFlags = c.seq, c.ack, 500, flagACK
		back := c.step%4 >= 2
		if back {
			s.Inner.Src, s.Inner.Dst = c.dst, c.src
			s.Inner.SrcPort, s.Inner.DstPort = 443, c.port
			s.Seq, s.Ack = c.ack, c.seq
		}
		switch {
		case c.udp:
			s.Inner.Proto = protoUDP
			s.PayloadLen = 200
		case c.step == 0:
			s.TCPFlags = flagSYN
			c.seq++
		case c.step == 2:
			s.TCPFlags = flagSYN | flagACK
			c.ack++
		case c.step%2 == 0:
			s.PayloadLen = 1400
			s.WireLen = 1454
			if c.step%40 != 0 {
				if back {
					c.ack += 1400
				} else {
					c.seq += 1400
				}
			}
		}
		c.step++
		s.Outer = s.Inner
	}
}

func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		conns int
		watch bool
	}{{100, false}, {10_000, false}, {10_000, true}, {500_000, false}, {5_000_000, false}} {
		name := fmt.Sprint(c.conns)
		if c.watch {
			name += "/watch"
		}
		conns := c.conns
		b.Run(name, func(b *testing.B) {
			if conns > 1_000_000 && testing.Short() {
				b.Skip("needs 4 GiB")
			}
			tr := newTraffic(conns)
			o := Options{Memory: 5 << 30}
			if c.watch {
				o.Watch = NewWatch(WatchOptions{})
			}
			table := NewTable(o)
			rows := make([]packet.Summary, 2048)
			notes := make([]Note, len(rows))
			for range 4*conns/len(rows) + 1 {
				tr.fill(rows)
				table.Apply(rows, nil, notes)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var busy time.Duration
			for n := 0; n < b.N; n += len(rows) {
				b.StopTimer()
				tr.fill(rows)
				b.StartTimer()
				k := min(len(rows), b.N-n)
				before := cpuTime()
				table.Apply(rows[:k], nil, notes)
				busy += cpuTime() - before
			}
			b.ReportMetric(float64(busy.Nanoseconds())/float64(b.N), "cpu-ns/packet")
			b.ReportMetric(float64(table.Counters().Known), "conversations")
		})
	}
}
