package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"errors"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/words"
)

func topCommand() *cobra.Command {
	var q question
	var n int
	cmd := &cobra.Command{
		Use:   "top FIELD FILE|DIR|--db",
		Short: "The most frequent values of a field: ip.src, tcp.port, frame.len, src …",
		Long: `The most frequent values of a field, by packets. Fields have tshark's names; src and
dst are the addresses of the outermost IP header, of either version. A packet that has a
value twice counts once.`,
		Example: `  tarrafa top ip.src trace.pcap
  tarrafa top tcp.dstport DIR -Y 'tcp.flags.syn == 1' -n 20 --json`,
		Args: q.wants(1, "a field, and a capture file or folder, or --db"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 || n > 1<<20 {
				return &exitError{code: exitOptions, err: words.Errorf("-n %d: between 1 and %d values", n, 1<<20)}
			}
			return q.ask(cmd, args, 1, func(ctx context.Context, c query.Reader, s query.Scope) error {
				t, err := c.Top(ctx, s, args[0], n)
				var unknown *history.UnknownFieldError
				var absent *postgres.UnknownFieldError
				if errors.As(err, &unknown) || errors.As(err, &absent) {
					return &exitError{code: exitOptions, err: fmt.Errorf("%w%s", err, nearestField(args[0])), mend: words.T("fields have tshark's names, for example ip.src or tcp.dstport")}
				}
				if err != nil {
					return err
				}
				if q.asJSON {
					return printJSON(cmd.OutOrStdout(), t)
				}
				return printTop(cmd.OutOrStdout(), t)
			})
		},
	}
	q.flags(cmd)
	q.database.add(cmd.Flags())
	cmd.Flags().BoolVar(&q.asJSON, "json", false, "print one JSON object")
	cmd.Flags().IntVarP(&n, "number", "n", 10, "values to print")
	return cmd
}

// valueMost bounds a value in a table, so that the table fits the terminal.
const valueMost = 48

func printTop(w io.Writer, t *query.Top) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = words.Fprintf(tw, "packets\tbytes\t  %s\n", t.Field)
	for _, r := range t.Rows {
		// The value stands last, so that its width moves nothing.
		_, _ = fmt.Fprintf(tw, "%d\t%d\t  %s\n", r.Packets, r.Bytes, clip(oneLine(r.Value), valueMost))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	about := ""
	if t.Approximate {
		about = "more than "
	}
	_, err := words.Fprintf(w, "%d of %s%d values\n", len(t.Rows), about, t.Distinct)
	return err
}

func clip(s string, n int) string {
	s = strings.NewReplacer("\n", " ", "\t", " ").Replace(s)
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
