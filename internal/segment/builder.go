package segment

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	blockEnhancedPacket = 6
	optionEPBFlags      = 2
	// An enhanced packet block without its data: 28 bytes of header, the epb_flags option
	// with the end of options (12), and the trailing length (4).
	packetOverhead = 28 + 12 + 4
)

// Builder puts finished pcapng packet blocks into a buffer, one after another. It
// allocates nothing after it was made. The zero value is useless: see [NewBuilder].
type Builder struct {
	buf     []byte
	packets uint32
	last    int64
}

// NewBuilder returns a Builder over buf's capacity. buf belongs to the Builder until
// [Builder.Reset].
func NewBuilder(buf []byte) *Builder { return &Builder{buf: buf[:0]} }

// Reset starts a new run of blocks in buf.
func (b *Builder) Reset(buf []byte) { b.buf, b.packets, b.last = buf[:0], 0, 0 }

// Bytes returns the blocks built so far. The Builder keeps the ownership.
func (b *Builder) Bytes() []byte { return b.buf }

// Packets returns how many packet blocks were built.
func (b *Builder) Packets() uint32 { return b.packets }

// Last returns the time of the newest packet, nanoseconds since 1970; 0 without a packet.
func (b *Builder) Last() int64 { return b.last }

// Room returns how many captured bytes the next packet may have.
func (b *Builder) Room() int { return max(0, (cap(b.buf)-len(b.buf)-packetOverhead)&^3) }

// Packet starts the block of a packet and returns the capLen bytes that the caller must
// fill in at once. It returns nil when the packet does not fit. t is in nanoseconds since
// 1970; iface is the interface number in the section.
func (b *Builder) Packet(iface uint32, t int64, capLen, wireLen uint32, dir packet.Direction) []byte {
	padded := (int(capLen) + 3) &^ 3
	total := padded + packetOverhead
	n := len(b.buf)
	if total > cap(b.buf)-n {
		return nil
	}
	b.buf = b.buf[:n+total]
	p := b.buf[n : n+total : n+total]
	binary.LittleEndian.PutUint32(p[0:], blockEnhancedPacket)
	binary.LittleEndian.PutUint32(p[4:], uint32(total))
	binary.LittleEndian.PutUint32(p[8:], iface)
	binary.LittleEndian.PutUint32(p[12:], uint32(uint64(t)>>32))
	binary.LittleEndian.PutUint32(p[16:], uint32(uint64(t)))
	binary.LittleEndian.PutUint32(p[20:], capLen)
	binary.LittleEndian.PutUint32(p[24:], wireLen)
	for i := 28 + int(capLen); i < 28+padded; i++ {
		p[i] = 0
	}
	o := p[28+padded:]
	binary.LittleEndian.PutUint32(o[0:], optionEPBFlags|4<<16)
	binary.LittleEndian.PutUint32(o[4:], uint32(dir))
	binary.LittleEndian.PutUint32(o[8:], 0)
	binary.LittleEndian.PutUint32(o[12:], uint32(total))
	b.packets++
	b.last = t
	return p[28 : 28+capLen : 28+capLen]
}

// Truncate keeps the first n packets and forgets those behind them. n above
// [Builder.Packets] changes nothing.
func (b *Builder) Truncate(n uint32) {
	if n >= b.packets {
		return
	}
	end := 0
	b.last = 0
	for range n {
		high, low := binary.LittleEndian.Uint32(b.buf[end+12:]), binary.LittleEndian.Uint32(b.buf[end+16:])
		b.last = int64(uint64(high)<<32 | uint64(low))
		end += int(binary.LittleEndian.Uint32(b.buf[end+4:]))
	}
	b.buf, b.packets = b.buf[:end], n
}
