package track_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// A tunnel's datagram belongs to two conversations, also when it came in fragments, and a
// packet that is no segment or datagram to none.
func TestConversationsOfTunnels(t *testing.T) {
	said := []byte("what was said in the tunnel")
	inner := packettest.Ethernet(0x0800, packettest.IPv4Between("192.168.0.1", "192.168.0.2", packet.ProtoUDP, packettest.UDP(7, 8, said)))
	carried := packettest.Join(packettest.Hex("0800000000000100"), inner)
	tunnel := packettest.Ethernet(0x0800, packettest.IPv4(packet.ProtoUDP, packettest.UDP(50000, 4789, carried)))
	for name, frames := range map[string][][]byte{
		"whole":     {tunnel},
		"fragments": packettest.Fragments4(tunnel, 77, 32),
		"ping":      {packettest.Ethernet(0x0800, packettest.IPv4(packet.ProtoICMP, packettest.Hex("0800 0000 0001 0001")))},
	} {
		t.Run(name, func(t *testing.T) {
			b := segment.NewBuilder(make([]byte, 0, segment.ChunkSize))
			for i, f := range frames {
				copy(b.Packet(0, int64(i), uint32(len(f)), uint32(len(f)), packet.DirectionReceived), f)
			}
			tr := track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{}))
			tr.Load(&segment.Chunk{
				Segment: 1, First: 1, Packets: b.Packets(), Bytes: b.Bytes(),
				Interfaces: []segment.Interface{{Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
			})
			var got []string
			var p track.Payloads
			for batch := tr.Next(); batch != nil; batch = tr.Next() {
				for i := range batch.Rows {
					p.Conversations(batch, i, &batch.Notes[i], func(c *track.Part) {
						what := "something else"
						switch {
						case bytes.Equal(c.Payload, said):
							what = "inside"
						case bytes.Equal(c.Payload, carried):
							what = "the tunnel"
						}
						got = append(got, fmt.Sprintf("%s, protocol %d, to port %d, %d bytes", what, c.Proto, c.Summary.Inner.DstPort, c.Summary.PayloadLen))
					})
				}
			}
			want := fmt.Sprintf("[the tunnel, protocol 17, to port 4789, %d bytes inside, protocol 17, to port 8, %d bytes]", len(carried), len(said))
			if name == "ping" {
				want = "[]"
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%v, want %s", got, want)
			}
		})
	}
}
