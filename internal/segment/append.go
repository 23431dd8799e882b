package segment

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
	"unicode/utf8"
)

// maxOption is the greatest length of a pcapng option's value, bytes.
const maxOption = math.MaxUint16

// AppendSectionHeader appends a pcapng section header block, little-endian, of unknown
// section length, to dst. Strings longer than 65 535 bytes are cut.
func AppendSectionHeader(dst []byte, s Section) []byte {
	dst, at := beginBlock(dst, blockSection)
	dst = binary.LittleEndian.AppendUint32(dst, byteOrderMagic)
	dst = binary.LittleEndian.AppendUint16(dst, 1)
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, math.MaxUint64)
	options := len(dst)
	dst = appendComments(dst, s.Comments)
	dst = appendText(dst, optionSectionHardware, s.Hardware)
	dst = appendText(dst, optionSectionOS, s.OS)
	dst = appendText(dst, optionSectionApplication, s.Application)
	return endBlock(dst, at, options)
}

// AppendInterface appends an interface description block to dst. Times in the blocks that
// follow are nanoseconds, whatever in.Resolution says: that is what [Builder] writes.
func AppendInterface(dst []byte, in Interface) []byte {
	dst, at := beginBlock(dst, blockInterface)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(in.Link))
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, in.SnapLen)
	options := len(dst)
	dst = appendComments(dst, in.Comments)
	dst = appendText(dst, optionIfName, in.Name)
	dst = appendText(dst, optionIfDescription, in.Description)
	for _, s := range in.Addresses {
		dst = appendAddress(dst, s)
	}
	dst = appendOption(dst, optionIfTSResol, []byte{9})
	if in.Filter != "" {
		dst = appendText(dst, optionIfFilter, "\x00"+in.Filter)
	}
	dst = appendText(dst, optionIfOS, in.OS)
	dst = appendText(dst, optionIfHardware, in.Hardware)
	return endBlock(dst, at, options)
}

// AppendStatistics appends an interface statistics block to dst. The interface must have
// been described with [AppendInterface].
func AppendStatistics(dst []byte, s Statistics) []byte {
	dst, at := beginBlock(dst, blockStatistics)
	dst = binary.LittleEndian.AppendUint32(dst, s.Interface)
	dst = appendStamp(dst, s.Time)
	options := len(dst)
	dst = appendComments(dst, s.Comments)
	if s.Start != 0 {
		dst = appendOption64(dst, optionISBStart, upperFirst(s.Start))
	}
	if s.End != 0 {
		dst = appendOption64(dst, optionISBEnd, upperFirst(s.End))
	}
	for _, f := range []struct {
		flag StatisticsFields
		code uint16
		v    uint64
	}{
		{HasReceived, optionISBReceived, s.Received},
		{HasDropped, optionISBDropped, s.Dropped},
		{HasAccepted, optionISBAccepted, s.Accepted},
		{HasOSDropped, optionISBOSDropped, s.OSDropped},
		{HasDelivered, optionISBDelivered, s.Delivered},
	} {
		if s.Fields&f.flag != 0 {
			dst = appendOption64(dst, f.code, f.v)
		}
	}
	return endBlock(dst, at, options)
}

// beginBlock appends the head of a block; at is where it starts.
func beginBlock(dst []byte, kind uint32) (b []byte, at int) {
	at = len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, kind)
	return append(dst, 0, 0, 0, 0), at
}

// endBlock ends the block that starts at at, and its options, if there are any behind
// options, and fills in the lengths.
func endBlock(dst []byte, at, options int) []byte {
	if len(dst) > options {
		dst = append(dst, 0, 0, 0, 0)
	}
	n := uint32(len(dst) - at + 4)
	binary.LittleEndian.PutUint32(dst[at+4:], n)
	return binary.LittleEndian.AppendUint32(dst, n)
}

// upperFirst swaps the halves of a time: pcapng puts the upper one first in either byte
// order.
func upperFirst(t int64) uint64 { return bits.RotateLeft64(uint64(t), 32) }

func appendStamp(dst []byte, t int64) []byte {
	return binary.LittleEndian.AppendUint64(dst, upperFirst(t))
}

func appendPadded(dst, value []byte) []byte {
	dst = append(dst, value...)
	for n := len(value); n&3 != 0; n++ {
		dst = append(dst, 0)
	}
	return dst
}

func appendOption(dst []byte, code uint16, value []byte) []byte {
	value = value[:min(len(value), maxOption)]
	dst = binary.LittleEndian.AppendUint16(dst, code)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(value)))
	return appendPadded(dst, value)
}

func appendOption32(dst []byte, code uint16, v uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(code)|4<<16)
	return binary.LittleEndian.AppendUint32(dst, v)
}

func appendOption64(dst []byte, code uint16, v uint64) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(code)|8<<16)
	return binary.LittleEndian.AppendUint64(dst, v)
}

func appendComments(dst []byte, comments []string) []byte {
	for _, s := range comments {
		dst = appendText(dst, optionComment, s)
	}
	return dst
}

// appendText appends an option with text; nothing when it is empty. It is cut between
// characters.
func appendText(dst []byte, code uint16, s string) []byte {
	if s == "" {
		return dst
	}
	if len(s) > maxOption {
		n := maxOption
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return appendOption(dst, code, []byte(s))
}

// appendAddress appends an if_IPv4addr or if_IPv6addr option for an address with or
// without prefix length; nothing when s is no address.
func appendAddress(dst []byte, s string) []byte {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return dst
		}
		a = a.WithZone("")
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4() {
		mask := ^uint32(0) << (32 - p.Bits())
		v := p.Addr().As4()
		return appendOption(dst, optionIfIPv4, binary.BigEndian.AppendUint32(v[:], mask))
	}
	v := p.Addr().As16()
	return appendOption(dst, optionIfIPv6, append(v[:], byte(p.Bits())))
}
