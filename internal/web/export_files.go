package web

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

type jsonWriter struct{ enc *json.Encoder }

func newJSONWriter(w io.Writer, _ string) (packetWriter, error) {
	return &jsonWriter{json.NewEncoder(w)}, nil
}

// exportRow is a packet of a list with what the reader left there.
type exportRow struct {
	packetRow
	Marked  bool   `json:"marked"`
	Comment string `json:"comment"`
}

func (j *jsonWriter) add(e *exported) error {
	return j.enc.Encode(exportRow{rowOf(e.Summary, e.data), e.note.Marked, e.note.Comment})
}
func (*jsonWriter) end() error { return nil }

type csvWriter struct{ w *csv.Writer }

var csvHead = []string{
	"number", "time", "direction", "src", "sport", "dst", "dport", "protocol", "length", "captured", "tcp_flags", "payload_length", "payload_hash",
	"marked", "comment",
}

func newCSVWriter(w io.Writer, _ string) (packetWriter, error) {
	c := &csvWriter{csv.NewWriter(w)}
	return c, c.w.Write(csvHead) // which buffers it
}

// add writes a line. Every value but the comment is made by the program from numbers and
// addresses.
func (c *csvWriter) add(e *exported) error {
	r := rowOf(e.Summary, e.data)
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	return c.w.Write([]string{
		n(r.Number), r.Time, r.Direction, r.Src, n(uint64(r.SrcPort)), r.Dst, n(uint64(r.DstPort)), r.Protocol,
		n(uint64(r.Length)), n(uint64(r.Captured)), n(uint64(r.Flags)), n(uint64(r.PayloadLen)), r.PayloadHash,
		strconv.FormatBool(e.note.Marked), inert.Cell(e.note.Comment),
	})
}

func (c *csvWriter) end() error {
	c.w.Flush()
	return c.w.Error()
}

// pcapWriter writes classic pcap files, which have no place for comments and one link type.
type pcapWriter struct {
	w      *segment.FileWriter
	chunks map[packet.LinkType]*segment.Chunk // that say nothing but the link type
}

func newPcapWriter(w io.Writer, _ string) (packetWriter, error) {
	return &pcapWriter{segment.NewFileWriter(w, segment.FileOptions{Kind: segment.Pcap}), map[packet.LinkType]*segment.Chunk{}}, nil
}

func (p *pcapWriter) add(e *exported) error {
	c := p.chunks[e.link]
	if c == nil {
		c = &segment.Chunk{Interfaces: []segment.Interface{{Link: e.link}}}
		p.chunks[e.link] = c
	}
	return p.w.WritePacket(c, &segment.Record{Time: e.Time, WireLen: e.WireLen, Data: e.data}, segment.PacketOptions{})
}

func (p *pcapWriter) end() error { return p.w.Flush() }

// parquetWriter writes the columns of an index, without those of the reader's notes.
type parquetWriter struct {
	w       io.Writer
	program string
	e       *index.Export // nil: not begun
}

func newParquetWriter(w io.Writer, program string) (packetWriter, error) {
	return &parquetWriter{w: w, program: program}, nil
}

func (p *parquetWriter) begin() (err error) {
	if p.e == nil {
		p.e, err = index.NewExport(p.w, p.program)
	}
	return err
}

func (p *parquetWriter) add(e *exported) error {
	if err := p.begin(); err != nil {
		return err
	}
	return p.e.Packet(e.Summary, e.data)
}

func (p *parquetWriter) end() error {
	if err := p.begin(); err != nil {
		return err
	}
	return p.e.Close()
}
