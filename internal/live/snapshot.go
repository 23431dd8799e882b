// Package live holds the newest picture of a capture for whoever looks at it: the
// terminal view, the page, the log. Watchers take the newest snapshot when they are
// ready for one; there is no queue for any of them, so a slow watcher costs nothing and
// skips what it did not see.
package live

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/stats"
)

// Ledger is the archive's, so that watchers need not know the archive.
type Ledger = archive.Ledger

// FollowerEntry is the archive's, likewise.
type FollowerEntry = archive.FollowerEntry

// Snapshot is the state of a capture at one moment. It is immutable and shared by all
// who look at it.
type Snapshot struct {
	Seq     uint64    `json:"seq"` // grows by one with each snapshot, from 1
	Started time.Time `json:"started"`
	Taken   time.Time `json:"taken"`
	Final   bool      `json:"final"` // the capture has ended: nothing newer comes
	// Suspended is since when no packets are taken, as the reader has stopped the capture;
	// zero: they are.
	Suspended time.Time `json:"suspended,omitzero"`

	Capture    Capture         `json:"capture"`
	Stats      *stats.Snapshot `json:"stats"`
	Whole      stats.Series    `json:"series"` // the whole time; renewed once a second
	Rate       stats.Rate      `json:"rate"`   // over about the last second
	DropRate   float64         `json:"drop_rate"`
	Protocols  []ProtocolRate  `json:"protocol_rates"` // those with packets in about the last second
	NonIP      stats.Rate      `json:"non_ip_rate"`
	Ledger     *Ledger         `json:"ledger"` // nil when nothing is archived
	Interfaces []Interface     `json:"interfaces"`
	Sinks      []Sink          `json:"sinks"`
	Analysis   *Analysis       `json:"analysis,omitempty"` // nil when connections are not looked at
	Events     []Event         `json:"events"`             // the newest, oldest first
	EventsLost uint64          `json:"events_lost"`        // older ones that are no longer held
	Rows       uint64          `json:"rows"`               // rows that the hub has seen: the place of the next one
}

// Capture says what is being captured. It does not change.
type Capture struct {
	Interfaces []string `json:"interfaces"`
	Filter     string   `json:"filter"`  // in tcpdump's words; empty: everything
	Archive    string   `json:"archive"` // folder; empty when nothing is archived
}

// Analysis says what was found out about connections. Counters are totals.
type Analysis struct {
	Flows           uint64 `json:"flows"`      // begun
	Open            uint64 `json:"open_flows"` // now
	Retransmissions uint64 `json:"retransmissions"`
	LostSegments    uint64 `json:"lost_segments"`
	OutOfOrder      uint64 `json:"out_of_order"`
	ZeroWindows     uint64 `json:"zero_windows"`
	Idle            uint64 `json:"idle"`              // flows that were silent for longer than their timeout
	Closed          uint64 `json:"closed"`            // flows that ended by FIN or RST
	Reused          uint64 `json:"reused"`            // flows that made room for another one on their ports
	Evicted         uint64 `json:"evicted"`           // flows given up before their end for want of memory
	Memory          uint64 `json:"memory"`            // bytes that flows take
	MemoryLimit     uint64 `json:"memory_limit"`      // bytes that they may take
	Findings        uint64 `json:"findings"`          // that look wrong
	Withheld        uint64 `json:"findings_withheld"` // times that a finding was not taken in, as too many were new
	Unwritten       uint64 `json:"unwritten"`         // flows and findings that could not be written
}

// ProtocolRate is the rate of one IP protocol.
type ProtocolRate struct {
	Number uint8 `json:"number"`
	stats.Rate
}

// Interface is the state of one captured interface. Counters are totals.
type Interface struct {
	Name      string         `json:"name"`
	State     InterfaceState `json:"state"`
	Received  uint64         `json:"received"` // passed the filter
	Dropped   uint64         `json:"dropped"`  // by the kernel
	Delivered uint64         `json:"delivered"`
	Skipped   uint64         `json:"skipped"`
}

// InterfaceState says whether an interface can deliver packets.
type InterfaceState string

// States of an interface.
const (
	InterfaceUp   InterfaceState = "up"
	InterfaceDown InterfaceState = "down"
	InterfaceGone InterfaceState = "gone"
)

// Sink is the state of one output that follows the archive.
type Sink struct {
	Name   string    `json:"name"`   // "JSON", "PostgreSQL"
	Target string    `json:"target"` // file, or server and database; never with a password
	State  SinkState `json:"state"`
	Rows   uint64    `json:"rows"`    // lines or rows written
	Behind uint64    `json:"behind"`  // packets of the archive that it has not taken yet
	Lost   uint64    `json:"expired"` // packets that retention removed before it took them
	Error  string    `json:"error"`   // the last one; empty once it works again
}

// SinkState says how an output is doing.
type SinkState string

// States of a sink.
const (
	SinkOK       SinkState = "ok"       // takes what comes
	SinkCatching SinkState = "catching" // works, and takes older packets from the segments
	SinkRetrying SinkState = "retrying" // its target does not answer; it tries again
	SinkStopped  SinkState = "stopped"  // gave up: Error says why
)

// Level is how serious an [Event] is.
type Level string

// Levels of events.
const (
	Info    Level = "info"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Event is something that happened to the capture: an interface that went away, a disk
// that is full, a server that is back.
type Event struct {
	Time  time.Time `json:"time"`
	Level Level     `json:"level"`
	Text  string    `json:"text"` // one sentence; may hold foreign text, which the reader makes harmless
}

// Dropped returns how many packets the kernel dropped, as far as anybody said.
func (s *Snapshot) Dropped() uint64 {
	if s.Ledger != nil {
		return s.Ledger.Dropped
	}
	var n uint64
	for i := range s.Interfaces {
		n += s.Interfaces[i].Dropped
	}
	return n
}

// Elapsed returns how long the capture has been running.
func (s *Snapshot) Elapsed() time.Duration { return s.Taken.Sub(s.Started) }
