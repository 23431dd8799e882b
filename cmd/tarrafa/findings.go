package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

type findingsOptions struct {
	analysisFlags
	database   databaseFlags
	json       bool
	severity   string
	thresholds []string
}

func findingsCommand() *cobra.Command {
	var o findingsOptions
	cmd := &cobra.Command{
		Use:   "findings FILE|DIR|-…|--db",
		Short: "Say what looks wrong: losses, stalls, resets, scans, floods, beacons, tunnels",
		Long: words.T(`Look for what is wrong in the connections of a capture, and say it in plain sentences
with the numbers of the packets that show it. The thresholds and their reasons are in
docs/flows.md; each can be changed with --threshold. They are:

`) + thresholdNames(),
		Example: `  tarrafa findings trace.pcap
  tarrafa findings --severity warning --json trace.pcap
  tarrafa findings --threshold scan-targets=10 trace.pcap`,
		Args: o.database.capturesOr(atLeastOne("a capture file or folder, or --db")),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFindings(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args, &o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print a JSON object for each finding")
	f.StringVar(&o.severity, "severity", "info", "from this severity on: info, warning or serious")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "NAME=VALUE: from where on a detector speaks (repeat)")
	o.add(f)
	o.database.add(f)
	return cmd
}

func runFindings(ctx context.Context, stdout, stderr io.Writer, names []string, o *findingsOptions) error {
	ctx, stop := interrupted(ctx)
	defer stop()
	least := slices.Index(severities, o.severity)
	if least < 0 {
		return &exitError{code: exitOptions, err: words.Errorf("--severity %s: write info, warning or serious", o.severity)}
	}
	if err := o.validate(); err != nil {
		return err
	}
	limits, err := readThresholds(o.thresholds)
	if err != nil {
		return err
	}
	if o.database.dsn != "" {
		return databaseFindings(ctx, stdout, stderr, o, flow.Severity(least))
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
	var failed error
	for _, in := range ins {
		watch := flow.NewWatch(flow.WatchOptions{Thresholds: limits})
		a := track.NewAnalysis(track.AnalysisOptions{Memory: int64(o.memory), Watch: watch})
		t := track.NewAnalysing(a)
		err := t.Run(ctx, in.chunks, followerFunc(func(context.Context, *track.Batch) error { return nil }))
		a.Drain()
		sayLimits(stderr, in, t)
		if len(ins) > 1 && !o.json {
			_, _ = fmt.Fprintf(w, "%s:\n", oneLine(in.name))
		}
		failed = errors.Join(failed, printFindings(w, watch, flow.Severity(least), o.json))
		if errors.Is(err, context.Canceled) {
			break
		}
		failed = errors.Join(failed, err)
	}
	return errors.Join(w.Flush(), failed)
}

// severities are the names, from the least on.
var severities = []string{flow.Info.String(), flow.Warning.String(), flow.Serious.String()}

// printFindings prints what a Watch has found, from a severity on.
func printFindings(w io.Writer, watch *flow.Watch, least flow.Severity, asJSON bool) error {
	var list []index.Finding
	for f := range watch.All() {
		if f.Severity >= least {
			list = append(list, index.NewFinding(f))
		}
	}
	return writeFindings(w, list, asJSON)
}

// writeFindings prints the worst first, and the eldest of those.
func writeFindings(w io.Writer, list []index.Finding, asJSON bool) error {
	slices.SortStableFunc(list, func(a, b index.Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(severities, b.Severity), slices.Index(severities, a.Severity)), cmp.Compare(a.ID, b.ID))
	})
	enc := newEncoder(w)
	for i := range list {
		d := &list[i]
		if asJSON {
			if err := enc.Encode(d); err != nil {
				return err
			}
			continue
		}
		stream := ""
		if d.Stream != nil {
			stream = fmt.Sprintf("%s stream %d, ", d.Protocol, *d.Stream)
		}
		var packets []string
		for _, n := range d.Evidence {
			packets = append(packets, strconv.FormatUint(n, 10))
		}
		if _, err := words.Fprintf(w, "%-8s %-18s %s\n%27s (%spackets %s; from %s)\n", d.Severity, d.Kind, words.Finding(d.Key, d.Args, d.Sentence), "",
			stream, strings.Join(packets, ", "), d.First); err != nil {
			return err
		}
	}
	return nil
}

// thresholdName turns a field's name into that of the option: ScanTargets, scan-targets.
func thresholdName(field string) string {
	var b []byte
	for i := range len(field) {
		c := field[i]
		upper := c >= 'A' && c <= 'Z'
		if upper && i > 0 && (field[i-1] < 'A' || field[i-1] > 'Z' || i+1 < len(field) && field[i+1] >= 'a' && field[i+1] != 's') {
			b = append(b, '-')
		}
		b = append(b, strings.ToLower(string(c))...)
	}
	return string(b)
}

// thresholdNames lists the thresholds with their values.
func thresholdNames() string {
	v := reflect.ValueOf(flow.DefaultThresholds())
	var b strings.Builder
	for i := range v.NumField() {
		fmt.Fprintf(&b, "  %-24s %v\n", thresholdName(v.Type().Field(i).Name), v.Field(i).Interface())
	}
	return strings.TrimRight(b.String(), "\n")
}

// readThresholds changes the defaults as the user wants.
func readThresholds(settings []string) (flow.Thresholds, error) {
	t := flow.DefaultThresholds()
	v := reflect.ValueOf(&t).Elem()
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		known := false
		for i := range v.NumField() {
			if thresholdName(v.Type().Field(i).Name) != name {
				continue
			}
			known = true
			if err := setThreshold(v.Field(i), value); err != nil {
				return t, &exitError{code: exitOptions, err: words.Errorf("--threshold %s: %w", s, err)}
			}
		}
		if !known {
			return t, &exitError{code: exitOptions, err: words.Errorf("--threshold %s: no threshold of that name", s), mend: words.T("list them: tarrafa findings --help")}
		}
	}
	return t, nil
}

func setThreshold(v reflect.Value, text string) error {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return words.Errorf("write a time, for example 30s or 5m")
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f >= 0) {
			return words.Errorf("write a number, for example 0.05")
		}
		v.SetFloat(f)
	case reflect.Int:
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return words.Errorf("write a whole number")
		}
		v.SetInt(int64(n))
	default:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return words.Errorf("write a whole number")
		}
		v.SetUint(n)
	}
	return nil
}
