package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/words"
)

func reindexCommand() *cobra.Command {
	var all, noSandbox bool
	var memory size
	cmd := &cobra.Command{
		Use:   "reindex DIR…",
		Short: "Make the index of segments that have none, or an old or damaged one",
		Long: `Verify everything that is derived from the segments of a capture, and make again what is
missing, damaged or of another version: the index with what was found out of the
connections, the counts, the flows and the findings. A capture that a crash left open is
put in order first; one that is being written has an indexer of its own and is left alone.`,
		Example: `  tarrafa reindex ~/.local/share/tarrafa
  tarrafa reindex --all DIR`,
		Args: atLeastOne("a capture folder, or a folder of captures"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if memory != 0 && memory < minFlowMemory {
				return &exitError{code: exitOptions, err: words.Errorf("--flow-memory %s: at least %s", &memory, formatSize(minFlowMemory))}
			}
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			if err := confineQuietly(cmd.ErrOrStderr(), noSandbox, reindexRules(args)); err != nil {
				return err
			}
			for _, name := range args {
				dirs := []string{name}
				if !archive.IsCapture(name) {
					list, err := archive.List(name)
					if err != nil {
						return fileError(name, err)
					}
					dirs = list
				}
				for _, dir := range dirs {
					if err := reindex(ctx, cmd, dir, index.BuildOptions{All: all, Program: versionText(), FlowMemory: int64(memory)}); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().Var(&memory, "flow-memory", "memory for flows; not given: what the capture had")
	cmd.Flags().BoolVar(&all, "all", false, "also those whose index is good")
	noSandboxFlag(cmd.Flags(), &noSandbox)
	return cmd
}

// reindex makes what is derived from one capture.
func reindex(ctx context.Context, cmd *cobra.Command, dir string, o index.BuildOptions) error {
	s, err := archive.Open(dir)
	if err != nil {
		return fileError(dir, err)
	}
	defer func() { _ = s.Close() }()
	if s.Meta.State == archive.StateOpen {
		recovered, err := archive.Recover(filepath.Dir(filepath.Clean(dir)))
		if _, ok := errors.AsType[*archive.LockedError](err); ok {
			_, _ = words.Fprintf(cmd.ErrOrStderr(), "tarrafa: %s is being captured: its index is made meanwhile, nothing was done\n", oneLine(dir))
			return nil
		}
		if err != nil {
			return fileError(dir, err)
		}
		for _, r := range recovered {
			_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "tarrafa: "+printable(r.String()))
		}
		if err := s.Refresh(); err != nil {
			return fileError(dir, err)
		}
	}
	release, err := s.Exclusive()
	if err != nil {
		return fileError(dir, err)
	}
	defer release()
	bar := newProgress(cmd.ErrOrStderr(), dir, "packets")
	o.Progress = bar.show
	b, err := index.Build(ctx, s, o)
	bar.end()
	if err != nil {
		return err
	}
	if err := failures(b); err != nil {
		return err
	}
	_, err = words.Fprintf(cmd.OutOrStdout(), "%s: %d segments indexed (%d packets), %d were good\n", oneLine(dir), b.Segments, b.Packets, b.Kept)
	return err
}

// failures makes one error of the segments that have no index.
func failures(b *index.Built) error {
	for n, err := range b.Failed {
		return words.Errorf("%d of %d segments have no index; segment %d: %w", len(b.Failed), len(b.Failed)+b.Segments, n, err)
	}
	return b.Findings
}

// progress shows how far a long work is: what is done, the rate, the remaining time. Only
// on a terminal.
type progress struct {
	mu    sync.Mutex
	w     io.Writer // nil: nothing is shown
	what  string
	unit  string
	start time.Time
	last  time.Time
	shown bool
}

func newProgress(w io.Writer, what, unit string) *progress {
	p := &progress{what: what, unit: unit, start: time.Now()}
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		p.w = w
	}
	return p
}

func (p *progress) show(done, total uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.w == nil || total == 0 || now.Sub(p.last) < 200*time.Millisecond {
		return
	}
	p.last, p.shown = now, true
	rate := float64(done) / now.Sub(p.start).Seconds()
	left := "?"
	if rate > 0 {
		left = time.Duration(float64(total-min(done, total)) / rate * float64(time.Second)).Round(time.Second).String()
	}
	_, _ = words.Fprintf(p.w, "\r\x1b[K%s: %d %% of %d %s, %.2f M/s, %s left", oneLine(clip(p.what, 30)), done*100/total, total, p.unit, rate/1e6, left)
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
