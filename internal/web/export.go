package web

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/query"
)

// exportPage is how many packets are asked for at once.
const exportPage = 1000

// rowWriter writes the packets of an export.
type rowWriter interface {
	add(d *query.Detail) error
	end() error
}

// export answers with a file of the packets that pass.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	reader, scope, err := s.question(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer reader.back()
	format := r.FormValue("format")
	kind := map[string]string{"pcapng": "application/x-pcapng", "csv": "text/csv; charset=utf-8", "json": "application/x-ndjson"}[format]
	if kind == "" {
		s.fail(w, &requestError{"format", "pcapng, csv or json"})
		return
	}
	// The first page is asked for before the head is sent, so that an error can be told.
	page, err := reader.Packets(r.Context(), scope, 0, exportPage)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	ending := format
	if format == "json" {
		ending = "jsonl"
	}
	w.Header().Set("Content-Disposition", `attachment; filename="tarrafa.`+ending+`"`)
	out := exportTo(format, w)
	for from := uint64(0); ; {
		for i := range page.Rows {
			d, err := reader.Packet(r.Context(), page.Rows[i].Number)
			if err == nil {
				err = out.add(d)
			}
			if err != nil {
				// A file that ends early must not look whole: the connection is broken off.
				s.cfg.Log.Warn("an export ended early", "error", err)
				panic(http.ErrAbortHandler)
			}
		}
		if len(page.Rows) < exportPage {
			break
		}
		from += uint64(len(page.Rows))
		if page, err = reader.Packets(r.Context(), scope, from, exportPage); err != nil {
			s.cfg.Log.Warn("an export ended early", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	if err := out.end(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func exportTo(format string, w io.Writer) rowWriter {
	switch format {
	case "csv":
		return &csvWriter{w: csv.NewWriter(w)}
	case "json":
		return &jsonWriter{enc: json.NewEncoder(w)}
	}
	return &pcapngWriter{w: w}
}

type jsonWriter struct{ enc *json.Encoder }

func (j *jsonWriter) add(d *query.Detail) error { return j.enc.Encode(rowOf(&d.Summary, d.Data)) }
func (*jsonWriter) end() error                  { return nil }

type csvWriter struct {
	w     *csv.Writer
	begun bool
}

var csvHead = []string{
	"number", "time", "direction", "src", "sport", "dst", "dport", "protocol", "length", "captured", "tcp_flags", "payload_length", "payload_hash",
}

// add writes a line. Every value is made by the program from numbers and addresses: none
// is foreign text that a spreadsheet would take for a formula.
func (c *csvWriter) add(d *query.Detail) error {
	if !c.begun {
		c.begun = true
		if err := c.w.Write(csvHead); err != nil {
			return err
		}
	}
	r := rowOf(&d.Summary, d.Data)
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	return c.w.Write([]string{
		n(r.Number), r.Time, r.Direction, r.Src, n(uint64(r.SrcPort)), r.Dst, n(uint64(r.DstPort)), r.Protocol,
		n(uint64(r.Length)), n(uint64(r.Captured)), n(uint64(r.Flags)), n(uint64(r.PayloadLen)), r.PayloadHash,
	})
}

func (c *csvWriter) end() error {
	c.w.Flush()
	return c.w.Error()
}
