package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
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
		Use:   "follow --stream N FILE|DIR|-",
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
win. What the receiver got but the capture does not have is shown as a gap.`,
		Example: `  tarrafa follow --stream 0 trace.pcap
  tarrafa follow --stream 3 --as raw trace.pcap > page.bin
  tarrafa follow --stream 1 --udp --as json trace.pcap`,
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
	ctx, stop := interrupted(ctx)
	defer stop()
	bad := func(format string, args ...any) error {
		return &exitError{code: exitOptions, err: words.Errorf(format, args...), mend: words.Sprintf("list the streams: tarrafa flows %s", shellQuote(name))}
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
	if o.database.dsn != "" {
		return databaseFollow(ctx, stderr, o)
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
	f := &following{o: o, out: out}
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
		count, kind := c.TCPStreams, "TCP"
		if o.udp {
			count, kind = c.UDPStreams, "UDP"
		}
		return bad("--stream %d: %s has %d %s streams, numbered from 0", o.stream, name, count, kind)
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
}

func (f *following) batch(b *track.Batch, notes []flow.Note) {
	proto := uint8(packet.ProtoTCP)
	if f.o.udp {
		proto = packet.ProtoUDP
	}
	want := uint32(f.o.stream)
	for i := range b.Rows {
		s, n := &b.Rows[i], &notes[i]
		payload, _ := f.payloads.Of(b, i)
		if f.o.udp && n.OuterStream == want {
			outer := *s
			outer.Inner, outer.PayloadLen = s.Outer, s.OuterPayloadLen
			data := b.Data(s)
			f.add(&outer, true, data[min(int(s.OuterPayloadOff), len(data)):])
		}
		if n.Stream == want && n.Flow != 0 && s.Inner.Proto == proto {
			f.add(s, n.FromClient, payload)
		}
		if f.err != nil {
			return
		}
	}
}

func (f *following) add(s *packet.Summary, fromClient bool, payload []byte) {
	if f.streams == nil {
		client := s.Inner
		if !fromClient {
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
	f.streams.Add(s, payload)
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
