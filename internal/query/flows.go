package query

import (
	"context"
	"net/netip"
)

// Flow is a flow that has ended, with what its payload said: a row of NNNNNN.flows.parquet
// and of the table flows. What the words mean is in docs/flows.md.
type Flow struct {
	ID          uint64  // from 1 in order of appearance
	Stream      *uint32 // tcp.stream or udp.stream; nil for other protocols
	CommunityID string
	Proto       uint8
	Client      netip.Addr
	Server      netip.Addr
	ClientPort  uint16
	ServerPort  uint16
	OuterSrc    netip.Addr // tunnel endpoints; not valid: no tunnel
	OuterDst    netip.Addr
	VLAN        *uint16
	FirstPacket uint64
	Start, Last int64 // ns since 1970-01-01 UTC
	Ended       string
	Resumed     bool
	Direction   string // of the client's packets: sent, received, unknown
	ConnState   string
	History     string
	InitialRTT  int64 // ns; 0: not known

	App       string // empty: not recognised; so the names
	Encrypted bool
	Name      string // foreign text, made printable, as are JA4 and Host
	NameField string
	JA4       string
	Host      string

	FromClient, FromServer FlowHalf
}

// FlowHalf is what one side of a flow sent.
type FlowHalf struct {
	Packets, Bytes, Payload, RetransmittedBytes    uint64
	Retransmissions, Spurious, OutOfOrder, Lost    uint32
	DuplicateAcks, ZeroWindows, WindowFull, Resets uint32
	RTTCount                                       uint32
	RTTMin, RTTMean, RTT90, RTTMax                 int64 // ns
}

// FlowPage is a run of the flows that a scope holds.
type FlowPage struct {
	From  uint64 // position of the first row, from 0
	Total uint64 // flows in the scope
	Rows  []Flow // by ID
}

// FlowReader is a [Reader] that knows the flows of its packets.
type FlowReader interface {
	// Flows returns up to count flows, by their ID, starting with the one at position from
	// (0-based): those that have a packet in the scope. Their numbers are those of the whole
	// flow. Flows that have not ended are not among them.
	Flows(ctx context.Context, s Scope, from uint64, count int) (*FlowPage, error)
}
