package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

type followOptions struct {
	analysisFlags
	database databaseFlags
	stream   int64
	udp      bool
	as       string
}

func followCommand() *cobra.Command {
	var o followOptions
	cmd := &cobra.Command{
		Use:   "follow --stream N FILE|DIR|-|--db",
		Short: "Print what both sides of a connection said, in order",
		Long: `Put the payload of a TCP connection or a UDP conversation together and print both
directions in the order in which they were received. Streams are numbered as tshark's
tcp.stream and udp.stream; tarrafa flows prints the numbers.

ascii  text; what is not printable is a dot
hex    offsets, bytes and text
raw    the very bytes, as tshark's follow has them; what is missing is reported on the
       error output
json   one object: stream, client, server, segments (dir, time, data_hex, gap)

Repeated bytes are delivered once, and where segments overlap the bytes that came first
win. What the receiver got but the capture does not have is shown as a gap.

With --db the stream is read from PostgreSQL, when the capture was stored with
--db-payload; tarrafa flows --db prints the numbers, and --capture names the capture.`,
		Example: `  tarrafa follow --stream 0 trace.pcap
  tarrafa follow --stream 3 --as raw trace.pcap > page.bin
  tarrafa follow --stream 1 --udp --as json trace.pcap
  tarrafa read --db --db-payload trace.pcap && tarrafa follow --stream 0 --db`,
		Args: o.database.capturesOr(func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &exitError{code: exitOptions, err: words.Errorf("tarrafa follow: name one capture"), mend: words.Sprintf("run: %s --help", "tarrafa follow")}
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFollow(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args, &o)
		},
	}
	f := cmd.Flags()
	f.Int64Var(&o.stream, "stream", -1, "number of the stream, from 0")
	f.BoolVar(&o.udp, "udp", false, "a UDP conversation, not a TCP connection")
	f.StringVar(&o.as, "as", "ascii", "ascii, hex, raw or json")
	o.add(f)
	o.database.add(f)
	return cmd
}

func runFollow(ctx context.Context, stdout, stderr io.Writer, names []string, o *followOptions) error {
	name := "--db"
	if len(names) > 0 {
		name = names[0]
	}
	listing := shellQuote(name)
	if o.database.capture != "" {
		listing = "--db --capture " + shellQuote(o.database.capture)
	}
	ctx, stop := interrupted(ctx)
	defer stop()
	bad := func(format string, args ...any) error {
		return &exitError{code: exitOptions, err: words.Errorf(format, args...), mend: words.Sprintf("list the streams: tarrafa flows %s", listing)}
	}
	if o.stream < 0 || o.stream >= int64(flow.NoStream) {
		return bad("--stream: name the number of a stream, from 0")
	}
	if err := o.validate(); err != nil {
		return err
	}
	if o.as == "raw" {
		if err := notOnTerminal(stdout, "what was said"); err != nil {
			return err
		}
	}
	w := bufio.NewWriterSize(stdout, 1<<16)
	out, err := newDialogue(w, o)
	if err != nil {
		return err
	}
	f := &following{o: o, out: out}
	if o.database.dsn != "" {
		if err := databaseFollow(ctx, stderr, f, w); err != nil || f.streams != nil {
			return err
		}
		return bad("--stream %d: %s has %d %s streams, numbered from 0", o.stream, name, f.stored.Streams, o.kind())
	}
	if err := confineQuietly(stderr, o.noSandbox, readingRules([]string{name}, nil)); err != nil {
		return err
	}
	ins, err := openInputs([]string{name}, false)
	if err != nil {
		return err
	}
	defer closeInputs(ins)
	if len(ins) != 1 {
		return bad("%s holds %d captures, each with streams of its own: name one, for example %s", name, len(ins), ins[0].name)
	}
	table := flow.NewTable(flow.Options{Memory: int64(o.memory)})
	notes := make([]flow.Note, 0)
	err = track.New().Run(ctx, ins[0].chunks, followerFunc(func(_ context.Context, b *track.Batch) error {
		if len(notes) < len(b.Rows) {
			notes = make([]flow.Note, len(b.Rows))
		}
		table.Apply(b.Rows, b.Chunk.Bytes, notes)
		f.batch(b, notes)
		if f.err != nil {
			return &track.FatalError{Err: f.err}
		}
		return nil
	}))
	f.end()
	if ferr := errors.Join(f.err, w.Flush()); ferr != nil {
		return ferr
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	c := table.Counters()
	if c.Forced > 0 {
		_, _ = words.Fprintf(stderr, "tarrafa: %d flows were given up for want of memory, and stream numbers may differ from tshark's; raise --flow-memory\n", c.Forced)
	}
	if f.streams == nil {
		count := c.TCPStreams
		if o.udp {
			count = c.UDPStreams
		}
		return bad("--stream %d: %s has %d %s streams, numbered from 0", o.stream, name, count, o.kind())
	}
	f.report(stderr)
	return nil
}

// following puts one stream together.
type following struct {
	o        *followOptions
	out      dialogue
	payloads track.Payloads
	streams  *flow.Reassembler // nil until the stream's first packet
	err      error

	stored postgres.StreamCounters // of a stream in the database
}

// proto is the protocol whose streams are counted.
func (o *followOptions) proto() uint8 {
	if o.udp {
		return packet.ProtoUDP
	}
	return packet.ProtoTCP
}

func (o *followOptions) kind() string {
	if o.udp {
		return "UDP"
	}
	return "TCP"
}

func (f *following) batch(b *track.Batch, notes []flow.Note) {
	proto := f.o.proto()
	want := uint32(f.o.stream)
	for i := range b.Rows {
		f.payloads.Conversations(b, i, &notes[i], func(c *track.Part) {
			if c.Stream == want && c.Proto == proto {
				f.add(c)
			}
		})
		if f.err != nil {
			return
		}
	}
}

func (f *following) add(c *track.Part) {
	if f.streams == nil {
		client := c.Summary.Inner
		if !c.FromClient {
			client.Src, client.Dst = client.Dst, client.Src
			client.SrcPort, client.DstPort = client.DstPort, client.SrcPort
		}
		f.err = f.out.begin(uint32(f.o.stream), &client)
		f.streams = flow.NewReassembler(client, flow.StreamLimits{}, nil, func(p flow.Piece) {
			if f.err == nil {
				f.err = f.out.piece(&p)
			}
		})
	}
	f.streams.Add(c.Summary, c.Payload)
}

func (f *following) end() {
	if f.streams == nil || f.err != nil {
		return
	}
	f.streams.Close()
	if f.err == nil {
		f.err = f.out.end()
	}
}

// report tells what is missing.
func (f *following) report(w io.Writer) {
	c := f.streams.Counters()
	if c.AtEnd > 0 && f.o.as == "raw" {
		_, _ = words.Fprintf(w, "tarrafa: what came behind %d holes that the receiver never acknowledged was left out; --as json shows it\n", c.AtEnd)
	}
	if c.Gaps > 0 {
		_, _ = words.Fprintf(w, "tarrafa: %d bytes are missing in %d gaps\n", c.GapBytes, c.Gaps)
	}
	if c.CutBytes > 0 {
		_, _ = words.Fprintf(w, "tarrafa: %d bytes were cut off by the capture's snapshot length\n", c.CutBytes)
	}
	if c.Forced > 0 {
		_, _ = words.Fprintf(w, "tarrafa: %d of the gaps were assumed, as too much was waiting for them\n", c.Forced)
	}
}
