package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// outputFlags choose where packets go besides the archive.
type outputFlags struct {
	write string
}

func (o *outputFlags) add(f *pflag.FlagSet) {
	f.StringVarP(&o.write, "write", "w", "", "write packets to this file besides (pcapng; pcap when the name ends so; -: stdout)")
}

func (o *outputFlags) any() bool           { return o.write != "" }
func (o *outputFlags) usesStdout() bool    { return o.write == "-" }
func (o *outputFlags) sinkNames() []string { return nil }

// output is one open sink.
type output struct {
	name    string
	sink    track.Follower
	applied func() uint64
	close   func(context.Context) error
}

type outputs struct{ list []*output }

func (o *outputFlags) open(log *slog.Logger, id, dir string, stdout io.Writer, ifs []segment.Interface) (*outputs, error) {
	_, _, _, _, _ = log, id, dir, stdout, ifs
	return &outputs{}, nil
}

func (o *outputs) close(ctx context.Context) {
	for _, out := range o.list {
		_ = out.close(ctx)
	}
}

func readToOutputs(ctx context.Context, stdout, stderr io.Writer, names []string, o *readOptions) error {
	_, _, _, _, _ = ctx, stdout, stderr, names, o
	return nil
}
