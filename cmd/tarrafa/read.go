package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

type readOptions struct {
	format  string
	fields  []string
	tweaks  []string
	filter  string
	display string
	count   uint64
	follow  bool
	out     outputFlags

	noSandbox bool
}

func readCommand() *cobra.Command {
	var o readOptions
	cmd := &cobra.Command{
		Use:   "read FILE…|DIR|-",
		Short: "Read captures: a line a packet, fields, JSON Lines, the database, or another file",
		Long: `Read pcap, pcapng and snoop files (gzip, zstd and lz4 too), standard input (-), or a
capture folder. Without -T or an output option a line is printed for each packet.`,
		Example: `  tarrafa read trace.pcap
  tarrafa read -T fields -e frame.number -e ip.src -e tcp.dstport trace.pcap
  tarrafa read --json - trace.pcapng.gz
  tcpdump -w - | tarrafa read -`,
		Args: atLeastOne("a capture file or folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRead(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args, &o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.format, "type", "T", "", "fields: the fields named with -e, as tshark prints them; text: a line a packet")
	f.StringArrayVarP(&o.fields, "field", "e", nil, "field to print, by tshark's name (repeat)")
	f.StringArrayVarP(&o.tweaks, "fields-option", "E", nil, "header=y|n, separator=CHAR|/t|/s, occurrence=f|l|a, aggregator=CHAR, quote=d|s|n")
	f.StringVarP(&o.filter, "filter", "f", "", "only packets that match, in tcpdump's words")
	f.Uint64VarP(&o.count, "count", "c", 0, "stop after so many packets")
	f.BoolVar(&o.follow, "follow", false, "wait at the end of a file for more, until Ctrl+C")
	noSandboxFlag(f, &o.noSandbox)
	o.out.add(f)
	return cmd
}

func runRead(ctx context.Context, stdout, stderr io.Writer, names []string, o *readOptions) error {
	ctx, stop := interrupted(ctx)
	defer stop()
	if err := confine(nil, o.noSandbox, readingRules(names, &o.out)); err != nil {
		return err
	}
	if o.out.any() {
		if o.format != "" || len(o.fields) > 0 {
			return &exitError{code: exitOptions, err: errors.New("-T and -e print packets and cannot be used together with --json, --db or -w")}
		}
		return readToOutputs(ctx, stdout, stderr, names, o)
	}
	p, err := newPrinter(o)
	if err != nil {
		return err
	}
	ins, err := openInputs(names, o.follow)
	if err != nil {
		return err
	}
	defer closeInputs(ins)
	w := bufio.NewWriterSize(stdout, 1<<16)
	if p.header != nil {
		_, _ = w.Write(p.header)
	}
	var failed error
	for _, in := range ins {
		err := p.run(ctx, w, in, o)
		if errors.Is(err, context.Canceled) {
			break
		}
		failed = errors.Join(failed, err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return failed
}

// printer prints packets one by one.
type printer struct {
	line   *query.Line // nil: text
	header []byte
}

func newPrinter(o *readOptions) (*printer, error) {
	bad := func(format string, args ...any) error {
		return &exitError{code: exitOptions, err: fmt.Errorf(format, args...), mend: "run: tarrafa read --help"}
	}
	switch o.format {
	case "", "text":
		if len(o.fields) > 0 && o.format == "" {
			o.format = "fields"
		}
	case "fields":
	default:
		return nil, bad("-T %s: known are fields and text; JSON Lines are --json -", o.format)
	}
	if o.format != "fields" {
		return &printer{}, nil
	}
	if len(o.fields) == 0 {
		return nil, bad("-T fields needs the fields: -e frame.number -e ip.src …")
	}
	var fields []*query.Field
	for _, name := range o.fields {
		f := query.LookupField(name)
		if f == nil {
			return nil, bad("-e %s: no field of that name%s", name, nearestField(name))
		}
		fields = append(fields, f)
	}
	line := query.NewLine(fields)
	p := &printer{line: line}
	header := false
	for _, tweak := range o.tweaks {
		key, value, _ := strings.Cut(tweak, "=")
		if err := tweakLine(line, &header, key, value); err != nil {
			return nil, bad("-E %s: %v", tweak, err)
		}
	}
	if header {
		p.header = line.AppendHeader(nil)
	}
	return p, nil
}

func tweakLine(line *query.Line, header *bool, key, value string) error {
	char := func() (byte, error) {
		switch {
		case value == "/t":
			return '\t', nil
		case value == "/s":
			return ' ', nil
		case len(value) == 1:
			return value[0], nil
		}
		return 0, errors.New("one character, /t or /s")
	}
	var err error
	switch key {
	case "header":
		if value != "y" && value != "n" {
			return errors.New("y or n")
		}
		*header = value == "y"
	case "separator":
		line.Separator, err = char()
	case "aggregator":
		line.Aggregator, err = char()
	case "occurrence":
		if value != "a" && value != "f" && value != "l" {
			return errors.New("a, f or l")
		}
		line.Occurrence = query.Occurrence(value[0])
	case "quote":
		quotes := map[string]byte{"d": '"', "s": '\'', "n": 0}
		q, ok := quotes[value]
		if !ok {
			return errors.New("d, s or n")
		}
		line.Quote = q
	default:
		return errors.New("known are header, separator, occurrence, aggregator and quote")
	}
	return err
}

// nearestField finds the known field that a wrong name probably means.
func nearestField(name string) string {
	best, score := "", 4
	for _, n := range query.FieldNames() {
		if d := distance(name, n, score); d < score {
			best, score = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance is the number of letters to add, remove or change, or limit when it is that or
// more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			last, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, last+cost)
		}
	}
	return min(row[len(b)], limit)
}

func (p *printer) run(ctx context.Context, w *bufio.Writer, in *input, o *readOptions) error {
	dec := packet.NewDecoder()
	texts := packet.NewDecoder()
	programs := newFileFilter(o.filter)
	var (
		pkt  packet.Packet
		row  query.Row
		buf  []byte
		seen uint64
	)
	for {
		c, err := in.chunks.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		it := c.Records()
		var rec segment.Record
		number := c.First
		for it.Next(&rec) {
			face := faceOf(c, rec.Interface)
			pkt.Number, pkt.Time, pkt.WireLen = number, rec.Time, rec.WireLen
			pkt.Link, pkt.Direction, pkt.Interface, pkt.Data = face.Link, rec.Direction, rec.Interface, rec.Data
			number++
			dec.Decode(&pkt)
			row.InterfaceName, row.HasInterface = face.Name, c.Format.Kind == segment.Pcapng
			row.Next(&pkt)
			ok, err := programs.match(face.Link, rec.Data, rec.WireLen)
			if err != nil {
				in.chunks.Release(c)
				return err
			}
			if !ok {
				continue
			}
			if p.line != nil {
				buf = p.line.Append(buf[:0], &row)
			} else {
				sum := packet.Summary{
					Number: pkt.Number, Time: pkt.Time, CapLen: uint32(len(pkt.Data)), WireLen: pkt.WireLen, Direction: pkt.Direction,
				}
				texts.Summarize(pkt.Data, &sum, pkt.Link)
				buf = appendText(buf[:0], &sum)
			}
			row.PreviousShown = pkt.Time
			if _, err := w.Write(buf); err != nil {
				in.chunks.Release(c)
				return err
			}
			if seen++; o.count > 0 && seen >= o.count {
				in.chunks.Release(c)
				return nil
			}
		}
		in.chunks.Release(c)
		if o.follow {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// faceOf returns the description of an interface; a capture that has none is Ethernet.
func faceOf(c *segment.Chunk, n uint16) *segment.Interface {
	if int(n) < len(c.Interfaces) {
		return &c.Interfaces[n]
	}
	return &segment.Interface{Link: packet.LinkEthernet}
}

// fileFilter is a filter in tcpdump's words over packets of any link type: compiled once
// for each.
type fileFilter struct {
	expr     string
	programs map[packet.LinkType]*filter.Program
}

func newFileFilter(expr string) *fileFilter {
	return &fileFilter{expr, map[packet.LinkType]*filter.Program{}}
}

func (f *fileFilter) match(link packet.LinkType, data []byte, wireLen uint32) (bool, error) {
	if f.expr == "" {
		return true, nil
	}
	p, ok := f.programs[link]
	if !ok {
		var err error
		if p, err = filter.Compile(f.expr, filter.Target{LinkType: int(link)}); err != nil {
			return false, err
		}
		f.programs[link] = p
	}
	return p.Match(data, int(wireLen)), nil
}
