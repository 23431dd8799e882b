package segment

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Block types and their least lengths (draft-ietf-opsawg-pcapng, section 4).
const (
	blockSection        = 0x0A0D0D0A
	blockInterface      = 1
	blockPacketObsolete = 2
	blockSimplePacket   = 3
	blockNames          = 4
	blockStatistics     = 5
	blockSecrets        = 10

	byteOrderMagic = 0x1A2B3C4D

	minBlock          = 12
	minSection        = 28
	minInterface      = 20
	minEnhancedPacket = 32
	minSimplePacket   = 16
	minStatistics     = 24
	minSecrets        = 20
)

// Options (section 3.5 and the blocks' own).
const (
	optionEnd     = 0
	optionComment = 1

	optionSectionHardware    = 2
	optionSectionOS          = 3
	optionSectionApplication = 4

	optionIfName        = 2
	optionIfDescription = 3
	optionIfIPv4        = 4
	optionIfIPv6        = 5
	optionIfTSResol     = 9
	optionIfFilter      = 11
	optionIfOS          = 12
	optionIfTSOffset    = 14
	optionIfHardware    = 15

	optionEPBHash      = 3
	optionEPBDropCount = 4
	optionEPBPacketID  = 5

	optionISBStart     = 2
	optionISBEnd       = 3
	optionISBReceived  = 4
	optionISBDropped   = 5
	optionISBAccepted  = 6
	optionISBOSDropped = 7
	optionISBDelivered = 8
)

// maxText is how many bytes of a name or description of an interface are kept.
const maxText = 4096

// u16, u32 and u64 read a number in the file's byte order. The slice must be long enough.
func u16(b []byte, big bool) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if big {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func u32(b []byte, big bool) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if big {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func u64(b []byte, big bool) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if big {
		v = bits.ReverseBytes64(v)
	}
	return v
}

// stamp reads the two halves of a pcapng time stamp, the upper one first.
func stamp(b []byte, big bool) uint64 {
	return uint64(u32(b, big))<<32 | uint64(u32(b[4:], big))
}

// nextOption takes one option off b. ok is false at the end of the list and at an option
// that does not fit: what is left cannot be read then.
func nextOption(b []byte, big bool) (code uint16, value, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, nil, false
	}
	code = u16(b, big)
	n := int(u16(b[2:], big))
	if code == optionEnd || n > len(b)-4 {
		return 0, nil, nil, false
	}
	value = b[4 : 4+n : 4+n]
	return code, value, b[min(len(b), 4+(n+3)&^3):], true
}

// text makes a string of foreign bytes: valid UTF-8, up to the first NUL, at most limit
// bytes.
func text(b []byte, limit int) string {
	if len(b) > limit {
		b = b[:limit]
	}
	s := string(b)
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// parseInterface reads an interface description block, which must be at least
// minInterface long.
func parseInterface(block []byte, big bool) Interface {
	in := Interface{
		Link:       packet.LinkType(u16(block[8:], big)),
		SnapLen:    u32(block[12:], big),
		Resolution: Resolution{UnitsPerSecond: 1e6},
	}
	o := block[16 : len(block)-4]
	for {
		code, value, rest, ok := nextOption(o, big)
		if !ok {
			return in
		}
		o = rest
		switch code {
		case optionComment:
			if s := text(value, maxText); s != "" && len(in.Comments) < maxFaceComments {
				in.Comments = append(in.Comments, s)
			}
		case optionIfName:
			in.Name = text(value, maxText)
		case optionIfDescription:
			in.Description = text(value, maxText)
		case optionIfFilter:
			// The first byte says what kind of filter follows; 0 is a string.
			if len(value) > 1 && value[0] == 0 {
				in.Filter = text(value[1:], maxText)
			}
		case optionIfOS:
			in.OS = text(value, maxText)
		case optionIfHardware:
			in.Hardware = text(value, maxText)
		case optionIfTSResol:
			if len(value) >= 1 {
				in.Resolution.UnitsPerSecond = unitsPerSecond(value[0])
			}
		case optionIfTSOffset:
			if len(value) >= 8 {
				in.Resolution.OffsetSeconds = int64(u64(value, big))
			}
		case optionIfIPv4:
			in.addAddress(value, 4)
		case optionIfIPv6:
			in.addAddress(value, 16)
		}
	}
}

// Caps on what is kept of one interface.
const (
	maxAddresses    = 64
	maxFaceComments = 64
)

// addAddress keeps the address of an if_IPv4addr (address, mask) or if_IPv6addr (address,
// prefix length) option.
func (in *Interface) addAddress(value []byte, size int) {
	if len(value) <= size || len(in.Addresses) >= maxAddresses {
		return
	}
	a, _ := netip.AddrFromSlice(value[:size])
	prefix := int(value[size])
	if size == 4 {
		if len(value) < 8 {
			return
		}
		prefix = bits.LeadingZeros32(^binary.BigEndian.Uint32(value[4:]))
	}
	if prefix > size*8 {
		return
	}
	in.Addresses = append(in.Addresses, netip.PrefixFrom(a, prefix).String())
}
