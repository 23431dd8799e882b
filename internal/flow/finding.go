package flow

import (
	"slices"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// FindingKind names what a detector looks for.
type FindingKind uint8

// The detectors.
const (
	FindRetransmissions FindingKind = iota // a connection repeats a large share of its segments
	FindLoss                               // segments that the capture does not have
	FindStall                              // a receiver kept its window closed
	FindReset                              // connections ended by RST
	FindRefused                            // connection attempts answered with RST
	FindHalfOpen                           // handshakes that were never completed
	FindPortScan                           // one source tries many ports
	FindSweep                              // one source tries the same port at many hosts
	FindFlood                              // one service gets many SYNs that are never completed
	FindSilent                             // connections that were opened and never used
	FindRTTJump                            // the round trip time of a connection rose suddenly
	FindHeartbeat                          // the same payload at regular intervals
	FindDuplicates                         // the same payload many times, without a rhythm
	FindOutOfState                         // segments that do not fit the state of their connection
	FindInjection                          // an RST that its sender seems not to have sent
	FindBeacon                             // connections opened at regular intervals
	FindDNSTunnel                          // many long random names under one domain
	findCount
)

var findNames = [findCount]string{
	"retransmissions", "loss", "stall", "reset", "refused", "half_open", "port_scan", "sweep",
	"syn_flood", "silent", "rtt_jump", "heartbeat", "duplicate_payloads", "out_of_state", "rst_injection", "beacon",
	"dns_tunnel",
}

// String returns the kind's name, as the archive stores it.
func (k FindingKind) String() string {
	if k < findCount {
		return findNames[k]
	}
	return "unknown"
}

// Severity says how much a finding matters.
type Severity uint8

// Severities.
const (
	Info    Severity = iota // worth knowing
	Warning                 // something does not work as it should
	Serious                 // something is broken, or an attack
)

var severityNames = [...]string{"info", "warning", "serious"}

// String returns "info", "warning" or "serious".
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return "unknown"
}

// EvidenceCap is how many packet numbers a finding keeps.
const EvidenceCap = 8

// Finding is something that looks wrong: plain data, safe to copy.
type Finding struct {
	ID       uint64 // from 1 in order of discovery
	Kind     FindingKind
	Severity Severity
	First    int64  // time of the first packet of the evidence, ns since 1970-01-01 UTC
	Last     int64  // time of the latest one
	Count    uint64 // events, of the kind that the sentence names

	Flow   uint64       // the flow, for findings about one; else 0
	Stream uint32       // its stream, else NoStream
	Tuple  packet.Tuple // client → server; a side that does not matter has Version's zero address and port 0

	// Numbers of the sentence; what they mean depends on the kind (see Args).
	Numbers [4]float64
	Text    [TextCap]byte // for FindDNSTunnel: the domain, cut off at TextCap bytes
	TextLen uint8

	clue      clue
	told      Severity // when Found was called last
	toldLast  int64    // Last then
	toldCount uint64   // Count then
}

// TextCap is the length of Finding.Text, bytes.
const TextCap = 64

// Evidence returns the numbers of the first packets that show it, in order, at most
// EvidenceCap.
func (f *Finding) Evidence() []uint64 {
	return slices.Sorted(slices.Values(f.clue.evidence[:f.clue.shown]))
}

// clue gathers what a detector saw before it is sure.
type clue struct {
	count       uint64
	first, last int64
	extra       [2]uint64 // of the detector's own
	evidence    [EvidenceCap]uint64
	shown       uint8
}

// seen counts an event and keeps the number of its packet.
func (c *clue) seen(now int64, frame uint64) {
	if c.count == 0 {
		c.first = now
	}
	c.count++
	c.last = now
	c.show(frame)
}

func (c *clue) show(frame uint64) {
	if frame == 0 || int(c.shown) == EvidenceCap || c.shown > 0 && c.evidence[c.shown-1] == frame {
		return
	}
	c.evidence[c.shown] = frame
	c.shown++
}
