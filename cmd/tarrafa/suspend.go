package main

import (
	"sync"
	"time"
)

// standstill is when the capture took no packets because its reader had stopped it.
type standstill struct {
	mu    sync.Mutex
	since time.Time     // now; zero: packets are taken
	total time.Duration // of those that are over
}

func (p *standstill) set(on bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on == !p.since.IsZero():
	case on:
		p.since = now
	default:
		p.total += now.Sub(p.since)
		p.since = time.Time{}
	}
}

func (p *standstill) get(now time.Time) (since time.Time, total time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	total = p.total
	if !p.since.IsZero() {
		total += now.Sub(p.since)
	}
	return p.since, total
}

// suspend stops taking packets, or takes them again. What passes meanwhile is not counted;
// the segment says from when to when, as it does of an interface that is down.
func (s *session) suspend(on bool) error {
	do := s.source.Resume
	if on {
		do = s.source.Suspend
	}
	if err := do(); err != nil {
		return err
	}
	s.still.set(on, time.Now())
	s.news.Store(true)
	return nil
}

// suspended returns since when no packets are taken; zero: they are.
func (s *session) suspended() time.Time {
	since, _ := s.still.get(time.Now())
	return since
}
