// Package terminal shows a capture on a terminal: a live view of statistics and newest
// packets, one line of text now and then where there is no terminal, and the question
// which interface to capture from. Foreign text (names, errors, payload) reaches the
// terminal only through clean and preview.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	tea "charm.land/bubbletea/v2"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/words"
)

// Options say how the view looks and where it appears.
type Options struct {
	Language words.Language
	Home     string    // the user's home folder, shown as ~; may be empty
	Input    io.Reader // nil: standard input
	Output   io.Writer // nil: standard output
	Env      []string  // nil: the process's; NO_COLOR, TERM and COLORTERM matter

	// Suspend stops the capturing, or starts it again; that it is so, or why it is not, comes
	// with the snapshots. It is called beside the view, once at a time. nil: it cannot be done.
	Suspend func(on bool)

	// Link returns a link to the capture's page that works once. nil: there is no page.
	Link func() string
}

// Run shows the live view until the user quits (q or Ctrl+C), the capture ends (its
// final snapshot) or ctx ends; all three return nil, and the terminal is as it was
// before. The caller then shuts down in order. An error means that the view could not be
// shown or broke off; the capture is not affected.
//
// Signals are left to the caller. While Run runs, nothing else may write to the terminal.
func Run(ctx context.Context, hub *live.Hub, opts Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := newModel(ctx, hub, opts)
	options := []tea.ProgramOption{tea.WithoutSignalHandler()}
	if opts.Input != nil {
		options = append(options, tea.WithInput(opts.Input))
	}
	if opts.Output != nil {
		options = append(options, tea.WithOutput(opts.Output))
	}
	if opts.Env != nil {
		options = append(options, tea.WithEnvironment(opts.Env))
	}
	p := tea.NewProgram(m, options...)
	running.Store(p)
	defer running.Store(nil)
	stop := context.AfterFunc(ctx, func() { p.Send(tea.QuitMsg{}) })
	defer stop()
	if _, err := p.Run(); err != nil && !errors.Is(err, tea.ErrInterrupted) {
		return fmt.Errorf("terminal view: %w", err)
	}
	return nil
}

var running atomic.Pointer[tea.Program]

// RestoreOnPanic gives the terminal back when the goroutine that defers it panics, and
// lets the panic go on, so that its message can be read. Goroutines that run beside the
// view defer it: the view itself can only catch its own panics.
func RestoreOnPanic() {
	if reason := recover(); reason != nil {
		if p := running.Load(); p != nil {
			_ = p.ReleaseTerminal()
		}
		panic(reason)
	}
}
