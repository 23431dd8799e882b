package trafficlog

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// line is a record as a reader sees it.
type line struct {
	Timestamp string  `json:"timestamp"`
	Direction string  `json:"direction"`
	Src       string  `json:"src"`
	Dst       string  `json:"dst"`
	Sport     uint16  `json:"sport"`
	Dport     uint16  `json:"dport"`
	Protocol  string  `json:"protocol"`
	Flags     uint16  `json:"flags"`
	Len       int     `json:"len"`
	Hex       string  `json:"payload_hex"`
	Preview   string  `json:"payload_ascii_preview"`
	Hash      string  `json:"payload_hash"`
	TimeNS    int64   `json:"time_ns"`
	Capture   string  `json:"capture"`
	Number    uint64  `json:"number"`
	WireLen   uint32  `json:"wire_len"`
	Interface *string `json:"interface"`
	VLAN      *uint16 `json:"vlan"`
	Seq       *uint32 `json:"seq"`
	Ack       *uint32 `json:"ack"`
	Window    *uint16 `json:"window"`
}

func parse(t testing.TB, b []byte) (lines []line) {
	t.Helper()
	for i, text := range bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) {
		if len(text) == 0 {
			continue
		}
		var l line
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			t.Fatalf("line %d: %v: %q", i+1, err, text)
		}
		lines = append(lines, l)
	}
	return lines
}

func address(s string) packet.Addr { return netip.MustParseAddr(s).As16() }

// tcp is a packet from 10.0.0.1:1000 to 192.0.2.2:80 with the payload as captured bytes.
func tcp(number uint64) packet.Summary {
	return packet.Summary{
		Number: number, Time: 1_700_000_000_123_456_789, WireLen: 100, VLAN: packet.NoVLAN, Direction: packet.DirectionSent,
		Outer: packet.Tuple{
			Src: address("10.0.0.1"), Dst: address("192.0.2.2"), SrcPort: 1000, DstPort: 80,
			Version: 4, Proto: packet.ProtoTCP, Flags: packet.TupleHasPorts,
		},
		TCPFlags: 0x18, Seq: 7, Ack: 4294967295, Window: 65535,
	}
}

// batch puts packets with these payloads behind each other, as the bytes of a chunk.
func batch(rows []packet.Summary, payloads [][]byte) *track.Batch {
	b := &track.Batch{Chunk: &segment.Chunk{Interfaces: []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet}}}, Rows: rows}
	for i := range rows {
		r := &rows[i]
		r.DataOff = uint32(len(b.Chunk.Bytes))
		r.OuterPayloadOff = 4
		b.Chunk.Bytes = append(append(b.Chunk.Bytes, "head"...), payloads[i]...)
		r.CapLen = uint32(len(payloads[i])) + 4
		r.OuterPayloadLen = uint32(len(payloads[i]))
		r.Inner = r.Outer
	}
	if len(rows) > 0 {
		last := rows[len(rows)-1].Number
		b.Chunk.First, b.Chunk.Packets = rows[0].Number, uint32(len(rows))
		b.Next = segment.Cursor{Segment: 1, Offset: int64(last) * 100, Packet: last + 1}
	}
	return b
}

// endless returns packets first to first+n-1 of an endless capture: every third is UDP.
func endless(first uint64, n int) *track.Batch {
	var rows []packet.Summary
	var payloads [][]byte
	for i := range n {
		number := first + uint64(i)
		s := tcp(number)
		s.Time += int64(number) * 1e6
		if number%3 == 0 {
			s.Outer.Proto = packet.ProtoUDP
		}
		rows = append(rows, s)
		payload := make([]byte, number%97)
		for j := range payload {
			payload[j] = byte(number) + byte(j)
		}
		payloads = append(payloads, payload)
	}
	return batch(rows, payloads)
}

// expected returns the numbers of the packets below end that have a record.
func expected(end uint64) (numbers []uint64) {
	for n := uint64(1); n < end; n++ {
		if n%3 != 0 {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// checkNumbers tells which packets are missing, doubled or out of order. Without our
// additions a packet is recognised by its time.
func checkNumbers(t testing.TB, lines []line, end uint64) {
	t.Helper()
	want := expected(end)
	var got []uint64
	for _, l := range lines {
		n := l.Number
		if n == 0 {
			at, err := time.Parse("2006-01-02T15:04:05.999999-07:00", l.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			n = uint64(at.UnixMicro()-1_700_000_000_123_456) / 1000
		}
		got = append(got, n)
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("line %d is packet %d, want %d", i+1, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// randomPacket makes a packet of anything.
func randomPacket(rng *rand.Rand, number uint64) (packet.Summary, []byte) {
	s := tcp(number)
	s.Time = int64(rng.Uint64())
	s.Direction = packet.Direction(rng.UintN(3))
	s.Outer.SrcPort, s.Outer.DstPort = uint16(rng.Uint32()), uint16(rng.Uint32())
	s.TCPFlags = uint16(rng.UintN(4096))
	s.VLAN = uint16(rng.UintN(4097))
	if s.VLAN == 4096 {
		s.VLAN = packet.NoVLAN
	}
	if rng.IntN(2) == 0 {
		s.Outer.Version = 6
		binary.BigEndian.PutUint64(s.Outer.Src[:], rng.Uint64())
		binary.BigEndian.PutUint64(s.Outer.Dst[8:], rng.Uint64())
	}
	payload := make([]byte, rng.IntN(300))
	for i := range payload {
		payload[i] = byte(rng.Uint32())
		if rng.IntN(2) == 0 || number%2 == 0 {
			payload[i] = '\t' + payload[i]%118
		}
	}
	return s, payload
}

func name(i int) string { return fmt.Sprintf("traffic.json.%d", i) }
