package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/words"
)

// question is what the commands have in common that ask a capture something.
type question struct {
	filter   string
	from, to string
	asJSON   bool
	database databaseFlags

	noSandbox bool
	writes    []string // folders that the answer is written to
}

func (q *question) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&q.filter, "display-filter", "Y", "", "only packets that pass this display filter, in Wireshark's language")
	f.StringVar(&q.from, "from", "", "only packets from this time on: 2026-11-21T12:00:00Z or seconds since 1970")
	f.StringVar(&q.to, "to", "", "only packets before this time")
	noSandboxFlag(f, &q.noSandbox)
}

// scope turns the flags into a scope.
func (q *question) scope() (query.Scope, error) {
	var s query.Scope
	bad := func(flag string, err error) error {
		return &exitError{code: exitOptions, err: fmt.Errorf("--%s: %w", flag, err), mend: words.Sprintf("write for example --%s 2026-11-21T12:00:00Z", flag)}
	}
	var err error
	if s.From, err = parseTime(q.from); err != nil {
		return s, bad("from", err)
	}
	if s.To, err = parseTime(q.to); err != nil {
		return s, bad("to", err)
	}
	if s.To != 0 && s.To <= s.From {
		return s, bad("to", words.Errorf("it is not after --from"))
	}
	s.Filter, err = parseDisplay(q.filter)
	return s, err
}

func parseTime(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t.UnixNano(), nil
		}
	}
	whole, part, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > 1<<33 || n < -(1<<33) || len(part) > 9 {
		return 0, words.Errorf("%q is no time", s)
	}
	nanos, err := strconv.ParseInt((part + "000000000")[:9], 10, 64)
	if err != nil {
		return 0, words.Errorf("%q is no time", s)
	}
	return n*1e9 + nanos, nil
}

// openCapture opens a file, a capture folder, or the only capture of a data directory.
func openCapture(name string, stderr io.Writer) (*history.Capture, error) {
	opt := history.Options{Notice: func(text string) { _, _ = fmt.Fprintln(stderr, "tarrafa: "+oneLine(text)) }}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	if !info.IsDir() {
		c, err := history.OpenFile(name, opt)
		return c, fileError(name, err)
	}
	if !archive.IsCapture(name) {
		list, err := archive.List(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		switch len(list) {
		case 0:
			return nil, &exitError{code: exitFile, err: words.Errorf("%s: no capture in this folder", name), mend: words.T("name a capture file, or a folder that tarrafa capture made")}
		case 1:
			name = list[0]
		default:
			return nil, &exitError{code: exitFile, err: words.Errorf("%s: %d captures in this folder", name, len(list)), mend: words.Sprintf("name one of them, for example %s", shellQuote(list[len(list)-1]))}
		}
	}
	c, err := history.Open(name, opt)
	return c, fileError(name, err)
}

// ask runs one question over the capture that the argument after the first n names, or
// over the one in the database.
func (q *question) ask(cmd *cobra.Command, args []string, n int, ask func(ctx context.Context, r query.Reader, s query.Scope) error) error {
	db, err := q.database.on(len(args) - n)
	if err != nil {
		return err
	}
	if !db {
		return askCapture(cmd, q, args[n], func(ctx context.Context, c *history.Capture, s query.Scope) error { return ask(ctx, c, s) })
	}
	s, err := q.scope()
	if err != nil {
		return err
	}
	q.database.noSandbox, q.database.writes = q.noSandbox, q.writes
	return askDatabase(cmd.Context(), cmd.ErrOrStderr(), &q.database, func(ctx context.Context, r *postgres.Reader) error { return ask(ctx, r, s) })
}

// wants wants n arguments and a capture, in the database or not.
func (q *question) wants(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if q.database.dsn != "" && len(args) >= n {
			return nil // ask looks at those that are too many
		}
		return exactly(n+1, what)(cmd, args)
	}
}

// askCapture runs one question over the capture of the last argument.
func askCapture(cmd *cobra.Command, q *question, name string, ask func(ctx context.Context, c *history.Capture, s query.Scope) error) error {
	s, err := q.scope()
	if err != nil {
		return err
	}
	if err := confineQuietly(cmd.ErrOrStderr(), q.noSandbox, questionRules(name, q.writes)); err != nil {
		return err
	}
	c, err := openCapture(name, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	ctx, stop := interrupted(cmd.Context())
	defer stop()
	err = ask(ctx, c, s)
	if cerr := c.Close(); err == nil {
		err = cerr
	}
	return err
}

func printJSON(w io.Writer, v any) error {
	enc := newEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func packetsCommand() *cobra.Command {
	var q question
	var start uint64
	var count int
	cmd := &cobra.Command{
		Use:   "packets FILE|DIR|--db",
		Short: "List packets of a capture, a page at a time",
		Example: `  tarrafa packets trace.pcap -Y 'tcp.flags.reset == 1'
  tarrafa packets DIR --start 1000000 -n 50 --json`,
		Args: q.wants(0, "a capture file or folder, or --db"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 || count > 1<<20 {
				return &exitError{code: exitOptions, err: words.Errorf("-n %d: between 1 and %d packets", count, 1<<20)}
			}
			return q.ask(cmd, args, 0, func(ctx context.Context, c query.Reader, s query.Scope) error {
				page, err := c.Packets(ctx, s, start, count)
				if err != nil {
					return err
				}
				return printPage(cmd.OutOrStdout(), cmd.ErrOrStderr(), page, q.asJSON)
			})
		},
	}
	q.flags(cmd)
	q.database.add(cmd.Flags())
	cmd.Flags().BoolVar(&q.asJSON, "json", false, "print JSON Lines")
	cmd.Flags().Uint64Var(&start, "start", 0, "skip so many packets")
	cmd.Flags().IntVarP(&count, "number", "n", 20, "packets to list")
	return cmd
}

func printPage(out, talk io.Writer, page *query.Page, asJSON bool) error {
	var buf []byte
	for i := range page.Rows {
		if asJSON {
			line, err := json.Marshal(recordOf(&page.Rows[i], ""))
			if err != nil {
				return err
			}
			buf = append(append(buf, inert.JSON(line)...), '\n')
			continue
		}
		buf = appendText(buf, &page.Rows[i])
	}
	if _, err := out.Write(buf); err != nil {
		return err
	}
	more := ""
	if !page.Exact {
		more = ", and perhaps more"
	}
	_, err := words.Fprintf(talk, "%d of %d packets%s\n", len(page.Rows), page.Total, more)
	return err
}

// exactly wants so many arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return &exitError{code: exitOptions, err: words.Errorf("%s: name %s", cmd.CommandPath(), what), mend: words.Sprintf("run: %s --help", cmd.CommandPath())}
		}
		return nil
	}
}

// packetRecord is a packet as packets --json and export print it.
type packetRecord struct {
	Number    uint64 `json:"number"`
	Time      string `json:"time"`
	Direction string `json:"direction"`
	Interface string `json:"interface,omitempty"`
	Src       string `json:"src,omitempty"`
	SrcPort   uint16 `json:"src_port,omitempty"`
	Dst       string `json:"dst,omitempty"`
	DstPort   uint16 `json:"dst_port,omitempty"`
	Protocol  string `json:"protocol,omitempty"`
	InnerSrc  string `json:"inner_src,omitempty"`
	InnerDst  string `json:"inner_dst,omitempty"`
	WireLen   uint32 `json:"wire_len"`
	CapLen    uint32 `json:"cap_len"`
	TCPFlags  uint16 `json:"tcp_flags,omitempty"`
	Payload   uint32 `json:"payload_len,omitempty"`
	Outcome   string `json:"outcome"`
}

func recordOf(s *packet.Summary, face string) packetRecord {
	r := packetRecord{
		Number: s.Number, Time: time.Unix(0, s.Time).UTC().Format(time.RFC3339Nano), Direction: s.Direction.String(), Interface: face,
		WireLen: s.WireLen, CapLen: s.CapLen, TCPFlags: s.TCPFlags, Payload: s.PayloadLen, Outcome: s.Outcome.String(),
	}
	if o := &s.Outer; o.Version != 0 {
		r.Src, r.Dst = string(o.Src.AppendTo(nil, o.Version)), string(o.Dst.AppendTo(nil, o.Version))
		r.SrcPort, r.DstPort, r.Protocol = o.SrcPort, o.DstPort, packet.ProtoName(o.Proto)
	}
	if in := &s.Inner; *in != s.Outer {
		r.InnerSrc, r.InnerDst = string(in.Src.AppendTo(nil, in.Version)), string(in.Dst.AppendTo(nil, in.Version))
	}
	return r
}
