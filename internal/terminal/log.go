package terminal

import (
	"fmt"
	"strings"

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
