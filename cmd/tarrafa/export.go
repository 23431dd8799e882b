package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/web/notes"
	"github.com/tarrafa/tarrafa/internal/words"
)

func exportCommand() *cobra.Command {
	var q question
	var out, format string
	cmd := &cobra.Command{
		Use:   "export FILE|DIR|--db -o FILE",
		Short: "Write packets as pcapng, pcap, CSV, JSON Lines or Parquet",
		Example: `  tarrafa export DIR -Y 'tcp.stream == 3 || dns' -o part.pcapng
  tarrafa export trace.pcap -o packets.csv
  tarrafa export DIR --format jsonl -o - | jq .src`,
		Args: q.wants(0, "a capture file or folder, or --db"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := exportFormat(format, out)
			if err != nil {
				return err
			}
			if out != "-" {
				if dir, ok := writable(out); ok {
					q.writes = append(q.writes, dir)
				}
			}
			if q.database.dsn != "" && kind != "csv" && kind != "jsonl" {
				return &exitError{
					code: exitDatabase, err: words.Errorf("the database holds no packet bytes, and cannot be exported as %s", kind),
					mend: words.T("write --format csv or jsonl, or export the capture's folder or file"),
				}
			}
			return q.ask(cmd, args, 0, func(ctx context.Context, r query.Reader, s query.Scope) error {
				return export(ctx, cmd.OutOrStdout(), eachOf(r), s, out, kind, notesOf(r))
			})
		},
	}
	q.flags(cmd)
	q.database.add(cmd.Flags())
	cmd.Flags().StringVarP(&out, "output", "o", "-", "file to write; -: standard output")
	cmd.Flags().StringVar(&format, "format", "", "pcapng, pcap, csv, jsonl or parquet; by the file's name when not given")
	return cmd
}

func exportFormat(format, out string) (string, error) {
	if format == "" {
		format = strings.TrimPrefix(filepath.Ext(out), ".")
	}
	switch format {
	case "pcapng", "pcap", "csv", "jsonl", "parquet":
		return format, nil
	case "ndjson", "json":
		return "jsonl", nil
	}
	return "", &exitError{code: exitOptions, err: words.Errorf("which format?"), mend: words.T("write --format pcapng, pcap, csv, jsonl or parquet")}
}

// exporter takes packets one by one.
type exporter interface {
	packet(s *packet.Summary, data []byte, c *segment.Chunk) error
	end() error
}

// each hands the packets of a scope to f. Those of a database come without their bytes.
type each func(ctx context.Context, s query.Scope, f func(s *packet.Summary, data []byte, c *segment.Chunk) error) error

// eachOf is how a reader's packets are exported.
func eachOf(r query.Reader) each {
	if db, ok := r.(*postgres.Reader); ok {
		return func(ctx context.Context, s query.Scope, f func(*packet.Summary, []byte, *segment.Chunk) error) error {
			var c segment.Chunk
			return db.Each(ctx, s, func(p *packet.Summary, faces []segment.Interface) error {
				c.Interfaces = faces
				return f(p, nil, &c)
			})
		}
	}
	return r.(*history.Capture).Each
}

// notesOf returns what was marked and commented in a capture's folder; nil: there is nothing.
func notesOf(r query.Reader) *notes.Book {
	if c, ok := r.(*history.Capture); ok && c.Dir() != "" {
		return notes.In(c.Dir())
	}
	return nil
}

func export(ctx context.Context, stdout io.Writer, packets each, s query.Scope, name, format string, book *notes.Book) (err error) {
	w := stdout
	if name == "-" && format != "csv" && format != "jsonl" {
		if err := notOnTerminal(stdout, "the file"); err != nil {
			return err
		}
	}
	if name != "-" {
		// A new file beside the old one, so that what is being read is never cut.
		f, ferr := os.CreateTemp(filepath.Dir(name), ".tarrafa-export-*")
		if ferr != nil {
			return fileError(name, ferr)
		}
		defer func() {
			if err = errors.Join(err, f.Close()); err == nil {
				err = os.Rename(f.Name(), name)
			}
			if err != nil {
				_ = os.Remove(f.Name())
			}
		}()
		w = f
	}
	buf := bufio.NewWriterSize(w, 256<<10)
	e, err := newExporter(buf, format, book)
	if err != nil {
		return err
	}
	if err := packets(ctx, s, e.packet); err != nil {
		return err
	}
	if err := e.end(); err != nil {
		return err
	}
	return buf.Flush()
}

func newExporter(w io.Writer, format string, book *notes.Book) (exporter, error) {
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
	file := segment.NewFileWriter(w, segment.FileOptions{Kind: kind, Section: segment.Section{Application: versionText()}})
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
	s = oneLine(s)
	if s != "" && strings.ContainsRune("=+-@\t", rune(s[0])) {
		return "'" + s
	}
	return s
}
