package main

import (
	"context"
	"errors"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/terminal"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

func statsCommand() *cobra.Command {
	var asJSON, noSandbox bool
	var top int
	var filter string
	var database databaseFlags
	cmd := &cobra.Command{
		Use:   "stats FILE|DIR|-|--db …",
		Short: "Count what a capture holds: totals, protocols, top addresses, ledger",
		Example: `  tarrafa stats trace.pcap
  tarrafa stats -Y 'udp.port == 53' trace.pcap
  tarrafa stats --json -n 10 ~/.local/share/tarrafa/20261121T120000Z-eth0`,
		Args: func(cmd *cobra.Command, args []string) error {
			if database.dsn != "" {
				return nil
			}
			return atLeastOne("a capture file or folder, or --db")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if top < 0 || top > 1<<20 {
				return &exitError{code: exitOptions, err: words.Errorf("-n %d: between 0 and %d addresses", top, 1<<20)}
			}
			display, err := parseDisplay(filter)
			if err != nil {
				return err
			}
			if db, err := database.on(len(args)); err != nil {
				return err
			} else if db {
				database.noSandbox = noSandbox
				return databaseStats(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), &database, display, asJSON, top)
			}
			if err := confineQuietly(cmd.ErrOrStderr(), noSandbox, readingRules(args, nil)); err != nil {
				return err
			}
			return runStats(cmd.Context(), cmd.OutOrStdout(), args, display, asJSON, top)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().IntVarP(&top, "number", "n", 5, "addresses in each top list")
	cmd.Flags().StringVarP(&filter, "display-filter", "Y", "", "only packets that match, in Wireshark's words")
	database.add(cmd.Flags())
	noSandboxFlag(cmd.Flags(), &noSandbox)
	return cmd
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return &exitError{code: exitOptions, err: words.Errorf("%s: name %s", cmd.CommandPath(), what), mend: words.Sprintf("run: %s --help", cmd.CommandPath())}
		}
		return nil
	}
}

// countFollower feeds the statistics.
type countFollower struct {
	counters *stats.Counters
	shown    *batchFilter
}

// Apply implements track.Follower.
func (f countFollower) Apply(_ context.Context, b *track.Batch) error {
	f.counters.Apply(f.shown.batch(b).Rows)
	return nil
}

func runStats(ctx context.Context, w io.Writer, names []string, display *query.Filter, asJSON bool, top int) error {
	opt := segment.ReaderOptions{Buffer: segment.NearBuffer}
	ins, err := openInputsWith(names, opt)
	if err != nil {
		return err
	}
	defer func() { closeInputs(ins) }()
	if display == nil && len(ins) == 1 {
		if snap, ledger, err := indexedStats(ctx, ins[0], top); err == nil {
			return printStats(w, snap, ledger, asJSON)
		} else if ctx.Err() != nil {
			return err
		}
	}
	if workers := fileWorkers(); display == nil && workers > 1 && shareInputs(ins) {
		err := statsInParts(ctx, w, ins, workers, asJSON, top)
		if !errors.Is(err, errInOrder) {
			return err
		}
		closeInputs(ins)
		if ins, err = openInputsWith(names, opt); err != nil {
			return err
		}
		debug.FreeOSMemory() // the tables of the workers are large
	}
	return statsInOrder(ctx, w, ins, display, asJSON, top)
}

// statsInParts counts with several workers.
func statsInParts(ctx context.Context, w io.Writer, ins []*input, workers int, asJSON bool, top int) error {
	var ledger archive.Ledger
	follower := archive.FollowerEntry{Name: "stats", Parts: map[string]uint64{}}
	counters, failed := countInParts(ctx, ins, workers, &ledger, &follower)
	if counters == nil {
		return failed
	}
	follower.Behind = ledger.Written - min(ledger.Written, follower.Applied)
	ledger.Followers = []archive.FollowerEntry{follower}
	if err := printStats(w, counters.Snapshot(top), ledger, asJSON); err != nil {
		return err
	}
	return failed
}

// statsInOrder counts with one tracker.
func statsInOrder(ctx context.Context, w io.Writer, ins []*input, display *query.Filter, asJSON bool, top int) error {
	counters := stats.New()
	counters.Fork()
	ledger := archive.Ledger{}
	follower := archive.FollowerEntry{Name: "stats", Parts: map[string]uint64{}}
	var failed error
	for _, in := range ins {
		shown := newBatchFilter(display)
		t := shown.tracker()
		// What was good before a damage counts and is shown before it is reported.
		if err := t.Run(ctx, in.chunks, countFollower{counters, shown}); err != nil {
			failed = errors.Join(failed, err)
		}
		addLedger(&ledger, in.ledger())
		addOutcomes(&follower, t)
		addLimits(&follower, in, t)
		if e, ok := in.chunks.(interface{ Expired() uint64 }); ok {
			follower.Expired += e.Expired()
		}
	}
	follower.Behind = ledger.Written - min(ledger.Written, follower.Applied+follower.Expired)
	ledger.Followers = []archive.FollowerEntry{follower}
	counters.Join()
	snap := counters.Snapshot(top)
	if err := printStats(w, snap, ledger, asJSON); err != nil {
		return err
	}
	return failed
}

// indexedStats takes the statistics of a capture from its index: they are those that its
// packets would give. An error says that they are not to be had there.
func indexedStats(ctx context.Context, in *input, top int) (*stats.Snapshot, archive.Ledger, error) {
	var ledger archive.Ledger
	if !in.ended {
		return nil, ledger, query.ErrCannotAnswer
	}
	c, err := history.Open(in.name, history.Options{})
	if err != nil {
		return nil, ledger, err
	}
	defer func() { _ = c.Close() }()
	snap, err := c.Statistics(ctx, top)
	if err != nil {
		return nil, ledger, err
	}
	if snap.Outcomes[packet.OutcomeFragment] > 0 {
		// Which of them had to be given up shows only when they are put together.
		return nil, ledger, query.ErrCannotAnswer
	}
	addLedger(&ledger, in.ledger())
	follower := archive.FollowerEntry{Name: "stats", Applied: snap.Packets, Parts: map[string]uint64{}}
	for o, n := range snap.Outcomes {
		if n > 0 {
			follower.Parts[packet.Outcome(o).String()] = n
		}
	}
	if e, ok := in.chunks.(*archive.Walk); ok {
		follower.Expired = e.Gone()
	}
	follower.Behind = ledger.Written - min(ledger.Written, follower.Applied+follower.Expired)
	ledger.Followers = []archive.FollowerEntry{follower}
	return snap, ledger, nil
}

func addLedger(sum *archive.Ledger, l archive.Ledger) {
	sum.Received += l.Received
	sum.Dropped += l.Dropped
	sum.Skipped += l.Skipped
	sum.Delivered += l.Delivered
	sum.Truncated += l.Truncated
	sum.Written += l.Written
	sum.WrittenBytes += l.WrittenBytes
	sum.Lost += l.Lost
}

func addOutcomes(f *archive.FollowerEntry, t *track.Tracker) {
	f.Applied += t.Applied()
	for o, n := range t.Outcomes() {
		if n > 0 {
			f.Parts[packet.Outcome(o).String()] += n
		}
	}
}

// statsDocument is what stats --json prints.
type statsDocument struct {
	stats.Document
	Ledger archive.Ledger `json:"ledger"`
}

func printStats(w io.Writer, snap *stats.Snapshot, ledger archive.Ledger, asJSON bool) error {
	if asJSON {
		enc := newEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(statsDocument{snap.Document(), ledger})
	}
	_, err := io.WriteString(w, snap.Text(tableWords())+"\n"+terminal.LedgerText(&ledger, words.Chosen()))
	return err
}

// words is the language of the statistics.
func tableWords() *stats.Words { return terminal.Words(words.Chosen()) }

var _ track.Chunks = (*archive.Walk)(nil)
