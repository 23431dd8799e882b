package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// measureIndex prints how fast segments are indexed: by one thread, in time of its clock,
// and with connections as reindex does it, in time of the clock on the wall: in this archive
// nearly every packet begins a connection, which is the most that they can cost.
func measureIndex(s *archive.Stored, packets int, connections bool) error {
	ctx := context.Background()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	w, err := index.NewWriter(index.Config{Root: s.Root(), Capture: s.Meta.ID, Program: "bench"})
	if err != nil {
		return err
	}
	defer w.Close()
	walk := s.Walk(segment.Cursor{})
	defer walk.Close()
	start, used := time.Now(), threadTime()
	if err := track.New().Run(ctx, walk, w); err != nil {
		return err
	}
	w.Seal()
	used = threadTime() - used
	if w.Failed() > 0 {
		return fmt.Errorf("index: %d segments failed", w.Failed())
	}
	fmt.Printf("index, 1 thread: %.2f M packets/s of processor time, %.2f M/s by the clock, %.1f bytes a packet\n",
		rate(packets, used), rate(packets, time.Since(start)), float64(indexSize(s.Dir()))/float64(packets))
	if !connections {
		return nil
	}
	start = time.Now()
	b, err := index.Build(ctx, s, index.BuildOptions{All: true, Program: "bench"})
	if err != nil || len(b.Failed) > 0 {
		return fmt.Errorf("index: %w, %v", err, b.Failed)
	}
	fmt.Printf("reindex with connections, 2 threads: %.2f M packets/s by the clock, %.1f bytes a packet\n",
		rate(packets, time.Since(start)), float64(indexSize(s.Dir()))/float64(packets))
	start = time.Now()
	if b, err = index.Build(ctx, s, index.BuildOptions{Program: "bench"}); err != nil || b.Segments > 0 {
		return fmt.Errorf("verify: %w, %d made again", err, b.Segments)
	}
	fmt.Printf("reindex, all good (every byte verified): %s\n", time.Since(start).Round(time.Millisecond))
	return nil
}

func rate(packets int, d time.Duration) float64 { return float64(packets) / d.Seconds() / 1e6 }
