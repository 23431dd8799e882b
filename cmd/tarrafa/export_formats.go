package main

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/web/notes"
	"github.com/tarrafa/tarrafa/internal/words"
)

func newExporter(w io.Writer, format string, preface *segment.Preface, book *notes.Book) (exporter, error) {
	switch format {
	case "csv":
		e := &csvExport{w: csv.NewWriter(w)}
		return e, e.w.Write(csvHeader)
	case "jsonl":
		return &jsonExport{newEncoder(w)}, nil
	case "parquet":
		e, err := index.NewExport(w, versionText())
		return parquetExport{e}, err
	}
	kind := segment.Pcapng
	if format == "pcap" {
		kind = segment.Pcap
	}
	section := preface.Section
	section.Application = versionText()
	file := segment.NewFileWriter(w, segment.FileOptions{Kind: kind, Section: section, Preface: preface})
	return captureExport{file, book}, nil
}

// captureExport writes the packets as they are, with their comments where the format has
// a place for them.
type captureExport struct {
	w     *segment.FileWriter
	notes *notes.Book // nil: there are none
}

func (e captureExport) packet(s *packet.Summary, data []byte, c *segment.Chunk) error {
	rec := segment.Record{
		Time: s.Time, Offset: s.Offset, WireLen: s.WireLen, Interface: s.Interface, Direction: s.Direction, Data: data,
	}
	if int(s.Interface) >= len(c.Interfaces) {
		return words.Errorf("packet %d: interface %d is not described", s.Number, s.Interface)
	}
	if e.notes != nil {
		if remark := e.notes.Packet(s.Number).Remark(); remark != "" {
			o := c.RecordOptions(&rec)
			if !o.HasFlags && s.Direction != packet.DirectionUnknown {
				o.Flags, o.HasFlags = uint32(s.Direction), true
			}
			o.Comments = append(o.Comments, remark)
			return e.w.WritePacket(c, &rec, o)
		}
	}
	return e.w.WriteRecord(c, &rec)
}

func (e captureExport) end() error { return e.w.Flush() }

type parquetExport struct{ e *index.Export }

func (e parquetExport) packet(s *packet.Summary, data []byte, _ *segment.Chunk) error {
	return e.e.Packet(s, data)
}
func (e parquetExport) end() error { return e.e.Close() }

type jsonExport struct{ e *json.Encoder }

func (e *jsonExport) packet(s *packet.Summary, _ []byte, c *segment.Chunk) error {
	return e.e.Encode(recordOf(s, faceOf(c, s.Interface).Name))
}
func (*jsonExport) end() error { return nil }

var csvHeader = []string{
	"number", "time", "direction", "interface", "src", "src_port", "dst", "dst_port", "protocol", "inner_src", "inner_dst",
	"wire_len", "cap_len", "tcp_flags", "payload_len", "outcome",
}

type csvExport struct{ w *csv.Writer }

func (e *csvExport) packet(s *packet.Summary, _ []byte, c *segment.Chunk) error {
	r := recordOf(s, faceOf(c, s.Interface).Name)
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	port := func(v uint16) string {
		if s.Outer.Flags&packet.TupleHasPorts == 0 {
			return ""
		}
		return n(uint64(v))
	}
	return e.w.Write([]string{
		n(r.Number), r.Time, r.Direction, noFormula(r.Interface), noFormula(r.Src), port(r.SrcPort), noFormula(r.Dst), port(r.DstPort), r.Protocol,
		noFormula(r.InnerSrc), noFormula(r.InnerDst), n(uint64(r.WireLen)), n(uint64(r.CapLen)), n(uint64(r.TCPFlags)), n(uint64(r.Payload)), r.Outcome,
	})
}

func (e *csvExport) end() error {
	e.w.Flush()
	return e.w.Error()
}

// noFormula keeps a spreadsheet from taking text from outside for a formula, and a terminal
// from acting on it.
func noFormula(s string) string {
	return inert.Cell(oneLine(s))
}
