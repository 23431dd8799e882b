// Package segment knows the file formats: pcapng out, and pcapng, pcap (both byte
// orders, microseconds and nanoseconds), snoop and their compressed forms in. What
// travels through the program is the [Chunk]: about 1 MiB of finished records at a known
// place, the very bytes that are in the file.
package segment

import "github.com/tarrafa/tarrafa/internal/packet"

// ChunkSize is the size a Chunk is aimed at, bytes.
const ChunkSize = 1 << 20

// MaxCaptured is how many bytes of a packet are written at most: Wireshark and libpcap
// refuse a file with a longer one. [Builder] leaves this to its caller.
const MaxCaptured = 262144

// Interface is one interface of a capture, as pcapng's interface description block
// holds it.
type Interface struct {
	Name        string
	Description string
	Filter      string // the capture filter in tcpdump's words
	OS          string
	Hardware    string
	Link        packet.LinkType
	SnapLen     uint32 // 0: no limit
	Resolution  Resolution
	Comments    []string
	Addresses   []string // the interface's own addresses, with prefix length (if_IPv4addr, if_IPv6addr)
}

// Resolution turns a file's time stamps into nanoseconds.
type Resolution struct {
	// UnitsPerSecond is 10^9 for nanoseconds; 0 stands for the format's default (10^6).
	UnitsPerSecond uint64
	OffsetSeconds  int64 // pcapng's if_tsoffset
}

// Format says how the records in a Chunk are laid out.
type Format struct {
	Kind      Kind
	BigEndian bool
	Nanos     bool // pcap only: fractions are nanoseconds
	Modified  bool // pcap only: Kuznetzov's records, with 8 bytes more of header (magic 0xa1b2cd34)
}

// Kind is a family of capture files.
type Kind uint8

// Kinds of capture files.
const (
	Pcapng Kind = iota
	Pcap
	Snoop
)

// Chunk is a run of whole records of one file. Bytes is immutable and shared by all who
// look at it; it is valid until the one who handed the Chunk out takes it back.
type Chunk struct {
	Segment    uint32 // number of the segment in its archive, from 1; 0 for a file
	Offset     int64  // of Bytes[0] in the (uncompressed) file
	First      uint64 // number of the first packet in Bytes, from 1
	Packets    uint32 // packets in Bytes
	Format     Format
	Base       int // added to a pcapng interface number to find its place in Interfaces (sections restart at 0)
	Interfaces []Interface
	Bytes      []byte

	mem []byte // what Bytes is a part of, when a Reader owns it
}

// Cursor names the place between two packets of an archive: everything before it is done.
type Cursor struct {
	Segment uint32 `json:"segment"` // segment in which the next packet stands, from 1
	Offset  int64  `json:"offset"`  // where the next block starts, bytes
	Packet  uint64 `json:"packet"`  // number of the next packet, from 1
}

// Record is one packet record. Data points into the Chunk's Bytes.
type Record struct {
	Time      int64 // nanoseconds since 1970-01-01 UTC; 0 when the record has none
	Offset    int64 // of the record in the file, bytes
	DataOff   uint32
	WireLen   uint32
	Interface uint16 // index into Interfaces
	Direction packet.Direction
	Data      []byte
}
