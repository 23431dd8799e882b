package main

import (
	"strconv"
	"time"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// flowDocument is a flow as flows --json prints it: one object a line. Names are foreign
// text as it was sent.
type flowDocument struct {
	Flow        uint64         `json:"flow"`
	Stream      *uint32        `json:"stream"` // tcp.stream or udp.stream; null for other protocols
	CommunityID string         `json:"community_id"`
	Protocol    string         `json:"protocol"`
	Client      string         `json:"client"`
	ClientPort  uint16         `json:"client_port"`
	Server      string         `json:"server"`
	ServerPort  uint16         `json:"server_port"`
	Outer       *outerDocument `json:"outer,omitempty"`
	VLAN        *uint16        `json:"vlan,omitempty"`
	FirstPacket uint64         `json:"first_packet"`
	Start       string         `json:"start"`
	End         string         `json:"end"`
	DurationNS  int64          `json:"duration_ns"`
	Ended       string         `json:"ended"` // why the flow ended
	Resumed     bool           `json:"resumed,omitempty"`
	Direction   string         `json:"direction,omitempty"` // of the client's packets
	ConnState   string         `json:"conn_state"`
	History     string         `json:"history"`
	InitialRTT  int64          `json:"initial_rtt_ns,omitempty"`

	App       string `json:"app,omitempty"`
	Encrypted bool   `json:"encrypted,omitempty"`
	Name      string `json:"name,omitempty"`
	NameField string `json:"name_field,omitempty"`
	JA4       string `json:"ja4,omitempty"`
	Host      string `json:"host,omitempty"` // the server's name by the capture's DNS answers

	FromClient halfDocument `json:"from_client"`
	FromServer halfDocument `json:"from_server"`
}

// outerDocument is the endpoints of a tunnel.
type outerDocument struct {
	Src      string `json:"src"`
	Dst      string `json:"dst"`
	Protocol string `json:"protocol,omitempty"`
}

// halfDocument is what one side sent.
type halfDocument struct {
	Packets            uint64       `json:"packets"`
	Bytes              uint64       `json:"bytes"`
	Payload            uint64       `json:"payload"`
	RetransmittedBytes uint64       `json:"retransmitted_bytes"`
	Retransmissions    uint32       `json:"retransmissions"`
	Spurious           uint32       `json:"spurious_retransmissions"`
	OutOfOrder         uint32       `json:"out_of_order"`
	Lost               uint32       `json:"lost_segments"`
	DuplicateAcks      uint32       `json:"duplicate_acks"`
	ZeroWindows        uint32       `json:"zero_windows"`
	WindowFull         uint32       `json:"window_full"`
	Resets             uint32       `json:"resets"`
	MSS                uint16       `json:"mss,omitempty"`
	WindowScale        *int8        `json:"window_scale,omitempty"`
	SACK               bool         `json:"sack_permitted,omitempty"`
	Timestamps         bool         `json:"timestamps,omitempty"`
	RTT                *rttDocument `json:"rtt,omitempty"`
}

// rttDocument holds the times from this side's segments to their acknowledgement.
type rttDocument struct {
	Count  uint32 `json:"count"`
	MinNS  int64  `json:"min_ns"`
	MeanNS int64  `json:"mean_ns"`
	P50NS  int64  `json:"p50_ns,omitempty"`
	P90NS  int64  `json:"p90_ns"`
	P99NS  int64  `json:"p99_ns,omitempty"`
	MaxNS  int64  `json:"max_ns"`
}

func newFlowDocument(c *track.Conversation) flowDocument {
	t := &c.Tuple
	d := flowDocument{
		Flow: c.ID, CommunityID: c.CommunityID(), Protocol: index.ProtocolName(t.Proto),
		Client: hostText(t.Src, t.Version), ClientPort: t.SrcPort,
		Server: hostText(t.Dst, t.Version), ServerPort: t.DstPort,
		FirstPacket: c.FirstPacket, Start: stampText(c.Start), End: stampText(c.Last), DurationNS: c.Duration(),
		Ended: c.End.String(), Resumed: c.Resumed, ConnState: c.State.String(), History: c.History.String(),
		InitialRTT: c.InitialRTT, Encrypted: c.Encrypted,
		Name: string(c.Name), JA4: string(c.JA4), Host: string(c.Host),
		FromClient: newHalfDocument(&c.Client), FromServer: newHalfDocument(&c.Server),
	}
	if c.Stream != flow.NoStream {
		d.Stream = new(c.Stream)
	}
	if o := &c.Outer; o.Version != 0 {
		d.Outer = &outerDocument{hostText(o.Src, o.Version), hostText(o.Dst, o.Version), index.ProtocolName(o.Proto)}
	}
	if c.VLAN != packet.NoVLAN {
		d.VLAN = new(c.VLAN)
	}
	if c.Direction != packet.DirectionUnknown {
		d.Direction = c.Direction.String()
	}
	if c.Protocol != 0 {
		d.App = c.Protocol.String()
	}
	if len(c.Name) > 0 {
		d.NameField = c.NameField.String()
	}
	return d
}

func newHalfDocument(h *flow.Half) halfDocument {
	d := halfDocument{
		Packets: h.Packets, Bytes: h.Bytes, Payload: h.Payload, RetransmittedBytes: h.Retransmitted,
		Retransmissions: h.Retransmissions, Spurious: h.Spurious, OutOfOrder: h.OutOfOrder, Lost: h.Lost,
		DuplicateAcks: h.DuplicateAcks, ZeroWindows: h.ZeroWindows, WindowFull: h.WindowFull, Resets: h.Resets,
		MSS: h.MSS, SACK: h.SACK, Timestamps: h.Timestamps,
	}
	if h.Scale >= 0 {
		d.WindowScale = new(h.Scale)
	}
	if r := &h.RTT; r.Count > 0 {
		d.RTT = &rttDocument{
			Count: r.Count, MinNS: int64(r.Min) * 1000, MeanNS: r.Mean(), P50NS: r.Quantile(0.5),
			P90NS: r.Quantile(0.9), P99NS: r.Quantile(0.99), MaxNS: int64(r.Max) * 1000,
		}
	}
	return d
}

func hostText(a packet.Addr, version uint8) string { return string(a.AppendTo(nil, version)) }

// endpointText is an address with its port, in the way of RFC 3986.
func endpointText(a packet.Addr, version uint8, port uint16) string {
	if version == 6 {
		return "[" + hostText(a, version) + "]:" + strconv.Itoa(int(port))
	}
	return hostText(a, version) + ":" + strconv.Itoa(int(port))
}

// stampText is a time in RFC 3339, UTC, with nanoseconds.
func stampText(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }
