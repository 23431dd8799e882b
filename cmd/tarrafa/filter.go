package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/words"
)

type filterOptions struct {
	dump   int
	on     string
	link   string
	live   bool
	asJSON bool

	noSandbox bool
}

func filterCommand() *cobra.Command {
	var o filterOptions
	cmd := &cobra.Command{
		Use:   "filter EXPRESSION…",
		Short: "Explain a capture filter, print its program, try it on a file",
		Long: `Check a capture filter in tcpdump's words (pcap-filter(7)) and say what it matches, and
what it does not match although one might think so. -d, -dd and -ddd print the program
as tcpdump does.`,
		Example: `  tarrafa filter tcp port 443
  tarrafa filter -d 'host 10.0.0.1 and not port 22'
  tarrafa filter --on trace.pcap udp port 53`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFilter(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), &o, strings.Join(args, " "))
		},
	}
	f := cmd.Flags()
	f.CountVarP(&o.dump, "dump", "d", "print the program (-dd: as C, -ddd: as decimal numbers)")
	f.StringVar(&o.on, "on", "", "try the filter on a capture file or folder: packets matched and in all")
	f.StringVarP(&o.link, "link-type", "y", "EN10MB", "link type to compile for")
	f.BoolVar(&o.live, "live", false, "compile for a live Linux capture instead of a file")
	f.BoolVar(&o.asJSON, "json", false, "print one JSON object")
	noSandboxFlag(f, &o.noSandbox)
	return cmd
}

func runFilter(ctx context.Context, w, stderr io.Writer, o *filterOptions, expr string) error {
	if err := checkLength(expr); err != nil {
		return err
	}
	link, ok := filter.LinkTypeByName(o.link)
	if !ok {
		return &exitError{code: exitOptions, err: words.Errorf("-y %s: no link type of that name", o.link), mend: words.T("write for example EN10MB, RAW, NULL, LINUX_SLL2 or PPP")}
	}
	t := filter.Target{LinkType: link, Live: o.live}
	if o.on != "" {
		return tryFilter(ctx, w, stderr, o, expr)
	}
	if o.dump > 0 {
		p, err := filter.Compile(expr, t)
		if err != nil {
			return filterError(err)
		}
		styles := []filter.DumpStyle{filter.DumpText, filter.DumpC, filter.DumpDecimal}
		return p.Dump(w, styles[min(o.dump, 3)-1])
	}
	e, err := filter.Explain(expr, t)
	if err != nil {
		return filterError(err)
	}
	if o.asJSON {
		enc := newEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(e)
	}
	_, err = io.WriteString(w, explanationText(&e))
	return err
}

func explanationText(e *filter.Explanation) string {
	var b strings.Builder
	_, _ = words.Fprintf(&b, "Matches %s.\n", e.Words)
	if e.Reads != "" {
		_, _ = words.Fprintf(&b, "Read as: %s\n", e.Reads)
	}
	for _, n := range e.Notes {
		_, _ = words.Fprintf(&b, "Note: %s\n", n)
	}
	if len(e.Misses) > 0 {
		b.WriteString("Does not match:\n")
	}
	for _, m := range e.Misses {
		_, _ = words.Fprintf(&b, "  %s\n      to match them too: %s\n", m.What, m.Use)
	}
	_, _ = words.Fprintf(&b, "%d instructions\n", e.Instructions)
	return b.String()
}

// filterError shows where in the expression the fault is.
func filterError(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*filter.Error](err); ok {
		return &exitError{code: exitFilter, err: err, mend: strings.ReplaceAll(pointed(e.Expr, e.Pos, len([]rune(e.Near))), "\n", "\n  ")}
	}
	return err
}

// tryFilter counts the packets of a capture that match.
func tryFilter(ctx context.Context, w, stderr io.Writer, o *filterOptions, expr string) error {
	if err := rememberNames(expr); err != nil {
		return err
	}
	if err := confineQuietly(stderr, o.noSandbox, readingRules([]string{o.on}, nil)); err != nil {
		return err
	}
	ins, err := openInput(o.on, false)
	if err != nil {
		return err
	}
	defer closeInputs(ins)
	var matched, total uint64
	var failed error
	for _, in := range ins {
		f := newFileFilter(expr)
		m, n, err := countMatches(ctx, in, f)
		matched, total = matched+m, total+n
		failed = errors.Join(failed, err)
	}
	if o.asJSON {
		_, err = fmt.Fprintf(w, "{\"matched\": %d, \"total\": %d}\n", matched, total)
	} else {
		_, err = words.Fprintf(w, "%d of %d packets match\n", matched, total)
	}
	return errors.Join(failed, err)
}

func countMatches(ctx context.Context, in *input, f *fileFilter) (matched, total uint64, err error) {
	for {
		c, err := in.chunks.Next(ctx)
		if errors.Is(err, io.EOF) {
			return matched, total, nil
		}
		if err != nil {
			return matched, total, err
		}
		it := c.Records()
		var rec segment.Record
		for it.Next(&rec) {
			total++
			ok, err := f.match(faceOf(c, rec.Interface).Link, rec.Data, rec.WireLen)
			if err != nil {
				in.chunks.Release(c)
				return matched, total, filterError(err)
			}
			if ok {
				matched++
			}
		}
		in.chunks.Release(c)
	}
}
