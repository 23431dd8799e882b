package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/terminal"
	"github.com/tarrafa/tarrafa/internal/words"
)

// announce says what is being captured and where it goes.
func (s *session) announce() {
	filter := ""
	if s.expr != "" {
		filter = ", filter " + oneLine(s.expr)
	}
	_, _ = words.Fprintf(s.stderr, "Capturing on %s%s, archive %s; Ctrl+C ends it\n",
		oneLine(strings.Join(s.o.interfaces, ", ")), filter, s.archive.Dir())
}

// logEvery is the interval of the log lines where there is no terminal.
const logEvery = 5 * time.Second

// wantsTerminal tells whether the live view is to be shown.
func (s *session) wantsTerminal() bool {
	switch s.o.view {
	case "terminal":
		return true
	case "auto":
		return isTerminal(os.Stdin) && isTerminal(os.Stdout) && !s.o.out.usesStdout()
	}
	return false
}

// view shows the capture until end. When the user quits the view the capture ends.
func (s *session) view(end context.Context) {
	if s.o.view == "none" {
		return
	}
	if s.wantsTerminal() {
		home, _ := os.UserHomeDir()
		s.lines.setQuiet(true)
		opts := terminal.Options{Language: words.Chosen(), Home: home, Suspend: func(on bool) {
			if err := s.suspend(on); err != nil {
				s.log.Error("capturing cannot be stopped or started", "error", err)
			}
		}}
		if s.page != nil {
			opts.Link = s.page.Link
		}
		err := terminal.Run(end, s.hub, opts)
		s.lines.setQuiet(false)
		if err == nil {
			s.stop()
			return
		}
		s.log.Warn("the live view is not possible, log lines instead", "reason", err)
	}
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = fmt.Fprintln(s.stderr, terminal.LogLine(s.hub.Snapshot(), words.Chosen()))
		case <-end.Done():
			return
		}
	}
}
