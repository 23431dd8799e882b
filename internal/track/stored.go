package track

import (
	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Stored returns a flow in the form in which stores keep it and [query.FlowReader] answers
// with it: names are made printable.
func (c *Conversation) Stored() query.Flow {
	t := &c.Tuple
	f := query.Flow{
		ID: c.ID, CommunityID: c.CommunityID(), Proto: t.Proto,
		Client: t.Src.Netip(t.Version), ClientPort: t.SrcPort, Server: t.Dst.Netip(t.Version), ServerPort: t.DstPort,
		FirstPacket: c.FirstPacket, Start: c.Start, Last: c.Last, Ended: c.End.String(), Resumed: c.Resumed,
		Direction: c.Direction.String(), ConnState: c.State.String(), History: c.History.String(), InitialRTT: c.InitialRTT,
		Encrypted: c.Encrypted, Name: text(c.Name), JA4: text(c.JA4), Host: text(c.Host),
		FromClient: halfOf(&c.Client), FromServer: halfOf(&c.Server),
	}
	if c.Stream != flow.NoStream {
		f.Stream = new(c.Stream)
	}
	if o := &c.Outer; o.Version != 0 {
		f.OuterSrc, f.OuterDst = o.Src.Netip(o.Version), o.Dst.Netip(o.Version)
	}
	if c.VLAN != packet.NoVLAN {
		f.VLAN = new(c.VLAN)
	}
	if c.Protocol != app.Unknown {
		f.App = c.Protocol.String()
	}
	if len(c.Name) > 0 {
		f.NameField = c.NameField.String()
	}
	return f
}

func text(name []byte) string { return string(app.Printable(nil, name)) }

func halfOf(h *flow.Half) query.FlowHalf {
	return query.FlowHalf{
		Packets: h.Packets, Bytes: h.Bytes, Payload: h.Payload, RetransmittedBytes: h.Retransmitted,
		Retransmissions: h.Retransmissions, Spurious: h.Spurious, OutOfOrder: h.OutOfOrder, Lost: h.Lost,
		DuplicateAcks: h.DuplicateAcks, ZeroWindows: h.ZeroWindows, WindowFull: h.WindowFull, Resets: h.Resets,
		RTTCount: h.RTT.Count, RTTMin: int64(h.RTT.Min) * 1000, RTTMean: h.RTT.Mean(), RTT90: h.RTT.Quantile(0.9),
		RTTMax: int64(h.RTT.Max) * 1000,
	}
}
