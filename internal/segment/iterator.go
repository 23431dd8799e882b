package segment

import (
	"encoding/binary"
	"math/bits"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	pcapRecordHeader     = 16
	modifiedRecordHeader = 24 // Kuznetzov's: interface, protocol and packet type behind pcap's 16 bytes
	snoopRecordHeader    = 24

	noInterface = ^uint32(0)
)

// Iterator walks over the packet records of a Chunk. It is a plain value: copying it
// keeps a place. It never panics, whatever the bytes are. Use it as
//
//	it := c.Records()
//	for it.Next(&rec) {
//
// and not with the variable inside of the for clause, which copies it for each packet and
// takes twice the time.
type Iterator struct {
	b      []byte // the Chunk's Bytes
	off    int    // of the next record in b
	base   int64  // the Chunk's Offset
	kind   Kind
	big    bool
	header uint8 // pcap: length of a record's header

	faces []Interface // the Chunk's, from its Base on
	first uint32      // the Chunk's Base
	face  uint32      // whose clock it is, counted from first; noInterface at the start
	clock clock
	snap  uint32 // snapshot length of the section's interface 0, for simple packet blocks
}

// Records returns an Iterator at the first record of the Chunk. The records point into
// the Chunk's Bytes and are valid as long as those.
func (c *Chunk) Records() Iterator {
	it := Iterator{
		b: c.Bytes, base: c.Offset, kind: c.Format.Kind, big: c.Format.BigEndian,
		face: noInterface,
	}
	if c.Base >= 0 && c.Base < len(c.Interfaces) {
		it.faces, it.first = c.Interfaces[c.Base:], uint32(c.Base)
		it.snap = it.faces[0].SnapLen
	}
	switch it.kind {
	case Pcap:
		it.clock = clock{units: 1e6, factor: 1e3}
		if c.Format.Nanos {
			it.clock.factor = 1
		}
		it.header = pcapRecordHeader
		if c.Format.Modified {
			it.header = modifiedRecordHeader
		}
	case Snoop:
		it.clock = clock{units: 1e6, factor: 1e3}
	}
	return it
}

// Offset returns where in the file the next record or block starts. After Next returned
// false it is the Chunk's end, or the place of the first record that makes no sense;
// [Reader] hands out no such Chunk.
func (it *Iterator) Offset() int64 { return it.base + int64(it.off) }

// Next fills rec with the next packet and returns false when there is none.
func (it *Iterator) Next(rec *Record) bool {
	switch it.kind {
	case Pcapng:
		return it.nextEnhanced(rec) || it.nextBlock(rec)
	case Pcap:
		return it.nextPcap(rec)
	case Snoop:
		return it.nextSnoop(rec)
	}
	return false
}

// nextEnhanced is the short way for the most common block: an enhanced packet block, in a
// little-endian section, of the same interface as the one before. It returns false,
// and has done nothing, when that is not what comes.
func (it *Iterator) nextEnhanced(rec *Record) bool {
	off := it.off
	if it.big || off < 0 || off > len(it.b)-minEnhancedPacket {
		return false
	}
	b := it.b[off:]
	head, face := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
	n, capLen := head>>32, uint64(binary.LittleEndian.Uint32(b[20:]))
	options := 28 + (capLen+3)&^3
	if uint32(head) != blockEnhancedPacket || face != it.face || n&3 != 0 || n > uint64(len(b)) || options+4 > n {
		return false
	}
	units := bits.RotateLeft64(binary.LittleEndian.Uint64(b[12:]), 32)
	rec.Time = it.clock.time(units)
	rec.Offset = it.base + int64(off)
	rec.DataOff = uint32(off) + 28
	rec.WireLen = binary.LittleEndian.Uint32(b[24:])
	rec.Interface = uint16(it.first + face)
	rec.Data = b[28 : 28+capLen : 28+capLen]
	rec.Direction = packet.DirectionUnknown
	if options < n-4 {
		rec.Direction = direction(b[options:n-4], false)
	}
	it.off = off + int(n)
	return true
}

func (it *Iterator) nextBlock(rec *Record) bool {
	for {
		b := it.b[it.off:]
		if len(b) < minBlock {
			return false
		}
		kind, n := u32(b, it.big), u32(b[4:], it.big)
		if n < minBlock || n&3 != 0 || uint64(n) > uint64(len(b)) {
			return false
		}
		b = b[:n:n]
		switch kind {
		case blockEnhancedPacket, blockPacketObsolete:
			if n < minEnhancedPacket {
				return false
			}
			face := u32(b[8:], it.big)
			if kind == blockPacketObsolete {
				face = uint32(u16(b[8:], it.big))
			}
			if face != it.face && !it.setInterface(face) {
				return false
			}
			capLen := u32(b[20:], it.big)
			if capLen > n-minEnhancedPacket {
				return false
			}
			rec.Time = it.clock.time(stamp(b[12:], it.big))
			rec.Offset = it.base + int64(it.off)
			rec.DataOff = uint32(it.off) + 28
			rec.WireLen = u32(b[24:], it.big)
			rec.Interface = uint16(it.first + face)
			rec.Data = b[28 : 28+capLen : 28+capLen]
			rec.Direction = direction(b[28+(capLen+3)&^3:n-4], it.big)
		case blockSimplePacket:
			if n < minSimplePacket || len(it.faces) == 0 {
				return false
			}
			wire := u32(b[8:], it.big)
			capLen := min(wire, n-minSimplePacket)
			if it.snap != 0 {
				capLen = min(capLen, it.snap)
			}
			*rec = Record{
				Offset: it.base + int64(it.off), DataOff: uint32(it.off) + 12, WireLen: wire,
				Interface: uint16(it.first), Data: b[12 : 12+capLen : 12+capLen],
			}
		default:
			it.off += int(n)
			continue
		}
		it.off += int(n)
		return true
	}
}

// setInterface makes ready the clock of an interface of the section. It returns false
// when the Chunk does not know the interface.
func (it *Iterator) setInterface(face uint32) bool {
	if uint64(face) >= uint64(len(it.faces)) {
		return false
	}
	it.face = face
	it.clock = newClock(it.faces[face].Resolution)
	return true
}

// direction finds epb_flags among a packet block's options.
func direction(o []byte, big bool) packet.Direction {
	if len(o) >= 8 && !big {
		// As [Builder] writes it.
		if v := binary.LittleEndian.Uint64(o); uint32(v) == optionEPBFlags|4<<16 && v>>32&directionBits != directionBits {
			return packet.Direction(v >> 32 & directionBits)
		}
	}
	return directionOption(o, big)
}

func directionOption(o []byte, big bool) packet.Direction {
	for len(o) >= 8 {
		code, n := u16(o, big), int(u16(o[2:], big))
		if code == optionEPBFlags && n == 4 {
			if d := packet.Direction(u32(o[4:], big) & 3); d != 3 {
				return d
			}
			return packet.DirectionUnknown
		}
		n = 4 + (n+3)&^3
		if code == optionEnd || n > len(o) {
			break
		}
		o = o[n:]
	}
	return packet.DirectionUnknown
}

func (it *Iterator) nextPcap(rec *Record) bool {
	b := it.b[it.off:]
	header := uint32(it.header)
	if uint64(len(b)) < uint64(header) || len(b) < pcapRecordHeader || len(it.faces) == 0 {
		return false
	}
	capLen := u32(b[8:], it.big)
	if uint64(capLen) > uint64(len(b))-uint64(header) {
		return false
	}
	// Seconds are unsigned: they last until 2106, and no sum here overflows.
	rec.Time = int64(u32(b, it.big))*1e9 + int64(u32(b[4:], it.big))*int64(it.clock.factor)
	rec.Offset = it.base + int64(it.off)
	rec.DataOff = uint32(it.off) + header
	rec.WireLen = u32(b[12:], it.big)
	rec.Interface = uint16(it.first)
	rec.Direction = packet.DirectionUnknown
	if header == modifiedRecordHeader {
		rec.Direction = kernelDirection(b[22])
	}
	rec.Data = b[header : header+capLen : header+capLen]
	it.off += int(header + capLen)
	return true
}

// kernelDirection turns Linux' packet type (PACKET_HOST 0 … PACKET_OUTGOING 4) into a
// direction.
func kernelDirection(kind byte) packet.Direction {
	switch {
	case kind == 4:
		return packet.DirectionSent
	case kind < 4:
		return packet.DirectionReceived
	}
	return packet.DirectionUnknown
}

// nextSnoop reads a record of RFC 1761: lengths on the wire, captured and of the record,
// drops, seconds, microseconds, data, padding.
func (it *Iterator) nextSnoop(rec *Record) bool {
	b := it.b[it.off:]
	if len(b) < snoopRecordHeader || len(it.faces) == 0 {
		return false
	}
	capLen, n := u32(b[4:], true), u32(b[8:], true)
	if n < snoopRecordHeader || uint64(n) > uint64(len(b)) || capLen > n-snoopRecordHeader {
		return false
	}
	rec.Time = int64(u32(b[16:], true))*1e9 + int64(u32(b[20:], true))*1e3
	rec.Offset = it.base + int64(it.off)
	rec.DataOff = uint32(it.off) + snoopRecordHeader
	rec.WireLen = u32(b, true)
	rec.Interface = uint16(it.first)
	rec.Direction = packet.DirectionUnknown
	rec.Data = b[snoopRecordHeader : snoopRecordHeader+capLen : snoopRecordHeader+capLen]
	it.off += int(n)
	return true
}
