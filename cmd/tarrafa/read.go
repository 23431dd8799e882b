package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
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
  tarrafa read -Y 'tls.handshake.extensions_server_name contains "example"' trace.pcap
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
	f.StringVarP(&o.display, "display-filter", "Y", "", "only packets that match, in Wireshark's words: tcp.analysis.retransmission && ip.src == 10.0.0.1")
	f.Uint64VarP(&o.count, "count", "c", 0, "stop after so many packets")
	f.BoolVar(&o.follow, "follow", false, "wait at the end of a file for more, until Ctrl+C")
	noSandboxFlag(f, &o.noSandbox)
	o.out.add(f)
	return cmd
}

func runRead(ctx context.Context, stdout, stderr io.Writer, names []string, o *readOptions) error {
	ctx, stop := interrupted(ctx)
	defer stop()
	if err := o.out.check(o.filter != "" || o.display != ""); err != nil {
		return err
	}
	if err := rememberNames(o.filter); err != nil {
		return err
	}
	if err := confineQuietly(stderr, o.noSandbox, readingRules(names, &o.out)); err != nil {
		return err
	}
	if o.out.any() {
		if o.format != "" || len(o.fields) > 0 {
			return &exitError{code: exitOptions, err: words.Errorf("-T and -e print packets and cannot be used together with --json, --db or -w")}
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
	line    *query.Line // nil: text
	header  []byte
	display *query.Filter // nil: all
	analyse bool          // flows, the TCP analysis and names are asked for
}

func newPrinter(o *readOptions) (*printer, error) {
	bad := func(format string, args ...any) error {
		return &exitError{code: exitOptions, err: words.Errorf(format, args...), mend: words.Sprintf("run: %s --help", "tarrafa read")}
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
	display, err := parseDisplay(o.display)
	if err != nil {
		return nil, err
	}
	p := &printer{display: display, analyse: display != nil && display.Needs().Notes}
	if o.format != "fields" {
		return p, nil
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
		p.analyse = p.analyse || f.Noted()
	}
	line := query.NewLine(fields)
	p.line = line
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
		return 0, words.Errorf("one character, /t or /s")
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
		return words.Errorf("known are header, separator, occurrence, aggregator and quote")
	}
	return err
}

// nearestField says why there is no such field, as far as that is known, and names the one
// that is probably meant.
func nearestField(name string) (s string) {
	if why := query.WhyRefused(name); why != "" {
		s = ": " + why
	}
	if near := query.Nearest(name); len(near) > 0 {
		s += words.Sprintf("; did you mean %s?", near[0])
	}
	return s
}

func (p *printer) run(ctx context.Context, w *bufio.Writer, in *input, o *readOptions) error {
	tracker := track.New()
	if p.analyse {
		tracker = track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{Records: true}))
	}
	job := &printing{
		printer: p, w: w, programs: newFileFilter(o.filter), limit: o.count,
		rows: rowReader{decode: p.line != nil || p.display != nil},
	}
	if p.line != nil {
		job.rows.row.Remember(p.line.Fields...)
	}
	if p.display != nil {
		job.rows.row.Remember(p.display.Fields()...)
	}
	for {
		c, err := in.chunks.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		tracker.Load(c)
		for b := tracker.Next(); b != nil && err == nil && !job.done; b = tracker.Next() {
			err = job.batch(b)
		}
		in.chunks.Release(c)
		if err != nil || job.done {
			return err
		}
		if o.follow {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// printing is the printing of one capture.
type printing struct {
	*printer
	w        *bufio.Writer
	programs *fileFilter
	rows     rowReader
	buf      []byte
	seen     uint64
	limit    uint64 // 0: none
	done     bool
}

func (j *printing) batch(b *track.Batch) error {
	for i := range b.Rows {
		s := &b.Rows[i]
		row := j.rows.at(b, i)
		ok, err := j.programs.match(faceOf(b.Chunk, s.Interface).Link, b.Data(s), s.WireLen)
		if err != nil {
			return err
		}
		if !ok || j.display != nil && !j.display.Match(row) {
			continue
		}
		if j.line != nil {
			j.buf = j.line.Append(j.buf[:0], row)
		} else {
			j.buf = appendText(j.buf[:0], s)
		}
		row.Shown()
		if _, err := j.w.Write(j.buf); err != nil {
			return err
		}
		if j.seen++; j.limit > 0 && j.seen >= j.limit {
			j.done = true
			return nil
		}
	}
	return nil
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
