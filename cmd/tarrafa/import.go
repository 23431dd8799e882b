package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/words"
)

func importCommand() *cobra.Command {
	dataDir := defaultDataDir()
	var noSandbox bool
	segmentSize, most := size(archive.DefaultSegmentBytes), size(0)
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
			in, err := archive.Import(ctx, archive.Config{DataDir: dataDir, Program: versionText(), SegmentBytes: int64(segmentSize)}, args, int64(most),
				func(read int64) { bar.show(uint64(read), uint64(total)) })
			bar.end()
			if unpacked, ok := errors.AsType[*segment.UnpackedError](err); ok {
				return &exitError{code: exitFile, err: err, mend: words.Sprintf("when that is right: --max-unpacked %dMiB, for example", max(1, 8*unpacked.Most>>20))}
			}
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
	cmd.Flags().Var(&segmentSize, "segment-size", "start a new segment file after so many bytes")
	cmd.Flags().Var(&most, "max-unpacked", "what a compressed file may unpack to (default: 256 MiB, or 100 times its size)")
	noSandboxFlag(cmd.Flags(), &noSandbox)
	return cmd
}
