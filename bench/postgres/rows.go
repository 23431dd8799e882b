//go:build unix

package main

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

const batchRows = 2000

// makeBatch returns packets as a busy link has them: TCP and UDP over IPv4, some IPv6.
func makeBatch() *track.Batch {
	b := &track.Batch{Chunk: &segment.Chunk{
		Segment: 1, Packets: batchRows, Interfaces: []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet}},
	}}
	for i := range batchRows {
		s := packet.Summary{CapLen: 60 + uint32(i%1400), VLAN: packet.NoVLAN, Direction: packet.Direction(1 + i%2), Depth: 1}
		s.WireLen = s.CapLen
		var src, dst [4]byte
		binary.BigEndian.PutUint32(src[:], 0x0a000000+uint32(i*7919%5000))
		binary.BigEndian.PutUint32(dst[:], 0xc0a80000+uint32(i%200))
		s.Outer = packet.Tuple{
			Src: packet.AddrFrom4(src), Dst: packet.AddrFrom4(dst), Version: 4, Proto: packet.ProtoTCP,
			SrcPort: uint16(32768 + i), DstPort: 443, Flags: packet.TupleHasPorts,
		}
		switch {
		case i%10 == 0:
			s.Outer.Proto, s.Outer.DstPort = packet.ProtoUDP, 53
		case i%10 == 1:
			s.Outer.Version, s.Outer.Src, s.Outer.Dst = 6, packet.Addr{0: 0x20, 1: 1, 14: byte(i >> 8), 15: byte(i)}, packet.Addr{0: 0x20, 1: 2, 15: 1}
		}
		if s.Outer.Proto == packet.ProtoTCP {
			s.Seq, s.Ack, s.Window, s.TCPFlags = uint32(i)*1000, uint32(i)*77, 501, 0x18
		}
		s.PayloadLen = s.CapLen - 54
		s.OuterPayloadLen = s.PayloadLen
		s.Inner = s.Outer
		b.Rows = append(b.Rows, s)
	}
	return b
}

// renumber moves a batch on in the capture: 200 000 packets a second.
func renumber(b *track.Batch, first uint64) {
	for i := range b.Rows {
		n := first + uint64(i)
		b.Rows[i].Number, b.Rows[i].Time = n, 1_700_000_000_000_000_000+int64(n)*5000
	}
	b.Chunk.First = first
	b.Next = segment.Cursor{Segment: 1, Offset: int64(first) * 100, Packet: first + uint64(len(b.Rows))}
}

// flowEvery is how many packets a flow has.
const flowEvery = 20

// endFlows tells of flows that ended: one for every flowEvery packets.
func endFlows(b *track.Batch, ended func(*track.Conversation)) {
	for i := 0; i < len(b.Rows); i += flowEvery {
		p := &b.Rows[i]
		c := track.Conversation{Flow: flow.Flow{
			ID: p.Number, Stream: uint32(p.Number), Tuple: p.Inner, VLAN: p.VLAN, FirstPacket: p.Number, Direction: p.Direction,
			Start: p.Time, Last: p.Time + 1e9, End: flow.EndClosed, InitialRTT: 3e7,
		}, Segment: 1, Name: []byte("www.example.org"), Host: []byte("www.example.org")}
		c.Client = flow.Half{Packets: 8, Bytes: 1000, Payload: 400, MSS: 1460}
		c.Server = flow.Half{Packets: 12, Bytes: 9000, Payload: 8000, MSS: 1460}
		ended(&c)
	}
}
