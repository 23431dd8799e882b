package terminal

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/words"
)

// maxLogProtocols is how many protocols a log line names.
const maxLogProtocols = 3

// LogLine returns the state of a capture in one line without line end, for where there
// is no terminal.
func LogLine(s *live.Snapshot, lang words.Language) string {
	w := Words(lang)
	parts := []string{
		fmt.Sprintf("%s %s (%s)", w.Integer(s.Stats.Packets), w.Packets, w.Scaled(s.Rate.Packets, "/s")),
		fmt.Sprintf("%s (%s)", w.Size(s.Stats.Bytes), w.Scaled(s.Rate.Bits, "b/s")),
	}
	var shares []string
	for _, p := range s.Stats.Protocols[:min(len(s.Stats.Protocols), maxLogProtocols)] {
		shares = append(shares, p.Label()+" "+w.Percent(p.Packets, s.Stats.Packets))
	}
	if len(shares) > 0 {
		parts = append(parts, strings.Join(shares, ", "))
	}
	if !s.Suspended.IsZero() {
		parts = append(parts, textIn(lang, txLogSuspended))
	}
	if n := s.Dropped(); n > 0 {
		parts = append(parts, fmt.Sprintf(textIn(lang, txLogDropped), w.Integer(n)))
	}
	if s.Ledger != nil && s.Ledger.Lost > 0 {
		parts = append(parts, fmt.Sprintf(textIn(lang, txLogNotWritten), w.Integer(s.Ledger.Lost)))
	}
	for _, sink := range s.Sinks {
		if sink.State == live.SinkOK || sink.State == "" {
			continue
		}
		text := clean(sink.Name) + " " + textIn(lang, sinkState(sink.State))
		if sink.Behind > 0 {
			text += ", " + fmt.Sprintf(textIn(lang, txLogBehind), w.Integer(sink.Behind))
		}
		if sink.Error != "" {
			text += " (" + clean(sink.Error) + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " · ")
}

// Log writes a log line every so often until ctx ends or the capture does: what Run is
// to a terminal, Log is to a file or a service's journal. Events are written as they
// come. It returns nil, or the error of a write.
func Log(ctx context.Context, hub *live.Hub, out io.Writer, every time.Duration, lang words.Language) error {
	next := time.Now().Add(every)
	var seen, told uint64 // snapshots; events written or lost
	for {
		wait, cancel := context.WithDeadline(ctx, next)
		var s *live.Snapshot
		s, seen = hub.Wait(wait, seen)
		cancel()
		for i := range s.Events {
			if s.EventsLost+uint64(i) < told {
				continue
			}
			if _, err := fmt.Fprintln(out, clean(s.Events[i].Text)); err != nil {
				return err
			}
		}
		told = s.EventsLost + uint64(len(s.Events))
		if s.Final || ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how a log ends
		}
		if time.Now().Before(next) {
			continue
		}
		next = next.Add(every)
		if _, err := fmt.Fprintln(out, LogLine(s, lang)); err != nil {
			return err
		}
	}
}
