package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

// analysisFlags adjust the analysis of files.
type analysisFlags struct {
	memory    size
	noSandbox bool
}

func (a *analysisFlags) add(f *pflag.FlagSet) {
	a.memory = flow.DefaultMemory
	f.Var(&a.memory, "flow-memory", "memory for flows; when it is used up those silent for longest are given up, and counted")
	noSandboxFlag(f, &a.noSandbox)
}

func (a *analysisFlags) validate() error {
	if a.memory < minFlowMemory {
		return &exitError{code: exitOptions, err: words.Errorf("--flow-memory %s: at least %s", &a.memory, formatSize(minFlowMemory))}
	}
	return nil
}

const minFlowMemory = 2 << 20

type flowsOptions struct {
	analysisFlags
	database databaseFlags
	display  string
	json     bool
	number   int
}

func flowsCommand() *cobra.Command {
	var o flowsOptions
	cmd := &cobra.Command{
		Use:   "flows FILE|DIR|-…|--db",
		Short: "List the connections of a capture: state, bytes, round trip times, names",
		Long: `List the connections (flows) of a capture in the order of their end: TCP, UDP and
others, both directions together, with Zeek's connection state, retransmissions, round
trip time, application and the server's name. With -Y only flows that have a packet which
matches; the numbers are still those of the whole flow.`,
		Example: `  tarrafa flows trace.pcap
  tarrafa flows -n 20 trace.pcap                            the largest
  tarrafa flows -Y tcp.analysis.retransmission trace.pcap
  tarrafa flows --json trace.pcap | jq .community_id`,
		Args: o.database.capturesOr(atLeastOne("a capture file or folder, or --db")),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFlows(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args, &o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.display, "display-filter", "Y", "", "only flows with a packet that matches, in Wireshark's words")
	f.BoolVar(&o.json, "json", false, "print a JSON object for each flow, with all that is known")
	f.IntVarP(&o.number, "number", "n", 0, "only so many flows, those with the most bytes; 0: all")
	o.add(f)
	o.database.add(f)
	return cmd
}

func runFlows(ctx context.Context, stdout, stderr io.Writer, names []string, o *flowsOptions) error {
	ctx, stop := interrupted(ctx)
	defer stop()
	if o.number < 0 || o.number > 1<<20 {
		return &exitError{code: exitOptions, err: words.Errorf("-n %d: between 0 and %d flows", o.number, 1<<20)}
	}
	if err := o.validate(); err != nil {
		return err
	}
	display, err := parseDisplay(o.display)
	if err != nil {
		return err
	}
	if o.database.dsn != "" {
		return databaseFlows(ctx, stdout, stderr, o, display)
	}
	if err := confineQuietly(stderr, o.noSandbox, readingRules(names, nil)); err != nil {
		return err
	}
	ins, err := openInputs(names, false)
	if err != nil {
		return err
	}
	defer closeInputs(ins)
	w := bufio.NewWriterSize(stdout, 1<<16)
	list := newFlowList(w, stdout, o.json, o.number)
	var failed error
	for _, in := range ins {
		err := listFlows(ctx, in, display, list, o, stderr)
		if errors.Is(err, context.Canceled) {
			break
		}
		failed = errors.Join(failed, err)
	}
	list.finish()
	if err := errors.Join(list.err, w.Flush()); err != nil {
		return err
	}
	return failed
}

// listFlows adds the flows of a capture to a list.
func listFlows(ctx context.Context, in *input, display *query.Filter, list *flowList, o *flowsOptions, stderr io.Writer) error {
	var matched flowSet
	rows := rowReader{decode: true}
	// A flow may end with the packet that matches: its end is told after that.
	a := track.NewAnalysis(track.AnalysisOptions{Memory: int64(o.memory), HoldEnds: display != nil, Ended: func(c *track.Conversation) {
		if display == nil || matched.has(c.ID) {
			list.add(c)
		}
	}})
	look := func(b *track.Batch) error {
		if display == nil {
			return list.err
		}
		for i := range b.Rows {
			row := rows.at(b, i)
			if id := b.Notes[i].Flow; id != 0 && !matched.has(id) && display.Match(row) {
				matched.add(id)
			}
		}
		return list.err
	}
	t := track.NewAnalysing(a)
	err := t.Run(ctx, in.chunks, followerFunc(func(_ context.Context, b *track.Batch) error {
		if err := look(b); err != nil {
			return &track.FatalError{Err: err}
		}
		return nil
	}))
	a.Drain()
	sayLimits(stderr, in, t)
	if c := a.Counters().Flow; !o.json && c.Flows > 0 {
		_, _ = words.Fprintf(stderr, "%s: %d flows: %s\n", oneLine(in.name), c.Flows, endsText(c.Closed, c.Idle, c.Reused, c.Forced, c.Drained))
	}
	return err
}

// flowSet is a set of flow identifiers, which count from 1: a bit for each.
type flowSet []uint64

func (s *flowSet) add(id uint64) {
	for id/64 >= uint64(len(*s)) {
		*s = append(*s, 0)
	}
	(*s)[id/64] |= 1 << (id % 64)
}

func (s flowSet) has(id uint64) bool { return id/64 < uint64(len(s)) && s[id/64]&(1<<(id%64)) != 0 }

// flowList prints flows: all as they come, or the largest at the end.
type flowList struct {
	w       *bufio.Writer
	enc     *json.Encoder // nil: a table
	table   *flowTable
	limit   int
	largest []flowDocument // when limit is not 0: at most twice as many
	err     error
}

func newFlowList(w *bufio.Writer, stdout io.Writer, asJSON bool, limit int) *flowList {
	l := &flowList{w: w, limit: limit}
	if asJSON {
		l.enc = newEncoder(w)
	} else {
		l.table = &flowTable{w: w, width: widthOf(stdout)}
	}
	return l
}

func (l *flowList) add(c *track.Conversation) {
	l.addDocument(newFlowDocument(c))
}

func (l *flowList) addDocument(d flowDocument) {
	if l.limit == 0 {
		l.print(&d)
		return
	}
	if l.largest = append(l.largest, d); len(l.largest) >= 2*l.limit {
		l.prune()
	}
}

// prune leaves the largest flows.
func (l *flowList) prune() {
	slices.SortFunc(l.largest, func(a, b flowDocument) int {
		return cmp.Or(cmp.Compare(b.bytes(), a.bytes()), cmp.Compare(a.Flow, b.Flow))
	})
	l.largest = l.largest[:min(len(l.largest), l.limit)]
}

func (d *flowDocument) bytes() uint64 { return d.FromClient.Bytes + d.FromServer.Bytes }

func (l *flowList) print(d *flowDocument) {
	if l.enc != nil {
		l.err = errors.Join(l.err, l.enc.Encode(d))
		return
	}
	l.table.add(d)
}

func (l *flowList) finish() {
	l.prune()
	for i := range l.largest {
		l.print(&l.largest[i])
	}
	if l.table != nil {
		l.table.flush()
	}
}
