// Package capture gets packets from network interfaces. On Linux it maps an AF_PACKET
// TPACKET_V3 ring; other systems have a source of their own.
package capture

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// Options say what to capture and how.
type Options struct {
	Interfaces  []string  // names; "any" stands for all of them as Linux cooked v2
	Program     Compile   // makes the kernel's filter for a link type; nil: everything
	Direction   Direction // which packets to keep
	Promiscuous bool
	SnapLen     int           // bytes kept of each packet; 0: all
	BufferBytes int           // of the ring, for each interface; 0: 64 MiB
	Retire      time.Duration // how long the kernel may hold back a block on a quiet link; 0: 10 ms
}

// Compile turns the capture filter into raw BPF instructions for a live handle of a link type.
type Compile func(link int) ([]Instruction, error)

// Instruction is one classic BPF instruction, as the kernel takes it.
type Instruction struct {
	Op     uint16
	Jt, Jf uint8
	K      uint32
}

// Direction selects by the way that a packet went (tcpdump's -Q).
type Direction uint8

// Directions for Options.
const (
	InOut Direction = iota
	In
	Out
)

// Source is where packets come from. A Source is used by one goroutine, but Close and
// Counters may be called from others.
type Source interface {
	// Interfaces describes what is captured from, in the order of the interface numbers
	// that Fill uses. It does not change while the Source lives.
	Interfaces() []segment.Interface

	// Fill appends the packets that are there to b, and returns when b has no room for
	// the next one, when nothing more is there, or when wait has passed without a packet.
	// It returns false when the Source has been closed and holds no further packet.
	// Nothing that the kernel has handed over is lost: a packet that did not fit comes
	// with the next call. It does not allocate.
	Fill(b *segment.Builder, wait time.Duration) bool

	// Counters returns the totals since the Source was opened.
	Counters() Counters

	// Events returns what happened to the interfaces since the last call, oldest first.
	Events() []Event

	// Close makes Fill deliver what is still in the ring and then return false.
	Close() error
}

// Counters are totals since the start. The balance: Received = Delivered + Dropped + (still
// in the ring); after the last Fill nothing is in the ring.
type Counters struct {
	Received     uint64 // packets that passed the filter, dropped ones too
	Dropped      uint64 // by the kernel: the ring was full
	Delivered    uint64 // handed to Fill's builder
	Skipped      uint64 // second copies on lo and packets of the unwanted direction, taken out after the kernel's count
	Truncated    uint64 // packets cut shorter than asked because the ring's block was too small
	Freezes      uint64 // times that the ring was found full
	PerInterface []InterfaceCounters
}

// InterfaceCounters are the counters of one interface.
type InterfaceCounters struct {
	Received, Dropped, Delivered, Skipped uint64
}

// EventKind says what happened to an interface.
type EventKind uint8

// Events of an interface.
const (
	InterfaceDown EventKind = iota + 1
	InterfaceUp
	InterfaceGone    // deleted
	InterfaceBack    // made anew under the same name; capture has resumed
	InterfaceChanged // renamed or another change that does not stop the capture
)

// Event is a change of an interface, with the time it was noticed.
type Event struct {
	Kind      EventKind
	Interface int // index into Interfaces()
	Name      string
	Time      time.Time
}
