package web

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Bounds of one answer about a stream.
const (
	maxStreamBytes   = 1 << 20
	maxStreamPackets = 20_000
	streamPage       = 500
)

// streamText is a conversation's payload in order, as JSON.
type streamText struct {
	Protocol   string  `json:"protocol"`
	Client     string  `json:"client"`
	ClientPort uint16  `json:"client_port"`
	Server     string  `json:"server"`
	ServerPort uint16  `json:"server_port"`
	Filter     string  `json:"filter"` // shows its packets
	Packets    uint64  `json:"packets"`
	Bytes      [2]int  `json:"bytes"` // that the client sent, that the server sent
	Gaps       uint64  `json:"gaps"`
	GapBytes   uint64  `json:"gap_bytes"`
	More       bool    `json:"more"` // the conversation is longer than one answer may be
	Pieces     []piece `json:"pieces"`
}

type piece struct {
	FromClient bool   `json:"from_client"`
	Packet     uint64 `json:"packet"`
	Time       string `json:"time"`
	Data       string `json:"data,omitempty"` // hexadecimal
	Gap        uint32 `json:"gap,omitempty"`  // bytes that the capture does not have
}

// stream answers with the conversation that a packet belongs to.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		number, err := unsigned(r, "packet", 0, 1<<63-1)
		if err != nil {
			return nil, err
		}
		d, err := reader.Packet(r.Context(), number)
		if err != nil {
			return nil, err
		}
		return followStream(r.Context(), reader, d.Summary.Inner)
	})
}

// conversationFilter returns the display filter that holds a conversation's packets.
func conversationFilter(t *packet.Tuple) string {
	name, proto := "ip", "tcp"
	if t.Version == 6 {
		name = "ipv6"
	}
	v := t.Version
	switch {
	case t.Flags&packet.TupleHasPorts == 0:
		proto = ""
	case t.Proto == packet.ProtoTCP:
	case t.Proto == packet.ProtoUDP:
		proto = "udp"
	default:
		proto = ""
	}
	if proto == "" {
		return fmt.Sprintf("%s.addr == %s && %s.addr == %s", name, t.Src.Netip(v), name, t.Dst.Netip(v))
	}
	return fmt.Sprintf("%s.addr == %s && %s.addr == %s && %s.port == %d && %s.port == %d",
		name, t.Src.Netip(v), name, t.Dst.Netip(v), proto, t.SrcPort, proto, t.DstPort)
}

func reversed(t packet.Tuple) packet.Tuple {
	t.Src, t.Dst, t.SrcPort, t.DstPort = t.Dst, t.Src, t.DstPort, t.SrcPort
	return t
}

func sameEnds(a, b *packet.Tuple) bool {
	return a.Src == b.Src && a.Dst == b.Dst && a.SrcPort == b.SrcPort && a.DstPort == b.DstPort && a.Proto == b.Proto
}

func followStream(ctx context.Context, reader *lent, tuple packet.Tuple) (*streamText, error) {
	if tuple.Version == 0 || tuple.Flags&packet.TupleHasPorts == 0 || tuple.Proto != packet.ProtoTCP && tuple.Proto != packet.ProtoUDP {
		return nil, &requestError{"packet", "a packet of TCP or UDP"}
	}
	out := &streamText{Filter: conversationFilter(&tuple), Protocol: packet.ProtoName(tuple.Proto), Pieces: []piece{}}
	f, err := query.Parse(out.Filter)
	if err != nil {
		return nil, err
	}
	var re *flow.Reassembler
	client := tuple
	begin := func(s *packet.Summary) {
		client = s.Inner
		if s.TCPFlags&0x12 == 0x12 { // the answer to a SYN comes first: its receiver is the client
			client = reversed(client)
		}
		re = flow.NewReassembler(client, flow.StreamLimits{}, nil, out.add)
	}
	back := reversed(tuple)
	for from := uint64(0); !out.More; from += streamPage {
		page, err := reader.Packets(ctx, query.Scope{Filter: f}, from, streamPage)
		if err != nil {
			return nil, err
		}
		err = reader.each(ctx, numbersOf(page.Rows), func(d *dataOf) error {
			row := d.Summary
			if out.More || !sameEnds(&row.Inner, &tuple) && !sameEnds(&row.Inner, &back) {
				return nil
			}
			if re == nil {
				begin(row)
			}
			if out.Packets++; out.Packets > maxStreamPackets || out.Bytes[0]+out.Bytes[1] >= maxStreamBytes {
				out.More = true
				return nil
			}
			re.Add(row, payloadOf(row, d.data))
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(page.Rows) < streamPage {
			break
		}
	}
	if re != nil {
		re.Close()
		c := re.Counters()
		out.Gaps, out.GapBytes = c.Gaps, c.GapBytes
	}
	v := client.Version
	out.Client, out.ClientPort = client.Src.Netip(v).String(), client.SrcPort
	out.Server, out.ServerPort = client.Dst.Netip(v).String(), client.DstPort
	return out, nil
}

// add appends a piece. What one side sends in several packets without an answer in
// between stays in several pieces, so that each leads to its packet.
func (t *streamText) add(p flow.Piece) {
	side := 1
	if p.FromClient {
		side = 0
	}
	t.Bytes[side] += len(p.Data)
	t.Pieces = append(t.Pieces, piece{
		FromClient: p.FromClient, Packet: p.Frame, Gap: p.Gap, Data: hex.EncodeToString(p.Data),
		Time: time.Unix(0, p.Time).UTC().Format("2006-01-02T15:04:05.000000000Z07:00"),
	})
}
