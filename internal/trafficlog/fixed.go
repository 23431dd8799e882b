package trafficlog

import (
	"crypto/md5"
	"encoding/binary"
	"unicode/utf8"

	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// fixed is a constant part of a line, with room behind it: copying a fixed number of bytes
// takes a few moves, and what is too much is overwritten by what follows.
type fixed struct {
	text [fixedRoom]byte
	n    int
}

const fixedRoom = 40

func newFixed(s string) *fixed {
	f := &fixed{n: len(s)}
	if copy(f.text[:], s) < len(s) {
		panic("trafficlog: a fixed part is longer than fixedRoom")
	}
	return f
}

func (f *fixed) bytes() []byte { return f.text[:f.n] }

// The constant parts of a line.
var (
	textTimestamp = newFixed(`{"timestamp": "`)
	textSent      = newFixed(`", "direction": "ENVIADO", "src": "`)
	textReceived  = newFixed(`", "direction": "RECEBIDO", "src": "`)
	textDst       = newFixed(`", "dst": "`)
	textSport     = newFixed(`", "sport": `)
	textDport     = newFixed(`, "dport": `)
	textTCP       = newFixed(`, "protocol": "TCP", "flags": `)
	textUDP       = newFixed(`, "protocol": "UDP", "flags": `)
	textLen       = newFixed(`, "len": `)
	textHex       = newFixed(`, "payload_hex": "`)
	textPreview   = newFixed(`", "payload_ascii_preview": "`)
	textHash      = newFixed(`", "payload_hash": "`)

	textNanoseconds = newFixed(`, "time_ns": `)
	textCapture     = newFixed(`, "capture": `)
	textNumber      = newFixed(`, "number": `)
	textWireLen     = newFixed(`, "wire_len": `)
	textInterface   = newFixed(`, "interface": `)
	textVLAN        = newFixed(`, "vlan": `)
	textSeq         = newFixed(`, "seq": `)
	textAck         = newFixed(`, "ack": `)
	textWindow      = newFixed(`, "window": `)
)

// Room for a line without its payload's digits: the fixed parts with what putText writes
// behind them, a time, two addresses, numbers, the preview of characters that are escaped,
// and the hash; and for the additions, with two names of escaped characters.
const (
	longestFields = 16*fixedRoom + longestTime + 2*longestAddress + 6*24 + 6*previewLength + 8 + 2*md5.Size
	longestExtra  = 10*fixedRoom + 8*24 + 2*(6*longestName+2)
)

// putText writes a fixed part at the beginning of dst, which has room for fixedRoom bytes,
// and returns the part's length.
func putText(dst []byte, f *fixed) int {
	*(*[fixedRoom]byte)(dst) = f.text
	return f.n
}

// addresses remembers the text of addresses: most packets have those of packets not long
// before.
type addresses [1 << addressBits]knownAddress

const addressBits = 8

// knownAddress is one address: 64 bytes.
type knownAddress struct {
	addr    packet.Addr
	version uint8 // 0: free
	n       uint8 // length of the text
	text    [longestAddress]byte
}

// longestAddress is how long the text of an address is at most, bytes; the longest there
// can be has 45.
const longestAddress = 46

// put writes an address at the beginning of dst, which has room for longestAddress, and
// returns the length of its text.
func (c *addresses) put(dst []byte, a *packet.Addr, version uint8) int {
	mixed := (binary.LittleEndian.Uint64(a[:])*5 ^ binary.LittleEndian.Uint64(a[8:])) * 0x9e3779b97f4a7c15
	k := &c[mixed>>(64-addressBits)]
	if k.addr != *a || k.version != version {
		k.addr, k.version = *a, version
		if version == 4 {
			k.n = uint8(putIPv4(k.text[:], [4]byte(a[12:])))
		} else {
			k.n = uint8(len(a.AppendTo(k.text[:0], version)))
		}
	}
	*(*[longestAddress]byte)(dst) = k.text
	return int(k.n)
}

// longestName caps a name that a file brings along, bytes.
const longestName = 128

// appendString appends a text that a file brought along as a JSON string: valid UTF-8
// whatever it was, and cut where it is too long.
func appendString(dst []byte, s string) []byte {
	s = s[:min(len(s), longestName)]
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case inert.Acts(r):
			dst = append(dst, `\u`...)
			for shift := 12; shift >= 0; shift -= 4 {
				dst = append(dst, hexDigits[r>>shift&15])
			}
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
