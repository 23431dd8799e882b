// Package packet describes one captured packet: when and where it was seen, and the
// protocol headers found in it. Decoding allocates nothing and never fails: what could
// not be read is an [Outcome] with a counter, not an error.
package packet

// MaxLayers caps the headers that are remembered for one packet. A packet that nests
// deeper ends with [OutcomeTooDeep].
const MaxLayers = 24

// LinkType is the LINKTYPE_ number of a capture file (the registry kept by tcpdump.org).
type LinkType uint16

// The link types that the decoder knows.
const (
	LinkNull         LinkType = 0   // BSD loopback, host byte order
	LinkEthernet     LinkType = 1   // Ethernet II and 802.3
	LinkTokenRing    LinkType = 6   // IEEE 802.5
	LinkPPP          LinkType = 9   // PPP, with or without HDLC framing
	LinkFDDI         LinkType = 10  // FDDI
	LinkRawOld       LinkType = 12  // DLT_RAW as some systems write it
	LinkRawBSD       LinkType = 14  // DLT_RAW of OpenBSD
	LinkPPPHDLC      LinkType = 50  // PPP in HDLC-like framing
	LinkPPPEther     LinkType = 51  // PPPoE session packets, without Ethernet header
	LinkATM          LinkType = 100 // LLC over ATM (RFC 2684)
	LinkRaw          LinkType = 101 // raw IPv4 or IPv6
	LinkCHDLC        LinkType = 104 // Cisco HDLC
	LinkIEEE80211    LinkType = 105 // 802.11
	LinkFrameRelay   LinkType = 107 // frame relay
	LinkLoop         LinkType = 108 // OpenBSD loopback, network byte order
	LinkENC          LinkType = 109 // OpenBSD encapsulation device
	LinkLinuxSLL     LinkType = 113 // Linux cooked capture v1
	LinkPFLog        LinkType = 117 // BSD packet filter log
	LinkPrism        LinkType = 119 // 802.11 with Prism header
	LinkIPFC         LinkType = 122 // IP over Fibre Channel
	LinkRadiotap     LinkType = 127 // 802.11 with radiotap header
	LinkAVS          LinkType = 163 // 802.11 with AVS header
	LinkPPPD         LinkType = 166 // PPP of Linux's pppd, with the direction
	LinkAP1394       LinkType = 138 // IP over IEEE 1394, as Apple has it
	LinkPPI          LinkType = 192 // per-packet information
	LinkPPPWithDir   LinkType = 204 // PPP behind a byte with the direction
	LinkIPv4         LinkType = 228 // raw IPv4
	LinkIPv6         LinkType = 229 // raw IPv6
	LinkNFLog        LinkType = 239 // Linux netfilter log
	LinkNetAnalyzer  LinkType = 240 // Ethernet behind Hilscher's netANALYZER header
	LinkNetAnalyzerT LinkType = 241 // the same with the preamble
	LinkIPoIB        LinkType = 242 // IP over InfiniBand
	LinkPKTAP        LinkType = 258 // Apple's packet tap
	LinkLinuxSLL2    LinkType = 276 // Linux cooked capture v2
)

// Direction says which way a packet went, seen from the capturing machine.
type Direction uint8

// Directions, with the values of pcapng's epb_flags (bits 0-1).
const (
	DirectionUnknown  Direction = 0
	DirectionReceived Direction = 1
	DirectionSent     Direction = 2
)

// Addr is an IPv6 address, or an IPv4 address in its v4-mapped form (::ffff:a.b.c.d).
// The IP version stands beside it, in [Tuple].
type Addr [16]byte

// Tuple is one IP header with the transport header directly above it.
type Tuple struct {
	Src, Dst         Addr
	SrcPort, DstPort uint16 // 0 when there is no transport header with ports
	Version          uint8  // 4, 6, or 0: no IP header
	Proto            uint8  // number of the first header that is no IPv6 extension header (IANA protocol numbers)
	Flags            TupleFlags
	_                uint8
}

// TupleFlags tell what a [Tuple] is made of.
type TupleFlags uint8

// Flags of a Tuple.
const (
	TupleHasPorts TupleFlags = 1 << iota // SrcPort and DstPort were read
	TupleFragment                        // the IP header belongs to a fragment (any fragment, the first too)
	TupleLater                           // a fragment with a non-zero offset
	TupleCut                             // the transport header was cut off between its ports and its options
	TupleBad                             // the TCP header says that it is shorter than it must be
)

// Summary is what the rest of the program keeps of a packet: fixed size, no pointers,
// safe to copy and to store in bulk.
type Summary struct {
	Number  uint64 // from 1, per capture
	Time    int64  // nanoseconds since 1970-01-01 UTC
	Offset  int64  // where the packet's block or record starts in its segment or file, bytes
	DataOff uint32 // where the captured bytes start in the chunk's Bytes
	CapLen  uint32 // captured bytes
	WireLen uint32 // bytes on the wire

	Interface uint16 // index into the chunk's Interfaces
	VLAN      uint16 // outermost VLAN identifier; NoVLAN when there is none

	Outer Tuple // outermost IP header: what was on this wire
	Inner Tuple // innermost IP header that is not quoted in an ICMP error; equals Outer without a tunnel

	// Of the innermost transport header:
	Seq, Ack   uint32
	Window     uint16
	TCPFlags   uint16 // the 12 bits of reserved and flags, as tshark's tcp.flags
	PayloadOff uint32 // transport payload, offset in the captured bytes (or in the reassembled datagram)
	PayloadLen uint32 // bytes by the IP header's lengths; may exceed what was captured
	// Of the outermost transport header (what the table and the JSON record speak of):
	OuterPayloadOff uint32
	OuterPayloadLen uint32

	EtherType uint16 // of the last link header; the length field of 802.3 is not a type: 0
	Depth     uint8  // IP headers found at any depth, quoted ones too
	Direction Direction
	Outcome   Outcome
	Flags     SummaryFlags
	_         uint16
}

// NoVLAN marks a Summary without VLAN tag.
const NoVLAN uint16 = 0xffff

// SummaryFlags tell about the packet as a whole.
type SummaryFlags uint8

// Flags of a Summary.
const (
	Truncated   SummaryFlags = 1 << iota // CapLen < WireLen
	Reassembled                          // the inner headers come from a datagram put together from fragments
	Quoted                               // an ICMP error quotes headers
	// MoreHeaders: only the bytes tell all. There are more IP headers than Outer and Inner
	// can hold, or quoted ones; IPv4 options, which may change where the packet goes; an
	// extension header of IPv6 or AH over IPv4, whose number is not Proto; or a transport
	// header that Proto does not name (behind Shim6, or in UDP without an IP header).
	MoreHeaders
	Marked // reserved for the archive's marks
)
