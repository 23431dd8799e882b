package stats

import (
	"cmp"
	"slices"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Snapshot is a copy of [Counters] at one moment. Nobody changes it any more: it may be
// shared by any number of goroutines.
type Snapshot struct {
	Count          // all packets
	Timed   uint64 // packets that had a time
	First   int64  // earliest time, nanoseconds since 1970-01-01 UTC; 0 when Timed is 0
	Last    int64  // latest, likewise
	Late    uint64 // packets too old for Recent when they came
	IPv4    Count  // by the outermost IP header, as everything here
	IPv6    Count
	NonIP   Count
	Sources Top
	Dests   Top

	Protocols       []Protocol // of IP packets, most packets first
	EtherTypes      []EtherType
	OtherEtherTypes Count // of EtherTypes beyond the first 32
	Outcomes        [packet.OutcomeCount]uint64
	Directions      [3]Count    // by packet.Direction
	Interfaces      []Count     // by interface number
	OtherInterfaces Count       // of interface numbers from 1024 on
	Sizes           []SizeClass // without the empty ones at either end
	Recent          Series      // the newest seconds
}

// Protocol is the traffic of one IP protocol.
type Protocol struct {
	Number uint8
	Count
}

// Name returns "TCP", "UDP" or the number: what the JSON form and the table use.
func (p Protocol) Name() string { return packet.ProtoName(p.Number) }

// wellKnown are the IANA names of the protocols that people meet.
var wellKnown = map[uint8]string{
	1: "ICMP", 2: "IGMP", 4: "IP-in-IP", 41: "IPv6-in-IP", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6",
	88: "EIGRP", 89: "OSPF", 103: "PIM", 112: "VRRP", 115: "L2TP", 132: "SCTP", 136: "UDP-Lite",
}

// Label returns what people read: "TCP", "58 ICMPv6", "253".
func (p Protocol) Label() string {
	if name, ok := wellKnown[p.Number]; ok {
		return p.Name() + " " + name
	}
	return p.Name()
}

// EtherType is the traffic without IP header of one EtherType.
type EtherType struct {
	Type uint16
	Count
}

// SizeClass is the traffic with From ≤ size on the wire ≤ To, in bytes.
type SizeClass struct {
	From uint32 `json:"from"`
	To   uint32 `json:"to"`
	Count
}

// Top is the most frequent addresses of one side.
type Top struct {
	Rows        []AddressCount
	Distinct    uint64 // addresses seen; with Approximate: at least so many
	Approximate bool   // the sketch counts: see AddressCount.Excess
}

// AddressCount is the traffic of one address.
type AddressCount struct {
	Addr    packet.Addr
	Version uint8 // 4 or 6
	Count
	// Excess is 0 when the figures are exact. Otherwise the true number of packets lies
	// between Packets - Excess and Packets, and Bytes is a lower bound.
	Excess uint64
}

// String returns the address as text.
func (a *AddressCount) String() string {
	var buf [48]byte
	return string(a.Addr.AppendTo(buf[:0], a.Version))
}

// Snapshot copies the counters, with the n most frequent addresses of each side (ties:
// more bytes, then the lower address first). Up to 256 it looks at a short list of
// candidates, beyond at every address.
func (c *Counters) Snapshot(n int) *Snapshot {
	c.timeline.flush()
	s := &Snapshot{
		Count: c.total, Timed: c.total.Packets - c.untimed, Late: c.timeline.recent.late,
		IPv6: c.ipv6, NonIP: c.nonIP,
		Sources: c.src.top(n), Dests: c.dst.top(n),
		OtherEtherTypes: c.etherX,
		Interfaces:      slices.Clone(c.interfaces), OtherInterfaces: c.interfacesX,
		Recent: c.timeline.recent.series(),
	}
	if s.Timed > 0 {
		s.First, s.Last = c.first, c.last
	}
	s.IPv4 = Count{
		c.total.Packets - c.nonIP.Packets - c.ipv6.Packets,
		c.total.Bytes - c.nonIP.Bytes - c.ipv6.Bytes,
	}
	copy(s.Outcomes[:], c.outcomes[:])
	copy(s.Directions[:], c.directions[:])
	s.Directions[0].add(c.directions[3])
	for number, n := range c.protocols {
		if n.Packets > 0 {
			s.Protocols = append(s.Protocols, Protocol{uint8(number), n})
		}
	}
	slices.SortStableFunc(s.Protocols, func(a, b Protocol) int { return cmp.Compare(b.Packets, a.Packets) })
	s.EtherTypes = slices.Clone(c.etherTypes[:c.etherN])
	slices.SortFunc(s.EtherTypes, func(a, b EtherType) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Type, b.Type))
	})
	s.Sizes = c.sizeClasses()
	return s
}

// Whole returns the traffic over the whole time, in at most [MaxBuckets] points.
func (c *Counters) Whole() Series {
	c.timeline.flush()
	return c.timeline.whole.series()
}

func (c *Counters) sizeClasses() []SizeClass {
	var classes []SizeClass
	filled := 0
	for i, n := range c.sizes {
		if n.Packets == 0 && len(classes) == 0 {
			continue
		}
		class := SizeClass{Count: n}
		if i > 0 {
			class.From, class.To = 1<<(i-1), 1<<i-1
		}
		classes = append(classes, class)
		if n.Packets > 0 {
			filled = len(classes)
		}
	}
	return classes[:filled]
}

func (s *side) top(n int) Top {
	best := s.best(n)
	t := Top{Rows: make([]AddressCount, len(best)), Approximate: s.sketch != nil}
	for i := range best {
		r := &best[i]
		version := uint8(4)
		if r.v6 != 0 {
			version = 6
		}
		k := key{hi: r.hi, lo: r.lo}
		t.Rows[i] = AddressCount{k.addr(), version, Count{r.packets, r.bytes}, r.excess}
	}
	if s.sketch != nil {
		t.Distinct = s.known
	} else {
		t.Distinct = s.exact.distinct()
	}
	return t
}

// Rate is traffic per second.
type Rate struct {
	Packets float64 `json:"packets"` // per second
	Bits    float64 `json:"bits"`    // per second, on the wire
}

// Delta is what came between two snapshots of the same counters.
type Delta struct {
	Count
	NonIP     Count
	Protocols []Protocol // those with packets, in the newer snapshot's order
}

// Since returns what came since an earlier snapshot; nil stands for the empty one.
func (s *Snapshot) Since(earlier *Snapshot) Delta {
	if earlier == nil {
		earlier = &Snapshot{}
	}
	var before [256]Count
	for _, p := range earlier.Protocols {
		before[p.Number] = p.Count
	}
	d := Delta{Count: s.Count.minus(earlier.Count), NonIP: s.NonIP.minus(earlier.NonIP)}
	for _, p := range s.Protocols {
		if n := p.Count.minus(before[p.Number]); n.Packets > 0 {
			d.Protocols = append(d.Protocols, Protocol{p.Number, n})
		}
	}
	return d
}

func (c Count) minus(o Count) Count { return Count{c.Packets - o.Packets, c.Bytes - o.Bytes} }

// Per returns the count as a rate over a time; over no time it is 0.
func (c Count) Per(elapsed time.Duration) Rate {
	if elapsed <= 0 {
		return Rate{}
	}
	s := elapsed.Seconds()
	return Rate{Packets: float64(c.Packets) / s, Bits: 8 * float64(c.Bytes) / s}
}
