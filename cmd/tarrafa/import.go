package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/words"
)

func importCommand() *cobra.Command {
	dataDir := defaultDataDir()
	var noSandbox bool
	size := size(archive.DefaultSegmentBytes)
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Bring capture files into an archive, with an index",
		Example: `  tarrafa import trace.pcap
  tarrafa import --data-dir ./captures *.pcapng.gz`,
		Args: atLeastOne("a capture file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			var total int64
			for _, name := range args {
				info, err := os.Stat(name)
				if err != nil {
					return fileError(name, err)
				}
				total += 2 * info.Size()
			}
			if err := confineQuietly(cmd.ErrOrStderr(), noSandbox, importRules(args, dataDir)); err != nil {
				return err
			}
			bar := newProgress(cmd.ErrOrStderr(), "importing", "B")
			in, err := archive.Import(ctx, archive.Config{DataDir: dataDir, Program: versionText(), SegmentBytes: int64(size)}, args,
				func(read int64) { bar.show(uint64(read), uint64(total)) })
			bar.end()
			if err != nil {
				return err
			}
			for _, d := range in.Damaged {
				_, _ = words.Fprintf(cmd.ErrOrStderr(), "tarrafa: %s; what is before it was imported\n", printable(d.Error()))
			}
			tellNotKept(cmd.ErrOrStderr(), in.LeftOut)
			s, err := archive.Open(in.Dir)
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			bar = newProgress(cmd.ErrOrStderr(), "indexing", "packets")
			b, err := index.Build(ctx, s, index.BuildOptions{Program: versionText(), Progress: bar.show})
			bar.end()
			if err == nil {
				err = failures(b)
			}
			_, _ = words.Fprintf(cmd.OutOrStdout(), "%d packets in %s\n", in.Counters.Written, oneLine(in.Dir))
			return err
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", dataDir, "where captures are kept")
	cmd.Flags().Var(&size, "segment-size", "start a new segment file after so many bytes")
	noSandboxFlag(cmd.Flags(), &noSandbox)
	return cmd
}
