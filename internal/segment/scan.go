package segment

import (
	"fmt"
)

// MaxRecord is the length that a record or block may have, bytes; a longer one counts as
// damage. The longest frames there are (IPv6 BIG TCP) have a quarter of a MiB.
const MaxRecord = 64 << 20

// maxInterfaces is as many as Record.Interface can number.
const maxInterfaces = 1 << 16

// byteOrder of a pcapng section.
type byteOrder uint8

const (
	orderUnknown byteOrder = iota
	orderLittle
	orderBig
)

// sectionOrder reads a section header's byte-order magic, four bytes.
func sectionOrder(b []byte) byteOrder {
	switch {
	case u32(b, false) == byteOrderMagic:
		return orderLittle
	case u32(b, true) == byteOrderMagic:
		return orderBig
	}
	return orderUnknown
}

// scan moves cut over the whole records that are in the buffer. It stops before a new
// pcapng section when there are packets to be delivered. What it returns is empty, or
// what is wrong with the record at cut; asked again, it says the same.
func (r *Reader) scan() (damage string) {
	switch r.format.Kind {
	case Pcap:
		return r.scanPcap()
	case Snoop:
		return r.scanSnoop()
	default:
		return r.scanBlocks()
	}
}

func (r *Reader) scanPcap() string {
	header := pcapRecordHeader
	if r.format.Modified {
		header = modifiedRecordHeader
	}
	mem := r.cur.mem[:r.end]
	for {
		b := mem[r.cut:]
		if len(b) < header {
			r.need = header
			return ""
		}
		capLen := u32(b[8:], r.format.BigEndian)
		if capLen > MaxRecord {
			return fmt.Sprintf("a record claims %d captured bytes, and %d are allowed", capLen, MaxRecord)
		}
		if r.need = header + int(capLen); len(b) < r.need {
			return ""
		}
		r.cut += r.need
		r.count++
	}
}

func (r *Reader) scanSnoop() string {
	mem := r.cur.mem[:r.end]
	for {
		b := mem[r.cut:]
		if len(b) < snoopRecordHeader {
			r.need = snoopRecordHeader
			return ""
		}
		capLen, n := u32(b[4:], true), u32(b[8:], true)
		if n > MaxRecord {
			return fmt.Sprintf("a record claims %d bytes, and %d are allowed", n, MaxRecord)
		}
		if n < snoopRecordHeader || capLen > n-snoopRecordHeader {
			return fmt.Sprintf("a record of %d bytes cannot hold its %d captured bytes", n, capLen)
		}
		if r.need = int(n); len(b) < r.need {
			return ""
		}
		r.cut += r.need
		r.count++
	}
}

func (r *Reader) scanBlocks() string {
	mem := r.cur.mem[:r.end]
	for {
		b := mem[r.cut:]
		r.need = minBlock
		if len(b) < 8 {
			return ""
		}
		big := r.format.BigEndian
		kind := u32(b, big)
		if kind == blockSection {
			if len(b) < minBlock {
				return ""
			}
			switch sectionOrder(b[8:]) {
			case orderLittle:
				big = false
			case orderBig:
				big = true
			default:
				return fmt.Sprintf("a section header without byte-order magic (% x)", b[8:12])
			}
		}
		n := u32(b[4:], big)
		if n < minBlock || n&3 != 0 {
			return fmt.Sprintf("a block of type %#x claims a length of %d bytes", kind, n)
		}
		if n > MaxRecord {
			return fmt.Sprintf("a block of type %#x claims %d bytes, and %d are allowed", kind, n, MaxRecord)
		}
		if r.need = int(n); len(b) < r.need {
			return ""
		}
		b = b[:n]
		if tail := u32(b[n-4:], big); tail != n {
			return fmt.Sprintf("a block of type %#x has the length %d in front and %d behind", kind, n, tail)
		}
		switch kind {
		case blockEnhancedPacket:
			if damage := r.checkPacket(b, u32(b[8:], big)); damage != "" {
				return damage
			}
			r.count++
		case blockSection:
			if r.count > 0 {
				return ""
			}
			if damage := r.section(b, big); damage != "" {
				return damage
			}
		default:
			if damage := r.otherBlock(kind, b); damage != "" {
				return damage
			}
		}
		r.cut += int(n)
	}
}

// checkPacket looks at an enhanced or obsolete packet block of an interface.
func (r *Reader) checkPacket(b []byte, face uint32) string {
	if len(b) < minEnhancedPacket {
		return fmt.Sprintf("a packet block of %d bytes is too short", len(b))
	}
	if capLen := u32(b[20:], r.format.BigEndian); uint64(capLen) > uint64(len(b)-minEnhancedPacket) {
		return fmt.Sprintf("a packet block of %d bytes cannot hold its %d captured bytes", len(b), capLen)
	}
	return r.checkInterface(face)
}

func (r *Reader) checkInterface(face uint32) string {
	if have := len(r.faces) - r.base; uint64(face) >= uint64(have) {
		return fmt.Sprintf("a packet names interface %d, and the section describes %d", face, have)
	}
	return ""
}

// section begins a new section with its header block.
func (r *Reader) section(b []byte, big bool) string {
	if len(b) < minSection {
		return fmt.Sprintf("a section header of %d bytes is too short", len(b))
	}
	if major := u16(b[12:], big); major != 1 {
		return fmt.Sprintf("a section of pcapng version %d.%d, and only 1 is known", major, u16(b[14:], big))
	}
	// What stands before it has no packets and need not be delivered.
	r.pos += int64(r.cut - r.start)
	r.start = r.cut
	r.format.BigEndian = big
	r.base = len(r.faces)
	r.counters.Sections++
	r.notes.section(b, big)
	if r.preface != nil {
		var own notes // the text of a preface has caps of its own
		r.preface.section(own.parseSection(b, big))
	}
	return ""
}

func (r *Reader) otherBlock(kind uint32, b []byte) string {
	big := r.format.BigEndian
	switch kind {
	case blockInterface:
		if len(b) < minInterface {
			return fmt.Sprintf("an interface description of %d bytes is too short", len(b))
		}
		if len(r.faces) == maxInterfaces {
			return fmt.Sprintf("more than %d interfaces", maxInterfaces)
		}
		r.faces = append(r.faces, r.notes.face(parseInterface(b, big)))
	case blockPacketObsolete:
		if damage := r.checkPacket(b, uint32(u16(b[8:], big))); damage != "" {
			return damage
		}
		r.count++
	case blockSimplePacket:
		if len(b) < minSimplePacket {
			return fmt.Sprintf("a packet block of %d bytes is too short", len(b))
		}
		if damage := r.checkInterface(0); damage != "" {
			return damage
		}
		r.count++
	case blockStatistics:
		if len(b) < minStatistics {
			return fmt.Sprintf("an interface statistics block of %d bytes is too short", len(b))
		}
		r.notes.statistics(b, big, r.base, r.faces)
	default:
		if r.preface != nil && (kind == blockNames || kind == blockSecrets) {
			r.preface.block(kind, b, big)
			break
		}
		r.counters.OtherBlocks++
	}
	return ""
}
