package index

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// Finding is a finding as findings.jsonl and findings --json have it.
type Finding struct {
	ID       uint64            `json:"id"`
	Kind     string            `json:"kind"`
	Severity string            `json:"severity"`
	First    string            `json:"first"`
	Last     string            `json:"last"`
	Count    uint64            `json:"count"`
	Flow     uint64            `json:"flow,omitempty"`
	Stream   *uint32           `json:"stream,omitempty"`
	Protocol string            `json:"protocol,omitempty"`
	Sentence string            `json:"sentence"`
	Key      string            `json:"key"` // of the sentence, for translations
	Args     map[string]string `json:"args"`
	Evidence []uint64          `json:"evidence"` // numbers of packets
}

// NewFinding writes a finding out.
func NewFinding(f *flow.Finding) Finding {
	stamp := func(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }
	d := Finding{
		ID: f.ID, Kind: f.Kind.String(), Severity: f.Severity.String(), First: stamp(f.First), Last: stamp(f.Last),
		Count: f.Count, Flow: f.Flow, Sentence: f.Sentence(), Key: f.Key(), Args: map[string]string{}, Evidence: f.Evidence(),
	}
	if f.Stream != flow.NoStream {
		d.Stream = new(f.Stream)
	}
	if f.Tuple.Version != 0 {
		d.Protocol = ProtocolName(f.Tuple.Proto)
	}
	for _, a := range f.Args() {
		d.Args[a.Name] = a.Value
	}
	return d
}

// ProtocolName names an IP protocol in lower case, as flows and findings do; by its number
// when it has no name here.
func ProtocolName(proto uint8) string {
	switch proto {
	case packet.ProtoTCP:
		return "tcp"
	case packet.ProtoUDP:
		return "udp"
	case packet.ProtoICMP:
		return "icmp"
	case packet.ProtoICMPv6:
		return "icmpv6"
	}
	return packet.ProtoName(proto)
}
