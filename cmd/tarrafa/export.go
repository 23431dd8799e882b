package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/web/notes"
	"github.com/tarrafa/tarrafa/internal/words"
)

func exportCommand() *cobra.Command {
	var q question
	var out, format string
	var noSecrets bool
	cmd := &cobra.Command{
		Use:   "export FILE|DIR|--db -o FILE",
		Short: "Write packets as pcapng, pcap, CSV, JSON Lines or Parquet",
		Example: `  tarrafa export DIR -Y 'tcp.stream == 3 || dns' -o part.pcapng
  tarrafa export trace.pcap -o packets.csv
  tarrafa export DIR --format jsonl -o - | jq .src`,
		Args: q.wants(0, "a capture file or folder, or --db"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := exportFormat(format, out)
			if err != nil {
				return err
			}
			if out != "-" {
				if dir, ok := writable(out); ok {
					q.writes = append(q.writes, dir)
				}
			}
			if q.database.dsn != "" && kind != "csv" && kind != "jsonl" {
				return &exitError{
					code: exitDatabase, err: words.Errorf("the database holds no packet bytes, and cannot be exported as %s", kind),
					mend: words.T("write --format csv or jsonl, or export the capture's folder or file"),
				}
			}
			return q.ask(cmd, args, 0, func(ctx context.Context, r query.Reader, s query.Scope) error {
				book := notesOf(r)
				preface, err := prefaceOf(r, book)
				if err != nil {
					return err
				}
				if noSecrets {
					preface = preface.WithoutSecrets()
				}
				lost := &leftOut{format: kind, preface: preface, notes: book}
				if err := export(ctx, cmd.OutOrStdout(), lost.watch(eachOf(r)), s, out, kind, preface, book); err != nil {
					return err
				}
				lost.tell(cmd.ErrOrStderr())
				return nil
			})
		},
	}
	q.flags(cmd)
	q.database.add(cmd.Flags())
	cmd.Flags().StringVarP(&out, "output", "o", "-", "file to write; -: standard output")
	cmd.Flags().BoolVar(&noSecrets, "no-secrets", false, "pcapng: leave the secrets out that the file decrypts its traffic with")
	cmd.Flags().StringVar(&format, "format", "", "pcapng, pcap, csv, jsonl or parquet; by the file's name when not given")
	return cmd
}

func exportFormat(format, out string) (string, error) {
	if format == "" {
		format = strings.TrimPrefix(filepath.Ext(out), ".")
	}
	switch format {
	case "pcapng", "pcap", "csv", "jsonl", "parquet":
		return format, nil
	case "ndjson", "json":
		return "jsonl", nil
	}
	return "", &exitError{code: exitOptions, err: words.Errorf("which format?"), mend: words.T("write --format pcapng, pcap, csv, jsonl or parquet")}
}

// exporter takes packets one by one.
type exporter interface {
	packet(s *packet.Summary, data []byte, c *segment.Chunk) error
	end() error
}

// each hands the packets of a scope to f. Those of a database come without their bytes.
type each func(ctx context.Context, s query.Scope, f func(s *packet.Summary, data []byte, c *segment.Chunk) error) error

// eachOf is how a reader's packets are exported.
func eachOf(r query.Reader) each {
	if db, ok := r.(*postgres.Reader); ok {
		return func(ctx context.Context, s query.Scope, f func(*packet.Summary, []byte, *segment.Chunk) error) error {
			var c segment.Chunk
			return db.Each(ctx, s, func(p *packet.Summary, faces []segment.Interface) error {
				c.Interfaces = faces
				return f(p, nil, &c)
			})
		}
	}
	return r.(*history.Capture).Each
}

// notesOf returns what was marked and commented in a capture's folder; nil: there is nothing.
func notesOf(r query.Reader) *notes.Book {
	if c, ok := r.(*history.Capture); ok && c.Dir() != "" {
		return notes.In(c.Dir())
	}
	return nil
}

// prefaceOf returns what a file or a capture says besides its packets, with what its reader has
// said of it.
func prefaceOf(r query.Reader, book *notes.Book) (*segment.Preface, error) {
	c, ok := r.(*history.Capture)
	if !ok {
		return &segment.Preface{}, nil
	}
	p, err := c.Preface()
	if err != nil || book == nil {
		return p, err
	}
	if whole, _ := book.Summary(); whole.Comment != "" {
		said := *p
		said.Section.Comments = append(slices.Clip(said.Section.Comments), whole.Comment)
		return &said, nil
	}
	return p, nil
}

func export(ctx context.Context, stdout io.Writer, packets each, s query.Scope, name, format string, preface *segment.Preface, book *notes.Book) (err error) {
	w := stdout
	if name == "-" && format != "csv" && format != "jsonl" {
		if err := notOnTerminal(stdout, "the file"); err != nil {
			return err
		}
	}
	if name != "-" {
		// A new file beside the old one, so that what is being read is never cut.
		f, ferr := os.CreateTemp(filepath.Dir(name), ".tarrafa-export-*")
		if ferr != nil {
			return fileError(name, ferr)
		}
		defer func() {
			if err = errors.Join(err, f.Close()); err == nil {
				err = os.Rename(f.Name(), name)
			}
			if err != nil {
				_ = os.Remove(f.Name())
			}
		}()
		w = f
	}
	buf := bufio.NewWriterSize(w, 256<<10)
	e, err := newExporter(buf, format, preface, book)
	if err != nil {
		return err
	}
	if err := packets(ctx, s, e.packet); err != nil {
		return err
	}
	if err := e.end(); err != nil {
		return err
	}
	return buf.Flush()
}
