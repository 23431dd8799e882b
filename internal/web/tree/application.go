package tree

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// maxRecords bounds what is shown of one DNS message.
const maxRecords = 200

// application explains what a transport carries: DNS in full, text protocols line by
// line, everything else as data.
func (b *builder) application(off int, data []byte) Node {
	sport, dport := b.ports()
	transport := packet.KindNone
	if t := b.p.InnerTransport; t >= 0 {
		transport = b.p.Layers[t].Kind
	}
	if transport == packet.KindUDP && (is(sport, dport, 53) || is(sport, dport, 5353) || is(sport, dport, 5355)) {
		if n, ok := dns(off, data); ok {
			return n
		}
	}
	if n, ok := text(off, data); ok {
		return n
	}
	return Node{Name: "Data", Field: "data", Value: bytesText(len(data)), Off: off, Len: len(data)}
}

func is(a, b, port uint16) bool { return a == port || b == port }

func (b *builder) ports() (src, dst uint16) {
	if b.p.InnerTransport < 0 {
		return 0, 0
	}
	l := &b.p.Layers[b.p.InnerTransport]
	if l.Flags&packet.LayerReassembled != 0 || l.Len < 4 {
		return 0, 0
	}
	h := b.p.Data[l.Off : l.Off+l.Len]
	return uint16(number(h[:2])), uint16(number(h[2:4]))
}

// dns explains a DNS message. Names and texts are foreign.
func dns(off int, data []byte) (n Node, ok bool) {
	// The library is asked about foreign bytes: what it cannot take must not end the
	// program.
	defer func() {
		if recover() != nil {
			n, ok = Node{}, false
		}
	}()
	var m layers.DNS
	if m.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil || len(data) < 12 {
		return Node{}, false
	}
	kind := "query"
	if m.QR {
		kind = "response"
	}
	n = Node{Name: "Domain Name System", Field: "dns", Value: kind, Off: off, Len: len(data)}
	at := func(name, field, value string, from, size int) {
		n.Nodes = append(n.Nodes, Node{Name: name, Field: field, Value: value, Off: off + from, Len: size})
	}
	at("Transaction", "dns.id", fmt.Sprintf("0x%04x", m.ID), 0, 2)
	at("Kind", "dns.flags.response", kind, 2, 1)
	at("Operation", "dns.flags.opcode", m.OpCode.String(), 2, 1)
	at("Result", "dns.flags.rcode", m.ResponseCode.String(), 3, 1)
	at("Questions", "dns.count.queries", strconv.Itoa(int(m.QDCount)), 4, 2)
	at("Answers", "dns.count.answers", strconv.Itoa(int(m.ANCount)), 6, 2)
	at("Authorities", "dns.count.auth_rr", strconv.Itoa(int(m.NSCount)), 8, 2)
	at("Additional", "dns.count.add_rr", strconv.Itoa(int(m.ARCount)), 10, 2)
	for _, q := range m.Questions[:min(len(m.Questions), maxRecords)] {
		n.Nodes = append(n.Nodes, Node{Name: "Question", Field: "dns.qry.name", Value: visible(q.Name) + " " + q.Type.String()})
		n.Value += " " + visible(q.Name)
	}
	for _, list := range []struct {
		name string
		of   []layers.DNSResourceRecord
	}{{"Answer", m.Answers}, {"Authority", m.Authorities}, {"Additional", m.Additionals}} {
		for i := range list.of[:min(len(list.of), maxRecords)] {
			r := &list.of[i]
			n.Nodes = append(n.Nodes, Node{Name: list.name, Value: visible(r.Name) + " " + visible([]byte(r.String()))})
		}
	}
	return n, true
}

// maxLines bounds what is shown of a text.
const maxLines = 100

// text explains what begins like a text protocol: one node a line, up to the first empty
// one.
func text(off int, data []byte) (Node, bool) {
	end := 0
	var lines []Node
	for end < len(data) && len(lines) < maxLines {
		next := strings.IndexByte(string(data[end:min(len(data), end+4096)]), '\n')
		if next < 0 {
			break
		}
		line := data[end : end+next+1]
		trimmed := strings.TrimRight(string(line), "\r\n")
		if trimmed == "" {
			break
		}
		if !mostlyText(line) {
			return Node{}, false
		}
		lines = append(lines, Node{Name: visible([]byte(trimmed)), Off: off + end, Len: len(line)})
		end += next + 1
	}
	if len(lines) == 0 {
		return Node{}, false
	}
	return Node{Name: "Text", Value: lines[0].Name, Off: off, Len: len(data), Nodes: lines}, true
}

func mostlyText(line []byte) bool {
	odd := 0
	for _, c := range line {
		if c < 0x20 && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			odd++
		}
	}
	return odd*10 <= len(line)
}

// visible turns foreign bytes into text without control characters and without those
// that change the direction of writing.
func visible(b []byte) string {
	return strings.Map(func(r rune) rune {
		if inert.Acts(r) || r == utf8.RuneError {
			return '·'
		}
		return r
	}, string(b))
}
