package packet

// Kind names a protocol header.
type Kind uint8

// The headers that the decoder walks through.
const (
	KindNone Kind = iota
	KindEthernet
	KindVLAN // 802.1Q, 802.1ad and their kin: one tag
	KindMPLS // a stack of labels
	KindPPPoE
	KindPPP
	KindSLL
	KindSLL2
	KindNull
	KindLLC // 802.2 LLC, with SNAP when present
	KindRadiotap
	KindIEEE80211
	KindARP
	KindIPv4
	KindIPv6
	KindHopByHop
	KindRouting
	KindFragment
	KindDestOpts
	KindAH
	KindESP
	KindTCP
	KindUDP
	KindSCTP
	KindICMP
	KindICMPv6
	KindIGMP
	KindGRE
	KindVXLAN
	KindGeneve
	KindGTPU
	KindTeredo
	KindServiceVLAN // 802.1ad: a service tag
	KindCHDLC       // Cisco HDLC
	KindUDPLite
	KindDCCP
	KindERSPAN
	KindL2TP
	KindNSH
	KindPPPoED // PPPoE's discovery stage
	KindShim   // a header that only leads to the next one and has no name here
	KindCount  // not a header: how many kinds there are
)

// LayerFlags tell about one header.
type LayerFlags uint8

// Flags of a Layer.
const (
	LayerQuoted      LayerFlags = 1 << iota // quoted in an ICMP error: never part of a flow
	LayerReassembled                        // offset counts in Packet.Reassembled, not in Packet.Data
	LayerTruncated                          // the header is not whole: Len is what there is of it
	LayerFragment                           // an IP header of a fragment, or a header found in a first fragment whose rest is not known
	LayerMalformed                          // the header contradicts itself or the length of what holds it
)

// Layer is one header: where it stands and how long it is.
type Layer struct {
	Kind   Kind
	Flags  LayerFlags
	Proto  uint16 // what follows: EtherType, IP protocol or PPP protocol as the header says
	Off    uint32 // of the header's first byte
	Len    uint32 // of the header alone, with options, bytes
	PayLen uint32 // of what follows by the header's own length field where it has one (IP, UDP, GTP); else what is left. May exceed the captured bytes.
}

// Packet is one packet while it is being looked at. It is reused: Decode overwrites
// everything from Outcome on. Data belongs to the caller and must stay unchanged while
// the Packet is used; nothing of it is kept.
type Packet struct {
	Number    uint64
	Time      int64 // nanoseconds since 1970-01-01 UTC
	WireLen   uint32
	Link      LinkType
	Direction Direction
	Interface uint16
	Data      []byte

	Outcome        Outcome
	N              uint8 // layers found
	IP             int8  // index of the outermost IP header, -1: none
	Transport      int8  // index of the transport header directly above it, -1: none
	InnerIP        int8  // innermost IP header that is not quoted, -1: none
	InnerTransport int8
	VLAN           uint16
	Layers         [MaxLayers]Layer
	Reassembled    []byte // the datagram that this packet completed; owned by the Decoder, valid until its next Decode
}

// Outcome says how the decoding of a packet ended.
type Outcome uint8

// Outcomes. Each packet has exactly one.
const (
	OutcomeTransport Outcome = iota // down to TCP, UDP or SCTP
	OutcomeIP                       // an IP packet of another protocol (ICMP, ESP …)
	OutcomeFragment                 // a fragment whose datagram is not complete
	OutcomeNonIP                    // a whole frame without an IP header (ARP, LLDP …)
	OutcomeTruncated                // a header cut off by the snapshot length
	OutcomeMalformed                // a header that contradicts itself or the frame's length
	OutcomeTooDeep                  // more than MaxLayers headers
	OutcomeLinkType                 // a link type that the decoder does not know
	OutcomeCount                    // not an outcome: how many there are
)
