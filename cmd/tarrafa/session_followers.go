package main

import (
	"context"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/terminal"
	"github.com/tarrafa/tarrafa/internal/track"
)

// follower is one consumer of the archive, at its own pace.
type follower struct {
	name       string
	background bool // may wait for everybody else: its thread has a low priority
	sink       track.Follower
	tracker    *track.Tracker
	tail       *archive.Tail
	// applied overrides the tracker's count where the sink knows better: rows that are
	// committed.
	applied func() uint64
	parts   func() map[string]uint64
	custom  func(ctx context.Context, from func(segment.Cursor) track.Chunks, t *track.Tracker) error
	err     error
}

// run follows the archive until its end.
func (f *follower) run(ctx context.Context) error {
	defer terminal.RestoreOnPanic()
	if f.background {
		inBackground()
	}
	if f.custom == nil {
		return f.tracker.Run(ctx, f.tail, f.sink)
	}
	return f.custom(ctx, func(c segment.Cursor) track.Chunks {
		f.tail.Seek(c)
		return f.tail
	}, f.tracker)
}

func (s *session) follow(out *output) {
	f := &follower{
		name: out.name, background: out.background, sink: out.sink, tracker: track.New(), tail: s.archive.Follow(out.from),
		applied: out.applied, parts: out.parts, custom: out.follow,
	}
	if out.tracker != nil {
		f.tracker = out.tracker
	}
	if f.applied == nil {
		f.applied = f.tracker.Applied
	}
	if f.parts == nil && f.sink == track.Follower(s.hub) {
		f.parts = func() map[string]uint64 {
			sum := archive.FollowerEntry{Parts: map[string]uint64{}}
			addOutcomes(&sum, f.tracker)
			return sum.Parts
		}
	}
	s.followers = append(s.followers, f)
}

// catchUp lets the database have what earlier captures owe it, beside the live capture.
func (s *session) catchUp(ctx context.Context) {
	for _, out := range s.outputs.list {
		if d, ok := out.sink.(*database); ok {
			go d.catchUp(ctx, s.log, s.o.dataDir, s.archive.Dir())
		}
	}
}
