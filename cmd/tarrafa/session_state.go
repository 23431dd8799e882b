package main

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/live"
)

func (s *session) setState(i int, state live.InterfaceState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i < len(s.states) {
		s.states[i] = state
	}
}

// interfaces is the view's picture of the captured interfaces.
func (s *session) interfaces() []live.Interface {
	counters := s.source.Counters()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]live.Interface, 0, len(s.states))
	for i, in := range s.source.Interfaces() {
		entry := live.Interface{Name: in.Name, State: s.states[i]}
		if i < len(counters.PerInterface) {
			c := counters.PerInterface[i]
			entry.Received, entry.Dropped, entry.Delivered, entry.Skipped = c.Received, c.Dropped, c.Delivered, c.Skipped
		}
		list = append(list, entry)
	}
	return list
}

// ledger adds the followers to the archive's account.
func (s *session) ledger() archive.Ledger {
	// The archive first: what it has written was delivered before.
	l := s.archive.Ledger()
	c, surplus := s.source.Counters(), s.surplus.Load()
	l.Received, l.Dropped, l.Skipped = c.Received, c.Dropped, c.Skipped+surplus
	l.Delivered, l.Truncated = c.Delivered-surplus, c.Truncated
	_, l.Suspended = s.still.get(time.Now())
	for _, f := range s.followers {
		e := archive.FollowerEntry{Name: f.name, Applied: f.applied(), Expired: f.tail.Expired()}
		e.Behind = l.Written - min(l.Written, e.Applied+e.Expired)
		if f.parts != nil {
			e.Parts = f.parts()
		}
		e.Limits, e.Flows = f.tracker.Limits(), f.tracker.Flows()
		l.Followers = append(l.Followers, e)
	}
	return l
}

// connections is the view's picture of the flows.
func (s *session) connections() *live.Analysis {
	if s.links == nil {
		return nil
	}
	return s.links.snapshot()
}

// sinks is the view's picture of the outputs.
func (s *session) sinks() []live.Sink {
	if s.outputs == nil {
		return nil
	}
	written := s.archive.Ledger().Written
	list := make([]live.Sink, 0, len(s.outputs.list))
	for i, out := range s.outputs.list {
		f := s.followers[i+1] // the first one counts
		sink := out.state()
		applied := f.applied()
		sink.Lost = f.tail.Expired()
		sink.Behind = written - min(written, applied+sink.Lost)
		if sink.Rows == 0 {
			sink.Rows = applied
		}
		list = append(list, sink)
	}
	return list
}
