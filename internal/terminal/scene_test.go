package terminal

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

var (
	v6long = packet.Addr{0x20, 1, 0x0d, 0xb8, 0x85, 0xa3, 0x10, 0x11, 0x12, 0x13, 0x8a, 0x2e, 0x13, 0x70, 0x73, 0x34}
	v6far  = packet.Addr{0x2a, 0, 0x14, 0x50, 0x40, 1, 8, 0x2f, 15: 0x0e}
)

func ip4(a, b, c, d byte) packet.Addr { return packet.AddrFrom4([4]byte{a, b, c, d}) }

// office makes n packets of an ordinary network, numbered from first, and their payload.
func office(first uint64, n int, start time.Time) *track.Batch {
	b := &track.Batch{Chunk: &segment.Chunk{}}
	local, game, names := ip4(192, 168, 1, 23), ip4(35, 199, 111, 15), ip4(192, 168, 1, 1)
	for i := range n {
		number := first + uint64(i)
		payload := ""
		r := packet.Summary{
			Number: number, Time: start.UnixNano() + int64(i)*7_654_321, VLAN: packet.NoVLAN,
			EtherType: 0x0800, Direction: packet.DirectionSent, Outcome: packet.OutcomeTransport,
			Seq: 1000 + uint32(i), Ack: 77, Window: 502, WireLen: 66,
		}
		t := packet.Tuple{Src: local, Dst: game, SrcPort: 51234, DstPort: 443, Version: 4, Proto: packet.ProtoTCP, Flags: packet.TupleHasPorts}
		switch number % 12 {
		case 1:
			r.TCPFlags = 0x002
		case 2, 5, 8:
			r.TCPFlags, r.Direction = 0x012, packet.DirectionReceived
			t.Src, t.Dst, t.SrcPort, t.DstPort = game, local, 443, 51234
		case 3, 6:
			r.TCPFlags, payload = 0x018, "GET /login HTTP/1.1\r\nHost: game.example\r\nCookie: a=b\r\n"
		case 4:
			t.Dst, t.DstPort, t.Proto = names, 53, packet.ProtoUDP
			payload = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04game\x07example"
		case 7:
			t = packet.Tuple{Src: v6long, Dst: v6far, SrcPort: 40000, DstPort: 443, Version: 6, Proto: packet.ProtoTCP, Flags: packet.TupleHasPorts}
			r.TCPFlags, r.EtherType, payload = 0x018, 0x86dd, "\x1b[2J\x1b[31mpayload that would paint\x07"
		case 9:
			t.Proto, t.Flags, t.SrcPort, t.DstPort, r.Outcome = packet.ProtoICMP, 0, 0, 0, packet.OutcomeIP
		case 10:
			t, r.EtherType, r.Outcome, r.Direction = packet.Tuple{}, 0x0806, packet.OutcomeNonIP, packet.DirectionUnknown
		case 11:
			r.TCPFlags = 0x014
		default:
			r.TCPFlags, r.WireLen = 0x010, 1514
		}
		r.Outer, r.Inner = t, t
		if number%12 == 0 { // inside GRE
			r.Outer = packet.Tuple{Src: local, Dst: names, Version: 4, Proto: 47}
		}
		r.DataOff, r.CapLen, r.PayloadLen = uint32(len(b.Chunk.Bytes)), uint32(len(payload)), uint32(len(payload))
		r.WireLen = max(r.WireLen, uint32(54+len(payload)))
		b.Chunk.Bytes = append(b.Chunk.Bytes, payload...)
		b.Rows = append(b.Rows, r)
	}
	return b
}

// scene is a hub that has seen something, in a bubble of time of its own.
type scene struct {
	hub     *live.Hub
	capture live.Capture
	ledger  *live.Ledger
	sinks   []live.Sink
	faces   []live.Interface

	suspended func() time.Time // nil: never
	page      bool             // there is one
}

func newScene(t *testing.T, sc *scene, packets int) *scene {
	t.Helper()
	if sc.capture.Interfaces == nil {
		sc.capture = live.Capture{
			Interfaces: []string{"eth0"}, Filter: "host 35.199.111.15 or udp port 53",
			Archive: "/home/ana/.local/share/tarrafa/20260813T102030Z-eth0",
		}
	}
	sc.hub = live.New(live.Config{
		Capture:    sc.capture,
		Ledger:     func() *live.Ledger { return sc.ledger },
		Sinks:      func() []live.Sink { return sc.sinks },
		Interfaces: func() []live.Interface { return sc.faces },
		Suspended:  sc.suspended,
	})
	go sc.hub.Run(t.Context())
	const step = 20
	for done := 0; done < packets; done += step {
		if err := sc.hub.Apply(t.Context(), office(1+uint64(done), min(step, packets-done), time.Now())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(230 * time.Millisecond)
	}
	if packets == 0 {
		time.Sleep(1200 * time.Millisecond)
	}
	synctest.Wait()
	return sc
}

func (sc *scene) model(t *testing.T, width, height int, lang words.Language) *model {
	t.Helper()
	opts := Options{Language: lang, Home: "/home/ana", Suspend: func(bool) {}}
	if sc.page {
		opts.Link = func() string { return "http://127.0.0.1:7447/?token=dGhlIHRva2VuIG9mIHRoZSB0ZXN0IGlzIGxvbmc" }
	}
	m := newModel(t.Context(), sc.hub, opts)
	m.width, m.height = width, height
	return m
}

func balanced(packets uint64) *live.Ledger {
	return &live.Ledger{
		Received: packets, Delivered: packets, Written: packets, WrittenBytes: packets * 321,
		Followers: []live.FollowerEntry{{Name: "JSON", Applied: packets}, {Name: "PostgreSQL", Applied: packets - 20, Behind: 20}},
	}
}

func troubled() *live.Ledger {
	return &live.Ledger{Received: 104_512, Dropped: 4_321, Skipped: 12, Delivered: 100_179, Written: 100_170, Lost: 9, WrittenBytes: 9_876_543}
}

func healthySinks() []live.Sink {
	return []live.Sink{
		{Name: "JSON", Target: "/home/ana/logs/traffic.json", State: live.SinkOK, Rows: 400},
		{Name: "PostgreSQL", Target: "packetuser@localhost:5432/packetdb", State: live.SinkCatching, Rows: 380, Behind: 20},
	}
}

func troubledSinks() []live.Sink {
	return []live.Sink{
		{Name: "JSON", Target: "logs/traffic.json", State: live.SinkStopped, Rows: 12_345_678, Error: "write logs/traffic.json: no space left on device"},
		{Name: "PostgreSQL", State: live.SinkRetrying, Rows: 100, Behind: 99_900, Lost: 170, Error: "dial tcp 127.0.0.1:5432: connect: connection refused"},
	}
}
