package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/tarrafa/tarrafa/internal/live"
)

// eventLog is the program's log during a capture: what is logged becomes an event of the
// view, and a line on stderr unless the view owns the terminal.
type eventLog struct {
	hub   func() *live.Hub
	lines *logLines
	attrs []slog.Attr
}

// logLines writes the lines, or holds them back while a view owns the terminal.
type logLines struct {
	mu    sync.Mutex
	w     io.Writer
	quiet bool
}

func (l *logLines) setQuiet(q bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = q
}

// Enabled implements slog.Handler.
func (h *eventLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler.
func (h *eventLog) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	text := oneLine(b.String())
	level := live.Info
	switch {
	case r.Level >= slog.LevelError:
		level = live.Problem
	case r.Level >= slog.LevelWarn:
		level = live.Warning
	}
	if hub := h.hub(); hub != nil {
		hub.Event(level, text)
	}
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	if h.lines.quiet {
		return nil
	}
	_, err := fmt.Fprintf(h.lines.w, "%s %s %s\n", r.Time.Format("15:04:05"), levelMarks[level], text)
	return err
}

var levelMarks = map[live.Level]string{live.Info: "info", live.Warning: "warning", live.Problem: "problem"}

// WithAttrs implements slog.Handler.
func (h *eventLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.attrs = append(slices.Clip(n.attrs), attrs...)
	return &n
}

// WithGroup implements slog.Handler. Groups are not used.
func (h *eventLog) WithGroup(string) slog.Handler { return h }
