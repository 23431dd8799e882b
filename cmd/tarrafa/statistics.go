package main

import (
	"context"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/track"
)

// statistics is the follower that counts, for the view and for the end.
type statistics struct {
	mu       sync.Mutex
	counters *stats.Counters
	events   []noted
}

// noted is something that happened to an interface.
type noted struct {
	at   time.Time
	text string
}

const eventsKept = 100

func newStatistics() *statistics { return &statistics{counters: stats.New()} }

// Apply implements track.Follower.
func (s *statistics) Apply(_ context.Context, b *track.Batch) error {
	s.mu.Lock()
	s.counters.Apply(b.Rows)
	s.mu.Unlock()
	return nil
}

func (s *statistics) snapshot(top int) *stats.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters.Snapshot(top)
}

func (s *statistics) event(at time.Time, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, noted{at, text})
	if len(s.events) > eventsKept {
		s.events = s.events[1:]
	}
}
