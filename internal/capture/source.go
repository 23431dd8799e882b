// Package capture gets packets from network interfaces. On Linux it maps an AF_PACKET
// TPACKET_V3 ring; macOS and Windows have a source of their own, other systems have none.
//
// Only [Open] needs privileges. What comes later (reading, filter, statistics, binding to
// an interface that was made anew) works after they have been dropped.
//
// What is captured is what the kernel hands around, not always what is on the wire: with
// segmentation offload (TSO, GSO) a packet that is sent, and with receive offload (GRO,
// LRO) one that is received, may be far longer than the MTU, up to 64 KiB and with IPv6
// BIG TCP up to 512 KiB. The checksums of packets that this machine sends are unfinished
// when the network card computes them, and always unfinished on lo and veth.
package capture

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// AnyInterface is the name that stands for all interfaces of a Linux machine together.
const AnyInterface = "any"

// Options say what to capture and how.
type Options struct {
	// Interfaces are names as [List] gives them. "any" stands for all of them, as Linux
	// cooked v2 (LINKTYPE 276). A name given twice counts once.
	Interfaces  []string
	Program     Compile   // makes the kernel's filter for an interface; nil: everything
	Expression  string    // the filter in tcpdump's words, for the interface descriptions only
	Direction   Direction // which packets to keep
	Promiscuous bool
	SnapLen     int           // bytes kept of each packet, link-layer header included; 0: all
	BufferBytes int           // of the ring, for each interface, rounded up to 512 KiB, at least 2 MiB; 0: 64 MiB
	Retire      time.Duration // how long the kernel may hold back packets on a quiet link; 0: 10 ms
}

// Compile turns the capture filter into classic BPF for a live handle on an interface. It
// returns nil for a filter that takes everything.
//
// Offsets are those of the kernel's filter: from the first byte of the frame, but on Linux
// from the network header on where i.Link is LINKTYPE 276 (Linux cooked v2), whose header
// does not exist in the kernel. With [LinuxExtensions], VLAN tags are not in the frame that
// the program sees; it must ask for them by ancillary loads. The length that an accepting
// return names is replaced by SnapLen.
type Compile func(i InterfaceInfo) ([]Instruction, error)

// Instruction is one classic BPF instruction, as the kernel takes it.
type Instruction struct {
	Op     uint16
	Jt, Jf uint8
	K      uint32
}

// Direction selects by the way that a packet went (tcpdump's -Q).
type Direction uint8

// Directions for Options. The loopback interface carries each packet once out and once in;
// one copy is kept: the received one, with Out the sent one.
const (
	InOut Direction = iota
	In
	Out
)

// Source is where packets come from. A Source is used by one goroutine, but Suspend, Resume,
// Close, Counters and Events may be called from others.
type Source interface {
	// Interfaces describes what is captured from, in the order of the interface numbers
	// that Fill uses. It does not change while the Source lives.
	Interfaces() []segment.Interface

	// Fill appends the packets that are there to b, and returns when b has no room for
	// the next one, when nothing more is there, or when wait has passed without a packet.
	// It returns false when the Source has been closed and holds no further packet; what
	// the Source held is given back then.
	// Nothing that the kernel has handed over is lost: a packet that did not fit comes
	// with the next call. Only a packet longer than an empty b is cut, and counted as
	// truncated. The times of one interface's packets ascend as the kernel took them;
	// between interfaces they may be out of order by the retire time. It does not allocate.
	Fill(b *segment.Builder, wait time.Duration) bool

	// Counters returns the totals since the Source was opened, the final ones after Fill
	// has returned false. It may allocate.
	Counters() Counters

	// Events returns what happened to the interfaces since the last call, oldest first;
	// an interface that was down when it was opened is the first event. At most 1024
	// events are kept; of more the oldest are dropped and counted.
	Events() []Event

	// Suspend takes no further packet until Resume: what passes meanwhile is in no counter.
	// What was taken before is still delivered. Each is an event of every interface; doing
	// it twice is harmless. Neither needs privileges. After Close they are errors.
	Suspend() error
	Resume() error

	// Close stops the capture at once and makes Fill deliver what is still in the ring
	// and then return false. It does not wait for that. Closing twice is harmless.
	Close() error
}

// Counters are totals since the start. The balance: Received = Delivered + Skipped +
// Dropped + (still in the ring); after the last Fill nothing is in the ring.
type Counters struct {
	Received      uint64 // packets that passed the filter, dropped ones too
	Dropped       uint64 // by the kernel: the ring was full
	Delivered     uint64 // handed to Fill's builder
	Skipped       uint64 // packets of the unwanted direction that the kernel could not sort out
	Truncated     uint64 // packets cut shorter than asked because the ring's block or the builder was too small
	Freezes       uint64 // times that the ring was found full
	EventsDropped uint64 // events that nobody fetched in time
	PerInterface  []InterfaceCounters
}

// InterfaceCounters are the counters of one interface.
type InterfaceCounters struct {
	Received, Dropped, Delivered, Skipped, Truncated, Freezes uint64
}

// EventKind says what happened to an interface.
type EventKind uint8

// Events of an interface.
const (
	InterfaceDown    EventKind = iota + 1 // switched off; no packet comes until it is up
	InterfaceUp                           // switched on; capture has resumed by itself
	InterfaceGone                         // deleted or moved to another network namespace
	InterfaceBack                         // made anew under the same name; capture has resumed
	InterfaceChanged                      // renamed, or its link was lost or found; capture goes on
	InterfaceUnfit                        // made anew, but capture cannot resume: see Reason
	InterfaceHeld                         // Suspend: no packet is taken
	InterfaceFreed                        // Resume
)

var eventNames = [...]string{"", "down", "up", "gone", "back", "changed", "unfit", "suspended", "resumed"}

// String returns the kind's name: down, up, gone, back, changed, unfit, suspended or resumed.
func (k EventKind) String() string {
	if int(k) < len(eventNames) && k > 0 {
		return eventNames[k]
	}
	return "event"
}

// Event is a change of an interface, with the time it was noticed.
type Event struct {
	Kind      EventKind
	Interface int    // index into Interfaces()
	Name      string // the interface's present name
	Reason    string // what happened in words; may be empty
	Time      time.Time
}
