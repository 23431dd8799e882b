package web

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// Bounds of an export.
const (
	exportPage  = 4096   // packets that are asked for at once
	maxSelected = 10_000 // packets that are named one by one
)

// exported is a packet on its way into a file.
type exported struct {
	*dataOf
	note notes.Note
}

// remarks are what the file and the reader said about the packet.
func (e *exported) remarks() []string {
	list := e.comments()
	if r := e.note.Remark(); r != "" {
		list = append(slices.Clip(list), r)
	}
	return list
}

// packetWriter writes the packets of an export.
type packetWriter interface {
	add(e *exported) error
	end() error
}

// exportKind says how a format is announced.
type exportKind struct {
	mime, ending string
	open         func(w io.Writer, program string) (packetWriter, error)
}

var exportKinds = map[string]exportKind{
	"pcapng":  {"application/x-pcapng", "pcapng", newPcapngWriter},
	"pcap":    {"application/vnd.tcpdump.pcap", "pcap", newPcapWriter},
	"csv":     {"text/csv; charset=utf-8", "csv", newCSVWriter},
	"json":    {"application/x-ndjson", "jsonl", newJSONWriter},
	"parquet": {"application/vnd.apache.parquet", "parquet", newParquetWriter},
}

// choice is which of the packets of a scope are wanted.
type choice struct {
	numbers []uint64 // ascending; those that are wanted when some is set
	some    bool
	last    uint64 // nothing behind it: a running capture ends where it was when it was asked
}

// export answers with a file of the packets that pass.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	reader, scope, err := s.question(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer reader.back()
	kind, ok := exportKinds[r.FormValue("format")]
	if !ok {
		s.fail(w, &requestError{"format", "pcapng, pcap, csv, json or parquet"})
		return
	}
	chosen, err := s.chosen(r, reader)
	if err != nil {
		s.fail(w, err)
		return
	}
	// The file begins with the first packet, so that an error before that can be told.
	out := &lateFile{w: w, kind: kind}
	file, err := kind.open(out, s.cfg.Version)
	if p, ok := file.(*pcapngWriter); ok && err == nil {
		err = p.of(reader)
	}
	if err == nil {
		err = s.listing(r, reader, scope).feed(r.Context(), chosen, reader.book(), file)
	}
	if err == nil {
		err = file.end()
	}
	if err == nil {
		err = out.begin() // one without packets
	}
	switch {
	case err == nil:
	case !out.begun:
		s.fail(w, err)
	default:
		// A file that ends early must not look whole: the connection is broken off.
		if !errors.Is(err, context.Canceled) {
			s.cfg.Log.Warn("an export ended early", "error", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// lateFile sends the head of an answer with the first bytes of the file.
type lateFile struct {
	w     http.ResponseWriter
	kind  exportKind
	begun bool
}

func (f *lateFile) begin() error {
	if !f.begun {
		f.begun = true
		f.w.Header().Set("Content-Type", f.kind.mime)
		f.w.Header().Set("Content-Disposition", `attachment; filename="tarrafa.`+f.kind.ending+`"`)
	}
	return nil
}

// Write implements io.Writer.
func (f *lateFile) Write(b []byte) (int, error) {
	_ = f.begin()
	return f.w.Write(b)
}

// chosen reads which packets are wanted.
func (s *Server) chosen(r *http.Request, reader *lent) (*choice, error) {
	c := &choice{last: math.MaxUint64}
	if r.PathValue("id") == liveName && s.cfg.Hub != nil {
		_, c.last = s.cfg.Hub.Bounds()
	}
	if text := r.FormValue("packets"); text != "" {
		var err error
		if c.numbers, err = numberList(text); err != nil {
			return nil, err
		}
		c.some = true
	}
	if r.FormValue("marked") == "1" {
		var marked []uint64
		if book := reader.book(); book != nil {
			for _, p := range book.Packets() {
				if p.Marked {
					marked = append(marked, p.Number)
				}
			}
		}
		if c.some {
			marked = slices.DeleteFunc(marked, func(n uint64) bool {
				_, found := slices.BinarySearch(c.numbers, n)
				return !found
			})
		}
		c.numbers, c.some = marked, true
	}
	return c, nil
}

// numberList reads packet numbers like 1,5-9, and returns them ascending, each once.
func numberList(text string) ([]uint64, error) {
	bad := &requestError{"packets", "numbers and ranges like 1,5-9, at most " + strconv.Itoa(maxSelected) + " packets"}
	var list []uint64
	for part := range strings.SplitSeq(text, ",") {
		low, high, ranged := strings.Cut(part, "-")
		from, err := strconv.ParseUint(low, 10, 63)
		to := from
		if err == nil && ranged {
			to, err = strconv.ParseUint(high, 10, 63)
		}
		if err != nil || from == 0 || to < from || to-from >= uint64(maxSelected-len(list)) {
			return nil, bad
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// feed hands the chosen packets of the listing to a file.
func (l *listing) feed(ctx context.Context, c *choice, book *notes.Book, file packetWriter) error {
	add := func(d *dataOf) error {
		e := exported{dataOf: d}
		if book != nil {
			e.note = book.Packet(d.Number)
		}
		return file.add(&e)
	}
	if c.some && l.scope.All() {
		for some := range slices.Chunk(c.numbers, exportPage) {
			if err := l.reader.each(ctx, some, add); err != nil {
				return err
			}
		}
		return nil
	}
	last := c.last
	if c.some {
		if len(c.numbers) == 0 {
			return nil
		}
		last = min(last, c.numbers[len(c.numbers)-1])
	}
	for position := uint64(0); ; {
		if l.found != nil { // what an open filter has not come to yet is waited for
			if _, err := l.found.rank(ctx, min(last, c.last)); err != nil {
				return err
			}
		}
		at, rows, err := l.page(ctx, position, exportPage)
		if err != nil {
			return err
		}
		if len(rows) == 0 && at == position {
			return nil
		}
		position = at + uint64(len(rows))
		numbers := make([]uint64, 0, len(rows))
		for _, n := range numbersOf(rows) {
			if _, wanted := slices.BinarySearch(c.numbers, n); n <= last && (wanted || !c.some) {
				numbers = append(numbers, n)
			}
		}
		if err := l.reader.each(ctx, numbers, add); err != nil {
			return err
		}
		if len(rows) > 0 && rows[len(rows)-1].Number >= last {
			return nil
		}
	}
}
