package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/words"
)

// dialogue prints a followed stream. Errors are those of the output.
type dialogue interface {
	begin(stream uint32, client *packet.Tuple) error
	piece(p *flow.Piece) error
	end() error
}

func newDialogue(w *bufio.Writer, o *followOptions) (dialogue, error) {
	kind := "tcp"
	if o.udp {
		kind = "udp"
	}
	switch o.as {
	case "ascii":
		return &textDialogue{w: w, kind: kind}, nil
	case "hex":
		return &textDialogue{w: w, kind: kind, hex: true}, nil
	case "raw":
		return rawDialogue{w}, nil
	case "json":
		return &jsonDialogue{w: w}, nil
	}
	return nil, &exitError{code: exitOptions, err: words.Errorf("--as %s: write ascii, hex, raw or json", o.as), mend: words.Sprintf("run: %s --help", "tarrafa follow")}
}

// rawDialogue prints the bytes, both directions in the order of delivery: those that
// tshark's follow prints. What came behind a hole that the receiver never acknowledged is
// left out.
type rawDialogue struct{ w *bufio.Writer }

func (rawDialogue) begin(uint32, *packet.Tuple) error { return nil }
func (rawDialogue) end() error                        { return nil }

func (d rawDialogue) piece(p *flow.Piece) error {
	if p.Late {
		return nil
	}
	_, err := d.w.Write(p.Data)
	return err
}

// textDialogue prints for people: turn by turn, as text or as a hex dump. Nothing that was
// sent can act on the terminal.
type textDialogue struct {
	w       *bufio.Writer
	kind    string
	hex     bool
	first   int64
	started bool
	client  bool      // who speaks
	offsets [2]uint64 // of the hex dump: what the client has sent, and the server
	column  int       // of the line in hand
	line    []byte
}

func (d *textDialogue) begin(stream uint32, c *packet.Tuple) error {
	_, err := words.Fprintf(d.w, "# %s stream %d: client %s, server %s\n", d.kind, stream,
		endpointText(c.Src, c.Version, c.SrcPort), endpointText(c.Dst, c.Version, c.DstPort))
	return err
}

func (d *textDialogue) piece(p *flow.Piece) error {
	if !d.started || d.client != p.FromClient {
		if !d.started {
			d.first = p.Time
		}
		d.started, d.client = true, p.FromClient
		d.endLine()
		arrow := "<<< server"
		if p.FromClient {
			arrow = ">>> client"
		}
		_, _ = words.Fprintf(d.w, "%s, packet %d, %+.6f s\n", arrow, p.Frame, float64(p.Time-d.first)/1e9)
	}
	if p.Gap > 0 {
		d.endLine()
		if d.hex {
			d.offsets[d.side()] += uint64(p.Gap)
		}
		_, err := words.Fprintf(d.w, "[%d bytes missing in the capture]\n", p.Gap)
		return err
	}
	if d.hex {
		return d.dump(p.Data)
	}
	return d.text(p.Data)
}

func (d *textDialogue) side() int {
	if d.client {
		return 0
	}
	return 1
}

func (d *textDialogue) text(data []byte) error {
	for _, c := range data {
		switch {
		case c == '\n':
			d.column = 0
		case c == '\r':
			continue
		case c < ' ' && c != '\t', c > '~':
			c = '.'
			d.column++
		default:
			d.column++
		}
		if err := d.w.WriteByte(c); err != nil {
			return err
		}
	}
	return nil
}

// endLine ends a line that the text has left open.
func (d *textDialogue) endLine() {
	if d.column > 0 {
		_ = d.w.WriteByte('\n') // the next write tells of the error
		d.column = 0
	}
}

// dump writes lines of 16 bytes, the server's indented.
func (d *textDialogue) dump(data []byte) error {
	at := &d.offsets[d.side()]
	for len(data) > 0 {
		n := min(16, len(data))
		b := d.line[:0]
		if !d.client {
			b = append(b, "    "...)
		}
		b = fmt.Appendf(b, "%08x ", *at)
		for i := range 16 {
			if i == 8 {
				b = append(b, ' ')
			}
			if i < n {
				b = append(b, ' ')
				b = hex.AppendEncode(b, data[i:i+1])
			} else {
				b = append(b, "   "...)
			}
		}
		b = append(b, "  |"...)
		for _, c := range data[:n] {
			if c < ' ' || c > '~' {
				c = '.'
			}
			b = append(b, c)
		}
		d.line = append(b, "|\n"...)
		if _, err := d.w.Write(d.line); err != nil {
			return err
		}
		*at += uint64(n)
		data = data[n:]
	}
	return nil
}

func (d *textDialogue) end() error {
	d.endLine()
	return nil
}

// jsonDialogue prints one object. It is written as the stream comes, so that long streams
// take no memory.
type jsonDialogue struct {
	w     *bufio.Writer
	count int
	line  []byte
}

func (d *jsonDialogue) begin(stream uint32, c *packet.Tuple) error {
	// Addresses have no character that JSON escapes.
	_, err := fmt.Fprintf(d.w, `{"stream":%d,"client":"%s","server":"%s","segments":[`, stream,
		endpointText(c.Src, c.Version, c.SrcPort), endpointText(c.Dst, c.Version, c.DstPort))
	return err
}

func (d *jsonDialogue) piece(p *flow.Piece) error {
	b := d.line[:0]
	if d.count++; d.count > 1 {
		b = append(b, ',')
	}
	dir := "server"
	if p.FromClient {
		dir = "client"
	}
	b = append(b, "\n{\"dir\":\""...)
	b = append(b, dir...)
	b = append(b, `","time":"`...)
	b = append(b, stampText(p.Time)...)
	b = append(b, `","data_hex":"`...)
	b = hex.AppendEncode(b, p.Data)
	b = append(b, `","gap":`...)
	b = strconv.AppendUint(b, uint64(p.Gap), 10)
	d.line = append(b, '}')
	_, err := d.w.Write(d.line)
	return err
}

func (d *jsonDialogue) end() error {
	_, err := d.w.WriteString("\n]}\n")
	return err
}
