package sandbox

import (
	"errors"
	"strconv"
	"strings"
)

// Rules say what [Enter] gives up and what it leaves.
type Rules struct {
	// User is who the program becomes; nil: it stays who it is.
	User *Identity
	// ForeignFiles keeps root's right to open other users' files (CAP_DAC_OVERRIDE), and
	// nothing else: for reading captures that belong to somebody else.
	ForeignFiles bool
	// Lenient reports what this build cannot do on all threads (one with cgo) instead of
	// refusing: for a program that has no privilege to give up.
	Lenient bool
	// Access is asked once, as the new user and without capabilities, what the program will
	// touch from then on. Nil: nothing.
	Access func() (Access, error)
}

// Access is what remains possible. Everything that is not named is refused by the kernel
// where it knows Landlock.
type Access struct {
	Read []string // files and folders with all below; those that are missing are passed over
	// Write are folders with all below, made with mode 0700 when missing, and files that are
	// no regular ones: pipes, devices.
	Write []string
	// Programs are files and folders from which programs may be started: for a process whose
	// work is to start one. What is started has no more rights than this process. None: no
	// program can be started, and no process.
	Programs []string
	Connect  []uint16 // TCP ports of other machines or this one; 0 is none
	Listen   []uint16 // TCP ports that are listened on from now on; 0 is one of the system's choice
	Resolve  bool     // names are looked up: DNS, and the files that say how
	// Sockets are folders of Unix sockets to connect to. A name that starts with @ is in the
	// abstract name space.
	Sockets []string
}

// network tells whether sockets of IPv4 and IPv6 are needed at all.
func (a *Access) network() bool { return len(a.Connect) > 0 || len(a.Listen) > 0 || a.Resolve }

// Report says what this kernel enforces from now on.
type Report struct {
	User         string // who the program is now
	Capabilities bool   // all are gone, on every thread
	Kept         string // the capability that was kept, if one was
	NoNewPrivs   bool
	Landlock     int // ABI version; 0: none
	LandlockNet  bool
	Seccomp      bool
	Missing      []string // what could not be enforced, and why
	// Nothing is enforced, because this build cannot (see [Rules.Lenient]).
	Nothing bool
}

// String is the line that the program starts with.
func (r Report) String() string {
	parts := []string{"user " + r.User}
	switch {
	case r.Kept != "":
		parts = append(parts, "no capability but "+r.Kept)
	case r.Capabilities:
		parts = append(parts, "no capabilities")
	}
	if r.NoNewPrivs {
		parts = append(parts, "no_new_privs")
	}
	if r.Landlock > 0 {
		text := "Landlock ABI " + strconv.Itoa(r.Landlock)
		if !r.LandlockNet {
			text += " (files only)"
		}
		parts = append(parts, text)
	}
	if r.Seccomp {
		parts = append(parts, "seccomp")
	}
	s := "sandbox: " + strings.Join(parts, ", ")
	if len(r.Missing) > 0 {
		s += "; NOT enforced: " + strings.Join(r.Missing, ", ")
	}
	return s
}

// ErrUnsupported is wrapped by the error of [Enter] where this build or this system cannot
// give up privileges on all threads.
var ErrUnsupported = errors.New("not available on this system")
