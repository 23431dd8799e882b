package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/terminal"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
	"github.com/tarrafa/tarrafa/internal/words"
)

// readToOutputs sends captures to JSON Lines, the database or another file: the same
// followers as a live capture has, over files.
func readToOutputs(ctx context.Context, stdout, stderr io.Writer, names []string, o *readOptions) error {
	display, err := parseDisplay(o.display)
	if err != nil {
		return err
	}
	ins, err := openInputs(names, o.follow)
	if err != nil {
		return err
	}
	defer closeInputs(ins)
	log := slog.New(slog.NewTextHandler(stderr, nil))
	var failed error
	for _, in := range ins {
		err := readInput(ctx, in, display, log, stdout, stderr, o)
		if errors.Is(err, context.Canceled) {
			return failed
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func readInput(ctx context.Context, in *input, display *query.Filter, log *slog.Logger, stdout, stderr io.Writer, o *readOptions) error {
	id, err := captureID(in.name)
	if err != nil {
		return err
	}
	part := display != nil || o.filter != ""
	outs, err := o.out.open(outputTarget{id: id, stdout: stdout, log: log, file: true, part: part})
	if err != nil {
		return err
	}
	shown := newBatchFilter(display)
	t := shown.tracker()
	var flows *database
	for _, out := range outs.list {
		if d, ok := out.sink.(*database); ok {
			analysing, err := d.start(ctx)
			if err != nil {
				return err
			}
			if !part {
				t, flows = analysing, d
			}
		}
	}
	if log := onlyRecord(outs); log != nil && !part && !o.follow && fileWorkers() > 1 && shareInputs([]*input{in}) {
		err := recordInParts(ctx, in, log, fileWorkers())
		st := log.Status()
		return readEnd(ctx, in, outs, func(*output) uint64 { return st.Lines + st.Skipped }, stderr, err)
	}
	all := &fan{outs: outs.list}
	filtered := newFileFilter(o.filter)
	err = t.Run(ctx, in.chunks, followerFunc(func(ctx context.Context, b *track.Batch) error {
		b, err := filtered.batch(shown.batch(b))
		if err != nil {
			return &track.FatalError{Err: err}
		}
		return all.Apply(ctx, b)
	}))
	// Where a file is damaged it ends: nothing comes that would end the open flows otherwise.
	if _, damaged := errors.AsType[*segment.DamageError](err); flows != nil && (err == nil || damaged) {
		flows.finish()
	}
	return readEnd(ctx, in, outs, func(out *output) uint64 {
		if out.applied != nil {
			return out.applied()
		}
		return t.Applied()
	}, stderr, err)
}

// onlyRecord returns the traffic record when it is the only output.
func onlyRecord(outs *outputs) *trafficlog.Log {
	if len(outs.list) != 1 {
		return nil
	}
	log, _ := outs.list[0].sink.(*trafficlog.Log)
	return log
}

// readEnd closes the outputs and prints the ledger.
func readEnd(ctx context.Context, in *input, outs *outputs, appliedBy func(*output) uint64, stderr io.Writer, err error) error {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	err = errors.Join(err, outs.close(end))
	l := in.ledger()
	for _, out := range outs.list {
		applied := appliedBy(out)
		l.Followers = append(l.Followers, archive.FollowerEntry{
			Name: out.name, Applied: min(applied, l.Written), Behind: l.Written - min(l.Written, applied),
		})
	}
	_, _ = io.WriteString(stderr, terminal.LedgerText(&l, words.Chosen()))
	return err
}

// followerFunc is a follower made of a function.
type followerFunc func(context.Context, *track.Batch) error

// Apply implements track.Follower.
func (f followerFunc) Apply(ctx context.Context, b *track.Batch) error { return f(ctx, b) }

// fan hands each batch to several sinks. A sink that has taken it does not see it again
// when a later one wants it offered once more.
type fan struct {
	outs []*output
	next int
}

// Apply implements track.Follower.
func (f *fan) Apply(ctx context.Context, b *track.Batch) error {
	for ; f.next < len(f.outs); f.next++ {
		out := f.outs[f.next]
		if err := out.sink.Apply(ctx, b); err != nil {
			return err
		}
	}
	f.next = 0
	return nil
}

// idHead is how much of a file goes into its identity.
const idHead = 1 << 20

// captureID names a capture for ever. A capture folder has its own; a file is named by its
// base name, length and beginning, so that sending it to the database twice stores it
// once.
func captureID(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Sprintf("stdin-%d", os.Getpid()), nil
	}
	if info.IsDir() {
		s, err := archive.Open(name)
		if err != nil {
			return "", fileError(name, err)
		}
		defer func() { _ = s.Close() }()
		return s.Meta.ID, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fileError(name, err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.CopyN(h, f, idHead); err != nil && !errors.Is(err, io.EOF) {
		return "", fileError(name, err)
	}
	return fmt.Sprintf("file-%s-%d-%s", filepath.Base(name), info.Size(), hex.EncodeToString(h.Sum(nil)[:6])), nil
}

// batch leaves only the rows that match. The chunk is cut too, so that what is written
// elsewhere holds just these packets.
func (f *fileFilter) batch(b *track.Batch) (*track.Batch, error) {
	if f.expr == "" {
		return b, nil
	}
	rows := b.Rows[:0:0]
	for i := range b.Rows {
		r := &b.Rows[i]
		link := faceOf(b.Chunk, r.Interface).Link
		ok, err := f.match(link, b.Data(r), r.WireLen)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, *r)
		}
	}
	part := *b
	part.Rows = rows
	return &part, nil
}
