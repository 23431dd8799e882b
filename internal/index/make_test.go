package index

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// frame builds an Ethernet frame: IPv4, TCP or UDP, and a payload.
func frame(proto uint8, src, dst [4]byte, sport, dport uint16, payload []byte) []byte {
	head := 8
	if proto == packet.ProtoTCP {
		head = 20
	}
	b := make([]byte, 14+20+head, 14+20+head+len(payload))
	b[12] = 8
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(ip[2:], uint16(20+head+len(payload)))
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	t := ip[20:]
	binary.BigEndian.PutUint16(t, sport)
	binary.BigEndian.PutUint16(t[2:], dport)
	if proto == packet.ProtoTCP {
		binary.BigEndian.PutUint32(t[4:], 1000)
		t[12], t[13] = 0x50, 0x18
	} else {
		binary.BigEndian.PutUint16(t[4:], uint16(8+len(payload)))
	}
	return append(b, payload...)
}

// tunnel wraps an Ethernet frame's IP packet in GRE over IPv4.
func tunnel(inner []byte, src, dst [4]byte) []byte {
	b := frame(47, src, dst, 0, 0x0800, inner[14:])
	binary.BigEndian.PutUint32(b[34:], 0x00000800)
	b = append(b[:38], inner[14:]...)
	binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
	return b
}

// random makes the i-th packet of a mixed traffic.
func random(r *rand.Rand, i int) []byte {
	src, dst := [4]byte{10, 0, byte(r.IntN(4)), byte(r.IntN(200))}, [4]byte{192, 168, 1, byte(r.IntN(20))}
	payload := make([]byte, r.IntN(40))
	for j := range payload {
		payload[j] = byte(r.Uint32())
	}
	switch {
	case i%97 == 0:
		return []byte{0: 1, 12: 8, 13: 6, 14: 0, 15: 1, 41: 0} // ARP
	case i%31 == 0:
		return tunnel(frame(packet.ProtoTCP, src, dst, uint16(r.IntN(2000)), 80, payload), [4]byte{172, 16, 0, 1}, [4]byte{172, 16, 0, 2})
	case i%41 == 0: // a port scan
		b := frame(packet.ProtoTCP, [4]byte{10, 9, 9, 9}, [4]byte{192, 168, 1, 1}, 40000, uint16(30_000+i/41), nil)
		b[47] = 2
		return b
	case i%3 == 0:
		return frame(packet.ProtoUDP, src, dst, uint16(1024+r.IntN(60000)), 53, payload)
	}
	return frame(packet.ProtoTCP, src, dst, uint16(1024+r.IntN(60000)), uint16(440+r.IntN(8)), payload)
}

// makeArchive writes a capture of n packets and returns it, closed, with its data
// directory.
func makeArchive(tb testing.TB, n int, segmentBytes int64) *archive.Stored {
	tb.Helper()
	a, _, err := archive.Create(archive.Config{
		DataDir: tb.TempDir(), Program: "test", SegmentBytes: segmentBytes,
		Interfaces: []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	b := segment.NewBuilder(nil)
	b.Reset(a.Buffer())
	now := int64(1_700_000_000_000_000_000)
	for i := range n {
		data := random(r, i)
		now += int64(r.IntN(1_000_000))
		if i%1000 == 999 {
			a.Append(b) // so that small segments have an end
			b.Reset(a.Buffer())
		}
		for {
			if p := b.Packet(0, now, uint32(len(data)), uint32(len(data)), packet.Direction(i%3)); p != nil {
				copy(p, data)
				break
			}
			a.Append(b)
			b.Reset(a.Buffer())
		}
	}
	a.Append(b)
	dir := a.Dir()
	if err := a.Close(); err != nil {
		tb.Fatal(err)
	}
	if err := a.Release(a.Ledger()); err != nil {
		tb.Fatal(err)
	}
	s, err := archive.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// follow runs f over the capture.
func follow(tb testing.TB, s *archive.Stored, f track.Follower) {
	tb.Helper()
	w := s.Walk(segment.Cursor{})
	defer w.Close()
	if err := track.New().Run(context.Background(), w, f); err != nil {
		tb.Fatal(err)
	}
}

func indexAll(tb testing.TB, s *archive.Stored) {
	tb.Helper()
	w, err := NewWriter(Config{Root: s.Root(), Capture: s.Meta.ID, Program: "test", Trouble: func(n uint32, err error) {
		tb.Errorf("segment %d: %v", n, err)
	}})
	if err != nil {
		tb.Fatal(err)
	}
	follow(tb, s, w)
	w.Seal()
	w.Close()
}

func readFile(tb testing.TB, s *archive.Stored, name string) []byte {
	tb.Helper()
	b, err := s.Root().ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func writeFile(tb testing.TB, s *archive.Stored, name string, b []byte) {
	tb.Helper()
	if err := s.Root().WriteFile(name, b, os.FileMode(0o600)); err != nil {
		tb.Fatal(err)
	}
}
