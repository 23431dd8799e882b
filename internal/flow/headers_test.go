package flow

import (
	"reflect"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// rowsOf decodes Ethernet frames, a millisecond apart, and returns the rows with the bytes
// that they point into.
func rowsOf(frames ...[]byte) (rows []packet.Summary, chunk []byte) {
	d := packet.NewDecoder()
	for i, f := range frames {
		s := packet.Summary{
			Number: uint64(i) + 1, Time: sceneStart + int64(i)*1e6,
			DataOff: uint32(len(chunk)), CapLen: uint32(len(f)), WireLen: uint32(len(f)),
		}
		d.Summarize(f, &s, packet.LinkEthernet)
		rows, chunk = append(rows, s), append(chunk, f...)
	}
	return rows, chunk
}

// Numbers, sequence numbers and times as tshark 4.0.17 prints them for the same packets.
func TestHeaders(t *testing.T) {
	quote := func(q []byte) []byte {
		message := append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, q...)
		return packettest.Ethernet(0x0800, packettest.IPv4Between("10.0.0.9", "10.0.0.1", 1, message))
	}
	segment := packettest.IPv4(6, packettest.TCP([]byte("data")))
	datagram := packettest.IPv4(17, packettest.UDP(3, 4, []byte("data")))
	vxlan := func(inner []byte) []byte {
		return packettest.UDP(50000, 4789, packettest.Hex("0800000000000100"), packettest.Ethernet(0x0800, inner))
	}
	deep := packettest.IPv4(17, vxlan(packettest.IPv4Between("172.16.0.1", "172.16.0.2", 17, vxlan(packettest.IPv4Between("192.168.0.1", "192.168.0.2", 17, packettest.UDP(5, 6))))))
	rows, chunk := rowsOf(
		quote(segment),      // row 0: all of it
		quote(segment[:28]), // row 1: the first 64 bits, as of old
		quote(segment[:36]), // row 2: 16 bytes
		packettest.Ethernet(0x0800, segment),
		quote(datagram),
		packettest.Ethernet(0x0800, deep),
	)
	table := NewTable(Options{})
	notes := make([]Note, len(rows))
	table.Apply(rows, chunk, notes)
	const ms = int64(1e6)
	want := []Header{
		{Row: 0, Stream: 0, Proto: 6, Quoted: true, Timed: true, Seq: 7, Ack: 9, Window: 0x2000, WindowScale: ScaleUnknown},
		{Row: 1, Stream: NoStream, Proto: 6, Quoted: true, Seq: 7},
		{Row: 2, Stream: 0, Proto: 6, Quoted: true, Seq: 7, Ack: 9, Window: 0x2000, WindowScale: ScaleUnknown, TimeRelative: 2 * ms, TimeDelta: 2 * ms},
		{Row: 4, Stream: 0, Proto: 17, Quoted: true, WindowScale: ScaleUnknown},
		{Row: 5, Stream: 1, Proto: 17, Timed: true, WindowScale: ScaleUnknown},
		{Row: 5, Stream: 2, Proto: 17, Timed: true, WindowScale: ScaleUnknown},
	}
	if got := table.Headers(); !reflect.DeepEqual(got, want) {
		for i := range max(len(got), len(want)) {
			t.Errorf("header %d: %+v, want %+v", i, at(got, i), at(want, i))
		}
	}
	if n := notes[3]; n.Stream != 0 || n.TimeDelta != ms || n.TimeRelative != 3*ms {
		t.Errorf("the segment itself: stream %d, %d ns after the one before", n.Stream, n.TimeDelta)
	}
	if n := notes[5]; n.Stream != 3 || n.OuterStream != 1 {
		t.Errorf("the innermost datagram: stream %d in %d", n.Stream, n.OuterStream)
	}
	if table.Apply(rows[3:4], chunk, notes); len(table.Headers()) != 0 {
		t.Error("headers of an earlier call are still there")
	}
}

func at(list []Header, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// An ICMP error about a datagram is no packet of its flow: the flow ends with its own last one, as
// in tshark's conversations, however many errors come, and a later datagram moves the end on.
func TestQuotedHeadersEndNoFlow(t *testing.T) {
	datagram := packettest.IPv4(17, packettest.UDP(3, 4, []byte("data")))
	message := append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, datagram...)
	own, quoted := packettest.Ethernet(0x0800, datagram), packettest.Ethernet(0x0800, packettest.IPv4Between("10.0.0.9", "10.0.0.1", 1, message))
	for name, c := range map[string]struct {
		frames [][]byte
		last   int
	}{
		"an error":                   {[][]byte{own, quoted}, 0},
		"two errors":                 {[][]byte{own, quoted, quoted}, 0},
		"an error between datagrams": {[][]byte{own, quoted, own, quoted}, 2},
	} {
		rows, chunk := rowsOf(c.frames...)
		var flows []Flow
		table := NewTable(Options{Ended: func(f *Flow) {
			if f.Tuple.Proto == protoUDP {
				flows = append(flows, *f)
			}
		}})
		notes := make([]Note, len(rows))
		table.Apply(rows, chunk, notes)
		if n := notes[c.last]; n.TimeDelta != rows[c.last].Time-rows[0].Time {
			t.Errorf("%s: the datagram comes %d ns after the one before; want %d", name, n.TimeDelta, rows[c.last].Time-rows[0].Time)
		}
		table.Drain()
		if len(flows) != 1 || flows[0].Last != rows[c.last].Time {
			t.Errorf("%s: flows %+v; want one that ends at %d ns", name, flows, rows[c.last].Time)
		}
	}
}
