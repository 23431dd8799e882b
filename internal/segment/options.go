package segment

import (
	"encoding/binary"
	"slices"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// PacketOptions is what a pcapng packet block may say about its packet. Custom options,
// epb_queue and epb_verdict are not kept.
type PacketOptions struct {
	Flags     uint32 // epb_flags: direction in bits 0-1, reception type, link-layer errors
	HasFlags  bool
	Comments  []string
	Hashes    [][]byte // epb_hash, each with the algorithm in the first byte
	DropCount uint64   // epb_dropcount: packets lost between the one before and this one
	PacketID  uint64   // epb_packetid; 0: none
}

// directionBits are those of epb_flags that hold the direction.
const directionBits = 3

// Direction returns the way that the packet went.
func (o *PacketOptions) Direction() packet.Direction {
	if d := packet.Direction(o.Flags & directionBits); o.HasFlags && d != directionBits {
		return d
	}
	return packet.DirectionUnknown
}

// size is what the options take in a block, bytes.
func (o *PacketOptions) size() int {
	n := 0
	add := func(value int) { n += 4 + (min(value, maxOption)+3)&^3 }
	if o.HasFlags {
		add(4)
	}
	for _, s := range o.Comments {
		if s != "" {
			add(len(s))
		}
	}
	for _, h := range o.Hashes {
		add(len(h))
	}
	if o.DropCount > 0 {
		add(8)
	}
	if o.PacketID > 0 {
		add(8)
	}
	if n > 0 {
		n += 4
	}
	return n
}

func (o *PacketOptions) append(dst []byte) []byte {
	if o.HasFlags {
		dst = appendOption32(dst, optionEPBFlags, o.Flags)
	}
	dst = appendComments(dst, o.Comments)
	for _, h := range o.Hashes {
		dst = appendOption(dst, optionEPBHash, h)
	}
	if o.DropCount > 0 {
		dst = appendOption64(dst, optionEPBDropCount, o.DropCount)
	}
	if o.PacketID > 0 {
		dst = appendOption64(dst, optionEPBPacketID, o.PacketID)
	}
	return dst
}

// RecordOptions returns what the file says about one packet of the Chunk besides its
// time and lengths. Hashes point into the Chunk's Bytes. It is empty for formats other
// than pcapng.
func (c *Chunk) RecordOptions(rec *Record) PacketOptions {
	var o PacketOptions
	kind, list := c.optionsOf(rec)
	if kind == blockPacketObsolete {
		// 0xffff stands for unknown.
		if d := u16(c.Bytes[rec.Offset-c.Offset+10:], c.Format.BigEndian); d != 0xffff {
			o.DropCount = uint64(d)
		}
	}
	big := c.Format.BigEndian
	for {
		code, value, rest, ok := nextOption(list, big)
		if !ok {
			return o
		}
		list = rest
		switch {
		case code == optionComment:
			if s := text(value, maxOption); s != "" {
				o.Comments = append(o.Comments, s)
			}
		case code == optionEPBFlags && len(value) == 4:
			o.Flags, o.HasFlags = u32(value, big), true
		case code == optionEPBHash && len(value) > 0:
			o.Hashes = append(o.Hashes, value)
		case code == optionEPBDropCount && len(value) == 8:
			o.DropCount = u64(value, big)
		case code == optionEPBPacketID && len(value) == 8:
			o.PacketID = u64(value, big)
		}
	}
}

// optionsOf returns the type of a record's block and its list of options; nil when it has
// none or is not in the Chunk.
func (c *Chunk) optionsOf(rec *Record) (kind uint32, list []byte) {
	off := rec.Offset - c.Offset
	if c.Format.Kind != Pcapng || off < 0 || off > int64(len(c.Bytes))-minEnhancedPacket {
		return 0, nil
	}
	b := c.Bytes[off:]
	kind, n := u32(b, c.Format.BigEndian), u32(b[4:], c.Format.BigEndian)
	if kind != blockEnhancedPacket && kind != blockPacketObsolete ||
		n < minEnhancedPacket || uint64(n) > uint64(len(b)) || uint64(len(rec.Data)) > uint64(n-minEnhancedPacket) {
		return 0, nil
	}
	return kind, b[28+(len(rec.Data)+3)&^3 : n-4]
}

// plainOptions says whether the record's options are none, or a direction and nothing
// else, as [Builder] writes them.
func (c *Chunk) plainOptions(rec *Record) bool {
	kind, list := c.optionsOf(rec)
	big := c.Format.BigEndian
	switch {
	case kind == blockPacketObsolete:
		return false
	case len(list) == 0:
		return true
	}
	return len(list) == 12 && u16(list, big) == optionEPBFlags && u16(list[2:], big) == 4 &&
		u32(list[4:], big)&^directionBits == 0 && u16(list[8:], big) == optionEnd
}

// AppendPacket appends an enhanced packet block with any options to dst. It is the slow
// path for packets that carry a comment; [Builder] is the fast one. t is in nanoseconds
// since 1970, iface the interface's number in the section.
func AppendPacket(dst []byte, iface uint32, t int64, wireLen uint32, data []byte, o PacketOptions) []byte {
	dst = slices.Grow(dst, minEnhancedPacket+(len(data)+3)&^3+o.size())
	dst, at := beginBlock(dst, blockEnhancedPacket)
	dst = binary.LittleEndian.AppendUint32(dst, iface)
	dst = appendStamp(dst, t)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, wireLen)
	dst = appendPadded(dst, data)
	options := len(dst)
	dst = o.append(dst)
	return endBlock(dst, at, options)
}

// PacketWith builds the block of a packet with any options. It returns false when the
// packet does not fit.
func (b *Builder) PacketWith(iface uint32, t int64, wireLen uint32, data []byte, o PacketOptions) bool {
	if minEnhancedPacket+(len(data)+3)&^3+o.size() > cap(b.buf)-len(b.buf) {
		return false
	}
	b.buf = AppendPacket(b.buf, iface, t, wireLen, data, o)
	b.packets++
	b.last = t
	return true
}
