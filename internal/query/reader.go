package query

import (
	"context"
	"errors"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Scope says which packets a question is about: those in a time range that match a
// filter.
type Scope struct {
	From   int64   // nanoseconds since 1970-01-01 UTC, inclusive; 0 with To 0: no range
	To     int64   // exclusive
	Filter *Filter // nil: all
	// Progress is told now and then how much of the work is done, from 0 to 1. It may be
	// nil, and may be called from several goroutines, one at a time.
	Progress func(done float64)
}

// All tells whether the scope holds every packet.
func (s *Scope) All() bool { return s.From == 0 && s.To == 0 && s.Filter == nil }

// HasRange tells whether the scope is bounded in time.
func (s *Scope) HasRange() bool { return s.From != 0 || s.To != 0 }

// Holds tells whether a time is in the scope's range.
func (s *Scope) Holds(t int64) bool {
	return !s.HasRange() || t >= s.From && (s.To == 0 || t < s.To)
}

// Amount is a number of packets and their bytes on the wire.
type Amount struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Totals answers: how much is there, of which protocols.
type Totals struct {
	Amount
	First     int64             `json:"first"` // earliest time, nanoseconds since 1970; 0 without packets
	Last      int64             `json:"last"`
	IPv4      Amount            `json:"ipv4"`
	IPv6      Amount            `json:"ipv6"`
	NonIP     Amount            `json:"non_ip"`
	Protocols map[uint8]Amount  `json:"protocols"` // by the outermost IP header's protocol
	Outcomes  map[string]uint64 `json:"outcomes"`
}

// TopRow is one value of a field with the packets that carry it. A packet that carries
// the value twice counts once.
type TopRow struct {
	Value string `json:"value"` // as the field's text form
	Amount
}

// Top answers: which values of a field are the most frequent.
type Top struct {
	Field       string   `json:"field"`
	Rows        []TopRow `json:"rows"` // packets descending, then bytes descending, then value ascending
	Distinct    uint64   `json:"distinct"`
	Approximate bool     `json:"approximate"` // more distinct values than are counted exactly
}

// Series answers: how much in each interval.
type Series struct {
	Start  int64         `json:"start"` // of the first interval, a multiple of Bucket
	Bucket time.Duration `json:"bucket"`
	Points []Amount      `json:"points"`
}

// Page is a run of the packets that a scope holds.
type Page struct {
	From  uint64           `json:"from"`  // position of the first row among the packets of the scope, from 0
	Total uint64           `json:"total"` // packets in the scope, as far as known
	Exact bool             `json:"exact"` // Total is the final count, not what was found until now
	Rows  []packet.Summary `json:"rows"`
}

// Detail is one packet with its bytes.
type Detail struct {
	Summary packet.Summary
	Link    packet.LinkType
	// Interface is the interface's name, empty when the capture does not say.
	Interface string
	Data      []byte // the captured bytes; the caller's
	Comments  []string
}

// ErrCannotAnswer says that a store does not hold what a question needs.
var ErrCannotAnswer = errors.New("this store cannot answer")

// CannotAnswerError says what the question needs and why the store does not have it. It
// is an [ErrCannotAnswer].
type CannotAnswerError struct{ What, Why string }

// Error implements error.
func (e *CannotAnswerError) Error() string { return e.What + ": " + e.Why }

// Is makes errors.Is(err, ErrCannotAnswer) true.
func (e *CannotAnswerError) Is(target error) bool { return target == ErrCannotAnswer }

// Reader answers questions about captured packets: from an archive, a file, or a
// database. All methods may be used by many goroutines at once, end early when ctx does,
// and never answer wrongly: what the store cannot tell is an [ErrCannotAnswer].
type Reader interface {
	Totals(ctx context.Context, s Scope) (*Totals, error)
	// Top returns the n most frequent values of a field.
	Top(ctx context.Context, s Scope, field string, n int) (*Top, error)
	// Series returns the packets of each interval of length bucket, at least a
	// microsecond. Intervals start at multiples of bucket since 1970.
	Series(ctx context.Context, s Scope, bucket time.Duration) (*Series, error)
	Count(ctx context.Context, s Scope) (uint64, error)
	// Packets returns up to count packets of the scope, by number, starting with the one
	// at position from (0-based) among them.
	Packets(ctx context.Context, s Scope, from uint64, count int) (*Page, error)
	// Packet returns one packet by its number in the capture.
	Packet(ctx context.Context, number uint64) (*Detail, error)
	Close() error
}
