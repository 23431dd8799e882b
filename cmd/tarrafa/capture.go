package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/sandbox"
	"github.com/tarrafa/tarrafa/internal/words"
)

type captureOptions struct {
	interfaces  []string
	list        bool
	count       uint64
	snapLen     int
	direction   string
	noPromisc   bool
	bufferKiB   int
	duration    time.Duration
	dataDir     string
	segmentSize size
	segmentAge  time.Duration
	flowMemory  size
	thresholds  []string // of the findings
	limits      flow.Thresholds
	noIndex     bool
	keep        size
	keepFor     time.Duration
	view        string
	user        string
	noSandbox   bool
	numeric     bool
	out         outputFlags
	page        pageFlags
}

func captureCommand() *cobra.Command {
	o := captureOptions{segmentSize: archive.DefaultSegmentBytes, flowMemory: liveFlowMemory}
	cmd := &cobra.Command{
		Use:   "capture [-i INTERFACE]… [FILTER…]",
		Short: "Capture live: archive, statistics, JSON Lines, PostgreSQL",
		Long: `Capture packets and keep them in an archive of pcapng segments. Statistics are shown
live; Ctrl+C (or q) ends the capture, flushes everything and prints the final ones.
The filter is in tcpdump's words. Without -i the interface is asked for.`,
		Example: `  tarrafa capture
  tarrafa capture -i eth0 tcp port 443
  tarrafa capture -i eth0 --json host 35.199.111.15 or host 35.247.221.22
  tarrafa capture -i any --db -c 1000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.list {
				return listInterfaces(cmd.OutOrStdout(), false)
			}
			return runCapture(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), &o, strings.Join(args, " "))
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func (o *captureOptions) flags(f *pflag.FlagSet) {
	f.SetInterspersed(true)
	f.StringArrayVarP(&o.interfaces, "interface", "i", nil, "interface to capture from; repeat for several; any for all")
	f.BoolVarP(&o.list, "list-interfaces", "D", false, "list the interfaces and exit")
	f.Uint64VarP(&o.count, "count", "c", 0, "end after so many packets")
	f.IntVarP(&o.snapLen, "snapshot-length", "s", 0, "bytes to keep of each packet; 0: all")
	f.StringVarP(&o.direction, "direction", "Q", "inout", "packets to keep: in, out or inout")
	f.BoolVarP(&o.noPromisc, "no-promiscuous-mode", "p", false, "do not put the interface into promiscuous mode")
	f.IntVarP(&o.bufferKiB, "buffer-size", "B", 64<<10, "size of the kernel's ring for each interface, KiB")
	f.DurationVar(&o.duration, "duration", 0, "end after this time, for example 90s or 1h")
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir(), "where captures are kept")
	f.Var(&o.segmentSize, "segment-size", "start a new segment file after so many bytes")
	f.Var(&o.keep, "keep", "keep at most so many bytes of captures, the oldest segments go (default: four fifths of the room there is)")
	f.DurationVar(&o.keepFor, "keep-for", 0, "and no segment that is older, for example 168h")
	f.DurationVar(&o.segmentAge, "segment-age", archive.DefaultSegmentAge, "or after this time")
	f.BoolVar(&o.noIndex, "no-index", false, "write no index and look at no connections while capturing; tarrafa reindex makes it later")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "NAME=VALUE: from where on a finding is told (repeat; tarrafa findings --help lists them)")
	f.Var(&o.flowMemory, "flow-memory", "memory for connections; when it is used up those silent for longest are given up, and counted")
	f.StringVar(&o.view, "view", "auto", "live view: auto, terminal, log or none")
	f.StringVar(&o.user, "user", "", "become this user after the socket is open (default: who called sudo)")
	f.BoolVarP(&o.numeric, "numeric", "n", false, "accepted for tcpdump's sake: addresses and ports are never resolved")
	noSandboxFlag(f, &o.noSandbox)
	o.page.add(f)
	f.BoolVar(&o.page.off, "no-page", false, "do not serve the page")
	o.out.add(f)
}

// validate finds what is wrong with the options before anything is opened.
func (o *captureOptions) validate() error {
	bad := func(format string, args ...any) error {
		return &exitError{code: exitOptions, err: words.Errorf(format, args...), mend: words.Sprintf("run: %s --help", "tarrafa capture")}
	}
	switch o.direction {
	case "in", "out", "inout":
	default:
		return bad("-Q %s: write in, out or inout", o.direction)
	}
	switch o.view {
	case "auto", "terminal", "log", "none":
	default:
		return bad("--view %s: write auto, terminal, log or none", o.view)
	}
	switch {
	case o.snapLen < 0 || o.snapLen > 262144:
		return bad("-s %d: between 0 and 262144 bytes", o.snapLen)
	case o.bufferKiB < 2048 || o.bufferKiB > 8<<20:
		return bad("-B %d: between 2048 (2 MiB) and %d (8 GiB)", o.bufferKiB, 8<<20)
	case o.duration < 0:
		return bad("--duration %s: a time from now on", o.duration)
	case o.segmentSize < 1<<20:
		return bad("--segment-size %s: at least 1 MiB", &o.segmentSize)
	case o.flowMemory < minFlowMemory:
		return bad("--flow-memory %s: at least %s", &o.flowMemory, formatSize(minFlowMemory))
	case o.segmentAge < time.Second:
		return bad("--segment-age %s: at least 1s", o.segmentAge)
	}
	if err := o.out.check(false); err != nil {
		return err
	}
	var err error
	o.limits, err = readThresholds(o.thresholds)
	return err
}

func (o *captureOptions) directions() capture.Direction {
	return map[string]capture.Direction{"in": capture.In, "out": capture.Out, "inout": capture.InOut}[o.direction]
}

// runCapture is the whole life of a capture, in order: what needs a privilege, giving the
// privileges up, the archive, those who follow it, the view; and then all of it backwards.
func runCapture(ctx context.Context, stdout, stderr io.Writer, o *captureOptions, expr string) error {
	if err := o.validate(); err != nil {
		return err
	}
	if err := checkFilter(expr); err != nil {
		return err
	}
	if err := rememberNames(expr); err != nil {
		return err
	}
	if err := o.chooseInterface(stderr); err != nil {
		return err
	}
	identity, err := sandbox.Invoking(o.user)
	if err != nil {
		return &exitError{code: exitOptions, err: err, mend: words.T("name a user of this machine: --user NAME")}
	}
	source, err := capture.Open(capture.Options{
		Interfaces: o.interfaces, Program: compiler(expr), Expression: expr, Direction: o.directions(),
		Promiscuous: !o.noPromisc, SnapLen: o.snapLen, BufferBytes: o.bufferKiB << 10,
	})
	if err != nil {
		return interfaceError(err)
	}
	defer func() { _ = source.Close() }()
	page, err := o.openPage(ctx, stderr, identity)
	if err != nil {
		return err
	}
	if err := confine(stderr, o.noSandbox, sandbox.Rules{User: identity, Access: o.access}); err != nil {
		return err
	}
	s, err := newSession(stdout, stderr, o, expr, source)
	if err != nil {
		return err
	}
	s.page = page
	return s.run(ctx)
}

// interfaceError gives errors of the capture source the exit code of interfaces, except
// those that have one of their own (permission, filter).
func interfaceError(err error) error {
	if code, _ := classify(err); code != exitOptions {
		return err
	}
	return &exitError{code: exitInterface, err: err, mend: words.T("list them: tarrafa interfaces")}
}

// chooseInterface asks for the interface when none was named.
func (o *captureOptions) chooseInterface(stderr io.Writer) error {
	if len(o.interfaces) > 0 {
		return nil
	}
	list, err := capture.List()
	if err != nil {
		return &exitError{code: exitInterface, err: err}
	}
	def, ok := capture.DefaultInterface(list)
	if !ok {
		return &exitError{code: exitInterface, err: words.Errorf("no interface to capture from"), mend: words.T("look at them: tarrafa interfaces")}
	}
	name := def.Name
	if isTerminal(os.Stdin) {
		if name, err = askInterface(os.Stdin, stderr, list, def); err != nil {
			return err
		}
	} else {
		_, _ = words.Fprintf(stderr, "tarrafa: no -i given, capturing from %s\n", oneLine(name))
	}
	o.interfaces = []string{name}
	return nil
}
