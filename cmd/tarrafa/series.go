package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/words"
)

func seriesCommand() *cobra.Command {
	var q question
	var bucket time.Duration
	cmd := &cobra.Command{
		Use:   "series FILE|DIR|--db",
		Short: "Packets and bytes over time",
		Example: `  tarrafa series trace.pcap --bucket 10s
  tarrafa series DIR -Y 'udp.port == 53' --bucket 1m --json`,
		Args: q.wants(0, "a capture file or folder, or --db"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if bucket < time.Microsecond {
				return &exitError{code: exitOptions, err: words.Errorf("--bucket %s: at least a microsecond", bucket)}
			}
			return q.ask(cmd, args, 0, func(ctx context.Context, c query.Reader, s query.Scope) error {
				out, err := c.Series(ctx, s, bucket)
				if err != nil {
					return err
				}
				if q.asJSON {
					return printJSON(cmd.OutOrStdout(), out)
				}
				tw := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
				_, _ = words.Fprintf(tw, "time\tpackets\tbytes\t\n")
				for i, p := range out.Points {
					at := time.Unix(0, out.Start+int64(i)*int64(bucket)).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
					_, _ = fmt.Fprintf(tw, "%s\t%d\t%d\t\n", at, p.Packets, p.Bytes)
				}
				return tw.Flush()
			})
		},
	}
	q.flags(cmd)
	q.database.add(cmd.Flags())
	cmd.Flags().BoolVar(&q.asJSON, "json", false, "print one JSON object")
	cmd.Flags().DurationVar(&bucket, "bucket", time.Second, "length of an interval")
	return cmd
}
