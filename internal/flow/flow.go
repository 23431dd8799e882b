package flow

import (
	"iter"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// End says why a flow ended.
type End uint8

// Ends.
const (
	EndNone    End = iota // it has not ended
	EndIdle               // silent for longer than its timeout
	EndClosed             // TCP: FIN from both sides or RST, and then silence or the capture's end
	EndForced             // its memory was wanted for another
	EndReused             // TCP: a SYN with another sequence number on the same ports
	EndDrained            // the capture ended while it was open
)

var endNames = [...]string{"open", "idle", "closed", "forced", "reused", "drained"}

// String returns the end's name in lower case.
func (e End) String() string {
	if int(e) < len(endNames) {
		return endNames[e]
	}
	return "unknown"
}

// Half is what one side of a flow sent.
type Half struct {
	Packets       uint64
	Bytes         uint64 // on the wire, all headers included
	Payload       uint64 // transport payload by the IP header's lengths, retransmissions included
	Retransmitted uint64 // payload bytes of retransmissions

	Retransmissions uint32 // segments, of any kind
	Spurious        uint32 // of these: the other side had acknowledged them already
	OutOfOrder      uint32
	Lost            uint32 // times that a segment before this one was not captured
	DuplicateAcks   uint32
	ZeroWindows     uint32
	WindowFull      uint32
	Resets          uint32

	MSS        uint16 // TCP option of the SYN, 0: none seen
	Scale      int8   // window shift; ScaleUnknown, ScaleUnused
	SACK       bool   // SACK permitted
	Timestamps bool   // TCP time stamps offered

	RTT RTT // from a segment of this side to its acknowledgement, seen from the capturing point
}

// Flow is what is known of one flow: plain data, safe to copy.
type Flow struct {
	ID     uint64       // from 1 in order of appearance
	Stream uint32       // tcp.stream or udp.stream; NoStream for other protocols
	Tuple  packet.Tuple // client → server, innermost headers
	Outer  packet.Tuple // tunnel endpoints of the first packet; Version 0: no tunnel
	VLAN   uint16       // of the first packet; packet.NoVLAN: none

	FirstPacket uint64           // number of the flow's first packet
	Direction   packet.Direction // of the client's packets: sent means that the client is this machine
	Start       int64            // earliest time of a packet, ns since 1970-01-01 UTC
	Last        int64            // latest time of a packet, ns
	End         End
	Resumed     bool // an earlier flow of the same stream ended by idling

	State      ConnState
	History    History
	InitialRTT int64 // ns, 0: not known

	Client, Server Half

	place uint32 // of the record in the Table, +1
}

// Place returns where the Table keeps the flow: a number from 0 to Counters.MaxFlows-1 that
// no other live flow has, so that others can keep what they know of it in a slab. It is
// used again after the flow's end; its ID is not.
func (f *Flow) Place() int { return int(f.place) - 1 }

// Duration returns the time from the earliest to the latest packet, ns.
func (f *Flow) Duration() int64 { return max(f.Last-f.Start, 0) }

// Packets returns the packets of both sides.
func (f *Flow) Packets() uint64 { return f.Client.Packets + f.Server.Packets }

// Bytes returns the bytes of both sides on the wire.
func (f *Flow) Bytes() uint64 { return f.Client.Bytes + f.Server.Bytes }

// client returns the side of the client.
func (r *record) client() uint8 {
	if r.bits&bitClientB != 0 {
		return 1
	}
	return 0
}

// fill writes record i out.
func (t *Table) fill(r *record, i uint32, f *Flow) {
	c := r.client()
	*f = Flow{
		ID: r.id, Stream: r.stream, Tuple: r.key.tuple(c), VLAN: r.vlan,
		place:       i + 1,
		FirstPacket: r.frame, Start: r.first, Last: t.latest(r, i), Resumed: r.bits&bitSplit != 0,
		History: History{r.history, r.histN}, InitialRTT: r.firstRTT,
	}
	if r.bits&bitOuter != 0 {
		f.Outer = t.outers.at(r.outer).tuple
	}
	sent, received := packet.DirectionSent, packet.DirectionReceived
	if r.bits&bitFlipped != 0 {
		sent, received = received, sent
	}
	switch {
	case r.bits&bitSent != 0:
		f.Direction = sent
	case r.bits&bitReceived != 0:
		f.Direction = received
	}
	f.State = r.connState(c, 1-c)
	r.fillHalf(c, &f.Client)
	r.fillHalf(1-c, &f.Server)
}

func (r *record) fillHalf(side uint8, h *Half) {
	sum, half := &r.sum[side], &r.half[side]
	n := &sum.count
	*h = Half{
		Packets: sum.packets, Bytes: sum.bytes, Payload: sum.payload, Retransmitted: sum.retransmitted,
		Retransmissions: n[countRetransmission], Spurious: n[countSpurious], OutOfOrder: n[countOutOfOrder],
		Lost: n[countLost], DuplicateAcks: n[countDuplicateAck], ZeroWindows: n[countZeroWindow],
		WindowFull: n[countWindowFull], Resets: n[countReset],
		MSS: r.mss[side], Scale: half.scale,
		SACK: half.bits&halfSACK != 0, Timestamps: half.bits&halfStamps != 0,
		RTT: r.rtt[side],
	}
}

// All yields the live flows in the order of the table. The Flow is reused: copy what is
// kept. The Table must not be changed meanwhile.
func (t *Table) All() iter.Seq[*Flow] {
	return func(yield func(*Flow) bool) {
		var f Flow
		for i := range t.fresh {
			r := t.at(i)
			if r.bits&bitLive == 0 {
				continue
			}
			t.fill(r, i, &f)
			if !yield(&f) {
				return
			}
		}
	}
}

// Find writes the live flow of a tuple, in either direction, to f and reports whether
// there is one.
func (t *Table) Find(tuple packet.Tuple, f *Flow) bool {
	k, _ := makeKey(&tuple)
	r, i := t.find(&k, t.hash.sum(&k))
	if r == nil || r.bits&bitLive == 0 {
		return false
	}
	t.fill(r, i, f)
	return true
}

// Get writes the flow of a packet to f and reports whether it is still there: n is the
// note that Apply wrote about the packet.
func (t *Table) Get(n *Note, f *Flow) bool {
	if n.place == 0 || n.place > t.fresh {
		return false
	}
	r := t.at(n.place - 1)
	if r.bits&(bitUsed|bitLive) != bitUsed|bitLive || r.id != n.Flow {
		return false
	}
	t.fill(r, n.place-1, f)
	return true
}
