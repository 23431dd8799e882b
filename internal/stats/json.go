package stats

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Document is a [Snapshot] as `tarrafa stats --json` prints it. Its keys are stable:
// scripts read them. The caller may add fields of its own beside it by embedding.
type Document struct {
	Packets        uint64            `json:"packets"`
	Bytes          uint64            `json:"bytes"` // on the wire
	First          *string           `json:"first"` // RFC 3339 with nanoseconds, UTC; null without packets that have a time
	Last           *string           `json:"last"`
	Protocols      map[string]Count  `json:"protocols"` // "TCP", "UDP", or the IP protocol number
	IPv4           Count             `json:"ipv4"`
	IPv6           Count             `json:"ipv6"`
	NonIP          NonIP             `json:"non_ip"`
	TopSources     []Address         `json:"top_sources"`
	TopDests       []Address         `json:"top_destinations"`
	DistinctSource uint64            `json:"distinct_sources"` // at least, when approximate
	DistinctDest   uint64            `json:"distinct_destinations"`
	Approximate    bool              `json:"approximate"` // true: an address's packets may be too high by up to its "excess"
	Outcomes       map[string]uint64 `json:"outcomes"`    // every outcome, zeros too
	Directions     map[string]Count  `json:"directions"`
	Sizes          []SizeClass       `json:"sizes"`
	Interfaces     []Count           `json:"interfaces"` // by interface number
}

// NonIP is the traffic without IP header.
type NonIP struct {
	Count
	EtherTypes map[string]Count `json:"ethertypes"` // "0x0806"; "other" when there were more than 32
}

// Address is one row of a top list.
type Address struct {
	Address string `json:"address"`
	Count
	Excess uint64 `json:"excess,omitempty"`
}

// Document returns the snapshot in its JSON form.
func (s *Snapshot) Document() Document {
	d := Document{
		Packets: s.Packets, Bytes: s.Bytes, IPv4: s.IPv4, IPv6: s.IPv6,
		Protocols:  make(map[string]Count, len(s.Protocols)),
		NonIP:      NonIP{Count: s.NonIP, EtherTypes: make(map[string]Count, len(s.EtherTypes))},
		TopSources: s.Sources.addresses(), TopDests: s.Dests.addresses(),
		DistinctSource: s.Sources.Distinct, DistinctDest: s.Dests.Distinct,
		Approximate: s.Sources.Approximate || s.Dests.Approximate,
		Outcomes:    make(map[string]uint64, len(s.Outcomes)),
		Directions:  make(map[string]Count, len(s.Directions)),
		Sizes:       append([]SizeClass{}, s.Sizes...),
		Interfaces:  append([]Count{}, s.Interfaces...),
	}
	if s.Timed > 0 {
		first, last := rfc3339(s.First), rfc3339(s.Last)
		d.First, d.Last = &first, &last
	}
	for _, p := range s.Protocols {
		d.Protocols[p.Name()] = p.Count
	}
	for _, e := range s.EtherTypes {
		d.NonIP.EtherTypes[fmt.Sprintf("0x%04x", e.Type)] = e.Count
	}
	if s.OtherEtherTypes.Packets > 0 {
		d.NonIP.EtherTypes["other"] = s.OtherEtherTypes
	}
	for o, n := range s.Outcomes {
		d.Outcomes[packet.Outcome(o).String()] = n
	}
	for i, n := range s.Directions {
		d.Directions[packet.Direction(i).String()] = n
	}
	return d
}

// MarshalJSON writes the [Document].
func (s *Snapshot) MarshalJSON() ([]byte, error) { return json.Marshal(s.Document()) }

func (t *Top) addresses() []Address {
	rows := make([]Address, len(t.Rows))
	for i := range t.Rows {
		r := &t.Rows[i]
		rows[i] = Address{Address: r.String(), Count: r.Count, Excess: r.Excess}
	}
	return rows
}

func rfc3339(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z07:00")
}
