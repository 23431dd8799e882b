package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// announce says what is being captured and where it goes.
func (s *session) announce() {
	filter := ""
	if s.expr != "" {
		filter = ", filter " + printable(s.expr)
	}
	_, _ = fmt.Fprintf(s.stderr, "Capturing on %s%s, archive %s; Ctrl+C ends it\n",
		printable(strings.Join(s.o.interfaces, ", ")), filter, s.archive.Dir())
}

// logEvery is the interval of the log lines where there is no terminal.
const logEvery = 5 * time.Second

// view shows the live statistics until end.
func (s *session) view(end context.Context) {
	if s.o.view == "none" {
		return
	}
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			snap := s.hub.Snapshot()
			s.log.Info("capturing", "packets", snap.Stats.Packets, "bytes", snap.Stats.Bytes)
		case <-end.Done():
			return
		}
	}
}
