package main

import (
	"context"

	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// siftMemory caps what one filter of the page knows of the running capture's flows.
const siftMemory = 16 << 20

// sift implements web.Sift: it follows the archive from its beginning, as a reader of the
// stored capture would, at a low priority.
func (s *session) sift(ctx context.Context, f *query.Filter, take func(*track.Batch, uint64)) error {
	done := make(chan error, 1)
	go func() {
		inBackground()
		done <- s.siftNow(ctx, f, take)
	}()
	return <-done
}

func (s *session) siftNow(ctx context.Context, f *query.Filter, take func(*track.Batch, uint64)) error {
	tail := s.archive.Follow(segment.Cursor{})
	defer tail.Close()
	filter := newBatchFilter(f)
	tracker := track.New()
	if f.Needs().Notes {
		tracker = track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{Memory: siftMemory, Records: true}))
	}
	return tracker.Run(ctx, tail, followerFunc(func(_ context.Context, b *track.Batch) error {
		take(filter.batch(b), b.Next.Packet)
		return nil
	}))
}
