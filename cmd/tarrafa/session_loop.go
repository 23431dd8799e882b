package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/terminal"
)

// Times of the capture loop.
const (
	fillWait        = 50 * time.Millisecond // at most this passes before a signal is seen
	checkpointEvery = time.Second
)

// capture is the loop that must never wait for anything but packets and the disk.
func (s *session) capture() {
	defer terminal.RestoreOnPanic()
	b := segment.NewBuilder(nil)
	var total uint64
	var quiet silence
	checkpoint := time.Now()
	for {
		b.Reset(s.archive.Buffer())
		more := s.source.Fill(b, fillWait)
		if n := uint64(b.Packets()); n > 0 {
			if limit := s.o.count; limit > 0 && total+n >= limit {
				keep := limit - total
				b.Truncate(uint32(keep))
				s.surplus.Add(n - keep)
				n = keep
				s.stop()
			}
			total += n
			s.archive.Append(b)
		}
		if now := time.Now(); now.Sub(checkpoint) >= checkpointEvery || !more {
			checkpoint = now
			s.takeCounters()
			s.archive.Checkpoint()
			s.archive.Tick()
			s.takeEvents()
			quiet.watch(s, total, now)
		} else if s.news.Swap(false) {
			s.takeEvents()
		}
		if !more {
			return
		}
	}
}

// takeCounters puts the source's counters into the ledger. Packets beyond -c were
// delivered by the source but are no part of the capture: they count as skipped.
func (s *session) takeCounters() {
	c := s.source.Counters()
	surplus := s.surplus.Load()
	s.archive.SetSource(c.Received, c.Dropped, c.Skipped+surplus, c.Delivered-surplus, c.Truncated)
}

// takeEvents hands on what happened to the interfaces and to the archive.
func (s *session) takeEvents() {
	for _, e := range s.source.Events() {
		text := fmt.Sprintf("interface %s %s", e.Name, e.Kind)
		if e.Reason != "" {
			text += ": " + e.Reason
		}
		level, state := live.Warning, live.InterfaceState("")
		switch e.Kind {
		case capture.InterfaceDown:
			state = live.InterfaceDown
		case capture.InterfaceGone, capture.InterfaceUnfit:
			level, state = live.Problem, live.InterfaceGone
		case capture.InterfaceUp, capture.InterfaceBack:
			level, state = live.Info, live.InterfaceUp
		case capture.InterfaceHeld, capture.InterfaceFreed:
			level = live.Info
		case capture.InterfaceChanged:
		}
		if state != "" {
			s.setState(e.Interface, state)
		}
		s.archive.NoteEvent(e.Interface, e.Time, text)
		s.say(level, text)
	}
	if err := s.archive.Trouble(); (err == nil) != (s.trouble == nil) {
		s.trouble = err
		if err != nil {
			s.say(live.Problem, "packets are being lost: "+err.Error()+"; make room on the disk, capture goes on")
		} else {
			s.say(live.Info, "the archive can be written again")
		}
	}
}

// say logs, which the view shows too.
func (s *session) say(level live.Level, text string) {
	s.log.Log(context.Background(), slogLevels[level], text)
}

var slogLevels = map[live.Level]slog.Level{
	live.Info: slog.LevelInfo, live.Warning: slog.LevelWarn, live.Problem: slog.LevelError,
}
