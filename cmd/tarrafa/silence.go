package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// silenceAfter is how long a filter may match nothing before the user is told.
const silenceAfter = 5 * time.Second

// silence watches a capture whose filter matches nothing although packets pass.
type silence struct {
	start  time.Time
	passed uint64 // packets of the interfaces at the start
	known  bool
	over   bool // told, or no reason to
}

// watch is called about once a second with the number of packets captured until now.
func (q *silence) watch(s *session, captured uint64, now time.Time) {
	if q.over || s.expr == "" {
		return
	}
	if captured > 0 {
		q.over = true
		return
	}
	if q.start.IsZero() || !s.suspended().IsZero() {
		q.start = now
		q.passed, q.known = passedPackets(s.o.interfaces)
		return
	}
	if now.Sub(q.start) < silenceAfter {
		return
	}
	passed, known := passedPackets(s.o.interfaces)
	if !known || !q.known || passed <= q.passed {
		q.start, q.passed, q.known = now, passed, known
		return
	}
	q.over = true
	s.say(live.Warning, fmt.Sprintf("the filter %q has matched none of %d packets in %d s%s",
		s.expr, passed-q.passed, int(silenceAfter.Seconds()), missHint(s.expr, s.source.Interfaces()[0].Link)))
}

// missHint names what the filter does not match although one might think so.
func missHint(expr string, link packet.LinkType) string {
	e, err := filter.Explain(expr, filter.Target{LinkType: int(link), Live: capture.LinuxExtensions})
	if err != nil || len(e.Misses) == 0 {
		return ""
	}
	what := make([]string, 0, 3)
	for _, m := range e.Misses[:min(3, len(e.Misses))] {
		what = append(what, m.What)
	}
	return fmt.Sprintf("; it does not match %s: try %s, or see tarrafa filter", strings.Join(what, ", nor "), shellQuote(e.Misses[0].Use))
}

// passedPackets adds up the packets of interfaces, whether captured or not.
func passedPackets(names []string) (n uint64, known bool) {
	list, err := capture.List()
	if err != nil {
		return 0, false
	}
	for _, i := range list {
		for _, name := range names {
			if i.Name == name || name == capture.AnyInterface && i.Name != name {
				n += i.RxPackets + i.TxPackets
				known = known || i.HasCounters
			}
		}
	}
	return n, known
}
