package main

import (
	"context"
	"fmt"
	"time"
)

// announce says what is being captured and where it goes.
func (s *session) announce() {
	_, _ = fmt.Fprintf(s.stderr, "Capturing on %s, archive %s; Ctrl+C ends it\n", s.o.interfaces, s.archive.Dir())
}

func (s *session) view(end, captured context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			snap := s.stats.snapshot(5)
			s.log.Info("capturing", "packets", snap.Packets, "bytes", snap.Bytes)
		case <-captured.Done():
			return
		case <-end.Done():
			return
		}
	}
}
