package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/words"
)

// Exit codes. They are documented in README.md and are part of the interface.
const (
	exitOK         = 0
	exitOptions    = 1 // options or arguments
	exitInterface  = 2 // no such interface, or it cannot be used
	exitFile       = 3 // a file is missing, unreadable, damaged or no capture
	exitFilter     = 4 // the filter is wrong
	exitPermission = 5
	exitDatabase   = 6 // the database settings are wrong, or a question to it failed
	exitStorage    = 7 // the archive cannot be written or is locked
	exitInternal   = 70
)

// exitError is an error with its exit code and the command that mends it.
type exitError struct {
	code int
	err  error
	mend string
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// report prints an error, one line for what and why and one for how to mend it, and
// returns the exit code.
func report(w io.Writer, err error) int {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE) {
		return exitOK
	}
	code, mend := classify(err)
	_, _ = fmt.Fprintln(w, "tarrafa: "+strings.ReplaceAll(printable(err.Error()), "\n", "\n  "))
	if mend != "" {
		_, _ = fmt.Fprintln(w, "  "+printable(mend))
	}
	return code
}

func classify(err error) (code int, mend string) {
	var (
		exit   *exitError
		nosuch *capture.NoSuchInterfaceError
		perm   *capture.PermissionError
		damage *segment.DamageError
		locked *archive.LockedError
		bad    *filter.Error
	)
	switch {
	case errors.As(err, &exit):
		return exit.code, exit.mend
	case errors.As(err, &nosuch):
		return exitInterface, words.T("list them: tarrafa interfaces")
	case errors.As(err, &perm):
		return exitPermission, ""
	case errors.As(err, &bad):
		return exitFilter, ""
	case errors.As(err, &damage):
		return exitFile, ""
	case errors.As(err, &locked):
		return exitStorage, words.T("end the other capture, or give this one a directory of its own: --data-dir DIR")
	case errors.Is(err, fs.ErrPermission):
		return exitPermission, ""
	case errors.Is(err, fs.ErrNotExist):
		return exitFile, ""
	case errors.Is(err, syscall.ENOSPC):
		return exitStorage, words.T("make room, or choose another disk: --data-dir DIR")
	}
	return exitOptions, ""
}

// printable keeps what comes from outside (file names, server messages) from acting on
// the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case inert.Acts(r):
			return '\ufffd'
		}
		return r
	}, s)
}

// oneLine is printable for names that stand in a line: none of them begins another.
func oneLine(s string) string { return strings.ReplaceAll(printable(s), "\n", "\ufffd") }

// fileError names the file, says why, and keeps the exit code of files.
func fileError(name string, err error) error {
	if err == nil {
		return nil
	}
	mend := ""
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	code := exitFile
	unpacked, bomb := errors.AsType[*segment.UnpackedError](err)
	switch {
	case bomb:
		mend = words.Sprintf("when that is right, unpack it first, or: tarrafa import --max-unpacked %dMiB %s", 8*unpacked.Most>>20, shellQuote(name))
	case errors.Is(err, fs.ErrPermission):
		if _, serr := os.Stat(name); serr == nil {
			mend = words.Sprintf("let it be read: sudo chmod a+r %s", shellQuote(name))
		}
	case errors.Is(err, fs.ErrNotExist):
		mend = words.Sprintf("look for it: ls -l %s", shellQuote(dirOf(name)))
	}
	return &exitError{code: code, err: fmt.Errorf("%s: %w", name, err), mend: mend}
}

func dirOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return "."
}

func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:,@") == "" {
		return s
	}
	quoted := strings.ReplaceAll(s, "'", `'\''`)
	quoted = strings.ReplaceAll(quoted, "\n", `'$'\n''`) // a line end would end the line that shows it
	return "'" + quoted + "'"
}
