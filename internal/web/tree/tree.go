// Package tree explains the bytes of one packet: protocols and fields with the place of
// each in the bytes.
package tree

import (
	"fmt"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Node is a protocol or a field. Text may hold foreign bytes as text; whoever shows it
// must show it as text.
type Node struct {
	Name  string `json:"name"` // what people read: "Internet Protocol Version 4", "Time to live"
	Field string `json:"field,omitempty"`
	Value string `json:"value,omitempty"`
	Off   int    `json:"offset"` // in the captured bytes
	Len   int    `json:"length"` // bytes; 0: not in the captured bytes
	Warn  bool   `json:"warn,omitempty"`
	Nodes []Node `json:"nodes,omitempty"`
}

// maxNodes bounds the tree of one packet.
const maxNodes = 2000

// Of returns the tree of a packet. The number, the time, the lengths, the link type and
// the bytes must be set; the packet is decoded here.
func Of(p *packet.Packet) []Node {
	packet.NewDecoder().Decode(p)
	b := &builder{p: p}
	b.frame()
	end := 0
	for i := range int(p.N) {
		l := &p.Layers[i]
		if l.Flags&packet.LayerReassembled != 0 {
			b.note("Reassembled datagram", "its headers stand in several packets")
			break
		}
		if int(l.Off) > len(p.Data) || uint64(l.Off)+uint64(l.Len) > uint64(len(p.Data)) {
			break
		}
		b.layer(i, l)
		end = int(l.Off + l.Len)
	}
	b.rest(end)
	return b.top
}

type builder struct {
	p     *packet.Packet
	top   []Node
	count int
}

func (b *builder) note(name, value string) {
	b.top = append(b.top, Node{Name: name, Value: value})
}

func (b *builder) frame() {
	p := b.p
	n := Node{Name: "Frame", Field: "frame", Value: fmt.Sprintf("%d: %d bytes on the wire, %d captured", p.Number, p.WireLen, len(p.Data)), Len: len(p.Data)}
	n.Nodes = []Node{
		{Name: "Number", Field: "frame.number", Value: fmt.Sprint(p.Number)},
		{Name: "Time", Field: "frame.time_epoch", Value: timeText(p.Time)},
		{Name: "Direction", Value: p.Direction.String()},
		{Name: "Length on the wire", Field: "frame.len", Value: fmt.Sprint(p.WireLen)},
		{Name: "Captured length", Field: "frame.cap_len", Value: fmt.Sprint(len(p.Data)), Warn: uint32(len(p.Data)) < p.WireLen},
		{Name: "Link type", Value: fmt.Sprint(uint16(p.Link))},
		{Name: "Decoding", Value: p.Outcome.String(), Warn: p.Outcome >= packet.OutcomeTruncated},
	}
	b.top = append(b.top, n)
}

// layer appends a header with its fields.
func (b *builder) layer(i int, l *packet.Layer) {
	d, known := described[l.Kind]
	n := Node{Name: d.name, Field: d.field, Off: int(l.Off), Len: int(l.Len)}
	if !known {
		n.Name, n.Field = l.Kind.String(), ""
	}
	header := b.p.Data[l.Off : l.Off+l.Len]
	for _, f := range d.fields {
		if f.off+f.size > len(header) || b.count >= maxNodes {
			continue
		}
		raw := header[f.off : f.off+f.size]
		b.count++
		n.Nodes = append(n.Nodes, Node{
			Name: f.name, Field: f.field, Value: f.text(raw), Off: int(l.Off) + f.off, Len: f.size,
		})
	}
	if d.more != nil {
		d.more(b, &n, header, int(l.Off))
	}
	if d.title != nil {
		n.Value = d.title(header)
	}
	for flag, text := range map[packet.LayerFlags]string{
		packet.LayerQuoted: "quoted in an ICMP error", packet.LayerTruncated: "cut off",
		packet.LayerMalformed: "contradicts itself", packet.LayerFragment: "a fragment",
	} {
		if l.Flags&flag != 0 {
			n.Value += " [" + text + "]"
			n.Warn = n.Warn || flag == packet.LayerTruncated || flag == packet.LayerMalformed
		}
	}
	b.top = append(b.top, n)
	_ = i
}

// rest names the bytes behind the last header.
func (b *builder) rest(end int) {
	data := b.p.Data
	if end >= len(data) || b.p.N == 0 {
		if len(data) > 0 && b.p.N == 0 {
			b.top = append(b.top, Node{Name: "Data", Field: "data", Value: bytesText(len(data)), Len: len(data)})
		}
		return
	}
	l := &b.p.Layers[b.p.N-1]
	payload := min(int(min(uint64(l.PayLen), uint64(len(data)))), len(data)-end)
	if payload > 0 {
		b.top = append(b.top, b.application(end, data[end:end+payload]))
	}
	if over := len(data) - end - payload; over > 0 {
		b.top = append(b.top, Node{Name: "Padding or trailer", Value: bytesText(over), Off: end + payload, Len: over})
	}
}

func bytesText(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}
