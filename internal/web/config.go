package web

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// Content is what a [Server] shows.
type Content struct {
	Hub      *live.Hub // of the running capture; nil: none is running
	LiveID   string    // the running capture's identifier among Captures; may be empty
	Captures Captures  // stored captures; nil: none
	Sift     Sift      // of the running capture; nil: filters are asked of what the hub and the reader know
	Stop     func()    // ends the capture, or the program that only shows; nil: the page has no such button
	// Suspend stops taking packets, or takes them again; the capture goes on. nil: it cannot.
	Suspend func(on bool) error
	// FlowNames are those of the running capture; nil: flows are not looked at while it runs.
	FlowNames *live.FlowNames
}

// Sift runs through the running capture, from its oldest packet on, and goes on with what
// comes, until the capture or ctx ends. It hands the packets that pass f to take, batch by
// batch; next is the number of the first packet behind those that were looked at. A batch is
// valid during the call.
type Sift func(ctx context.Context, f *query.Filter, take func(passed *track.Batch, next uint64)) error

// Config says what a [Server] shows and to whom. It is not changed after [New].
type Config struct {
	Content // may be given later: see [Server.Show]

	Bearer   string      // accepted in the Authorization header; empty: none is
	Password string      // asked for where the page is served to other machines; empty: none is accepted
	TLS      *tls.Config // nil: plain HTTP, on loopback addresses only
	Hosts    []string    // further values of the Host header that are accepted, with port where it is not the usual one

	Dissector Dissector // nil: there is none

	MaxClients int           // WebSockets at once; 0: 32
	WriteTime  time.Duration // a client that takes nothing for so long is dropped; 0: 10 s
	Version    string        // of the program, shown by the page
	Log        *slog.Logger  // nil: nothing is logged
}

const (
	defaultMaxClients = 32
	defaultWriteTime  = 10 * time.Second
)

// Captures is where stored captures come from. All methods may be used by many goroutines
// at once.
type Captures interface {
	// List returns what is stored, oldest first.
	List(ctx context.Context) ([]Capture, error)
	// Open returns a reader of one capture, which the caller closes. An unknown
	// identifier is an [ErrNoCapture].
	Open(ctx context.Context, id string) (query.Reader, error)
	// Remove deletes a capture and all that was derived from it. The one that is being
	// written is refused with [ErrInUse].
	Remove(ctx context.Context, id string) error
}

// Numbered is a reader that hands out many packets at once. A [query.Reader] that is one
// too makes lists, exports and searches fast.
type Numbered interface {
	// Numbered hands packets, by ascending numbers, to f. Its arguments are valid during
	// the call; the packet's record stands in the chunk, which knows its interface. Numbers
	// that there are not are passed over. An error of f ends it.
	Numbered(ctx context.Context, numbers []uint64, f func(*packet.Summary, []byte, *segment.Chunk) error) error
}

// NoteKeeper keeps what readers mark and comment. A [Captures] that is one too lets the
// page do so. Many goroutines may use it at once.
type NoteKeeper interface {
	// Notes returns the notes of a capture: always the same Book for the same capture.
	Notes(id string) (*notes.Book, error)
}

// Capture describes a stored capture.
type Capture struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`  // its folder or file, without the path
	State      string       `json:"state"` // open, closed or recovered
	Started    time.Time    `json:"started"`
	Ended      time.Time    `json:"ended,omitzero"`
	Interfaces []string     `json:"interfaces"`
	Filter     string       `json:"filter"` // in tcpdump's words
	Packets    uint64       `json:"packets"`
	Bytes      int64        `json:"bytes"` // of its segments
	Ledger     *live.Ledger `json:"ledger,omitempty"`
	Live       bool         `json:"live"`
	Marked     bool         `json:"marked"`
	Comment    string       `json:"comment"`
	Notes      int          `json:"notes"` // packets that are marked or commented
}

// constError is an error without a place to change it.
type constError string

// Error implements error.
func (e constError) Error() string { return string(e) }

// Errors of [Captures].
const (
	ErrNoCapture constError = "no such capture"
	ErrInUse     constError = "the capture is being written"
)
