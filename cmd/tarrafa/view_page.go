package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/sandbox"
	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/internal/words"
)

func viewCommand() *cobra.Command {
	var page pageFlags
	var noSandbox bool
	var db databaseFlags
	cmd := &cobra.Command{
		Use:   "view [DIR|FILE]…|--db",
		Short: "Show what was captured in the browser",
		Long: `Serve the page over stored captures: all of a data directory, one capture's folder, or
capture files of any kind. It needs no privileges. Ctrl+C, or Close on the page, ends it.`,
		Example: `  tarrafa view --open
  tarrafa view trace.pcapng
  tarrafa view --listen 127.0.0.1:9000 ~/captures`,
		RunE: func(cmd *cobra.Command, args []string) error {
			on, err := db.on(len(args))
			if err != nil {
				return err
			}
			if db.noSandbox = noSandbox; on {
				ctx, stop := interrupted(cmd.Context())
				defer stop()
				return viewDatabase(ctx, cmd.ErrOrStderr(), &page, &db)
			}
			return runView(cmd.Context(), cmd.ErrOrStderr(), &page, args, noSandbox)
		},
	}
	page.add(cmd.Flags())
	db.add(cmd.Flags())
	noSandboxFlag(cmd.Flags(), &noSandbox)
	return cmd
}

func runView(parent context.Context, stderr io.Writer, page *pageFlags, names []string, noSandbox bool) error {
	captures, err := shelfOf(names)
	if err != nil {
		return err
	}
	ctx, stop := interrupted(parent)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server, err := page.server(ctx, web.Config{Content: web.Content{Captures: captures, Stop: cancel}})
	if err != nil {
		return err
	}
	page.show(stderr, server, nil)
	if err := confineQuietly(stderr, noSandbox, captures.rules()); err != nil {
		return err
	}
	return server.Serve(ctx)
}

// rules are what a viewer touches: captures, which it also deletes when told to, and a
// temporary file for what a compressed capture unpacks to.
func (s *shelf) rules() sandbox.Rules {
	return sandbox.Rules{ForeignFiles: true, Lenient: true, Access: func() (sandbox.Access, error) {
		a := sandbox.Access{Write: slices.Clone(s.dirs), Read: slices.Clone(s.files)}
		if s.root != "" {
			a.Write = append(a.Write, s.root)
		}
		if len(s.files) > 0 {
			a.Write = append(a.Write, os.TempDir())
			if dir := fileNotesDir(); os.MkdirAll(dir, 0o700) == nil { // otherwise the page says that it keeps no notes
				a.Write = append(a.Write, dir)
			}
		}
		return a, nil
	}}
}

// shelfOf tells data directories, capture folders and files apart.
func shelfOf(names []string) (*shelf, error) {
	if len(names) == 0 {
		return &shelf{root: defaultDataDir()}, nil
	}
	s := &shelf{}
	for _, n := range names {
		info, err := os.Stat(n)
		switch {
		case err != nil:
			return nil, fileError(n, err)
		case !info.IsDir():
			path, err := filepath.Abs(n)
			if err != nil {
				return nil, fileError(n, err)
			}
			s.files = append(s.files, path)
		case archive.IsCapture(n):
			s.dirs = append(s.dirs, n)
		case len(names) == 1:
			s.root = n
		default:
			return nil, &exitError{code: exitOptions, err: words.Errorf("%s is neither a capture's folder nor a file", n), mend: words.Sprintf("show one data directory alone: tarrafa view %s", shellQuote(n))}
		}
	}
	return s, nil
}
