package capture

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

const (
	// A block holds the longest BIG TCP frames whole. Smaller blocks are better for a
	// reader that is held up: on a quiet link each is retired nearly empty, so that their
	// number times the retire time is how long a ring lasts, 1.3 s by default.
	blockSize  = 512 << 10
	minBlocks  = 4
	cookedLen  = 20 // LINKTYPE_LINUX_SLL2 header
	vlanTagLen = 4

	// Where the fields of struct tpacket_block_desc (version 1) stand.
	blockStatus = 8
	blockCount  = 12
	blockFirst  = 16

	// struct sockaddr_ll stands behind each packet's struct tpacket3_hdr.
	addressOff = unix.SizeofTpacket3Hdr
)

// ring is one packet socket with its memory. The socket's counters are guarded by the
// source's mutex; the rest is the reading goroutine's.
type ring struct {
	fd       int
	mem      []byte // shared with the kernel; a block is ours while its status says TP_STATUS_USER
	number   uint32 // of the interface
	link     packet.LinkType
	ethernet bool
	snapLen  uint32        // as wanted, link-layer header included
	cutAt    uint32        // what the kernel was told to cut a packet at
	program  []Instruction // filters while the capture is not suspended

	block int    // that comes next, or is being read while open
	open  bool   // the block is ours
	left  uint32 // packets in it that were not yet read
	at    uint32 // where the next one stands in it

	read      uint64 // packets taken out of the ring
	blocks    uint32 // taken out of the ring since the reader last asked for the statistics
	delivered atomic.Uint64
	truncated atomic.Uint64

	stats    unix.TpacketStatsV3 // where getsockopt writes
	received uint64              // totals of PACKET_STATISTICS
	dropped  uint64
	freezes  uint64
}

func (r *ring) word(offset int) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[r.block*blockSize+offset]))
}

// next opens the next block if the kernel has handed it over. Retired blocks always hold
// at least one packet.
func (r *ring) next() bool {
	if r.open {
		return true
	}
	if atomic.LoadUint32(r.word(blockStatus))&unix.TP_STATUS_USER == 0 {
		return false
	}
	r.open, r.left, r.at = true, *r.word(blockCount), *r.word(blockFirst)
	return true
}

// release gives the block back to the kernel.
func (r *ring) release() {
	atomic.StoreUint32(r.word(blockStatus), unix.TP_STATUS_KERNEL)
	r.open = false
	r.blocks++
	if r.block++; r.block*blockSize == len(r.mem) {
		r.block = 0
	}
}

// deliver copies the open block's packets into b. It returns false when b is full before
// the block is done.
func (r *ring) deliver(b *segment.Builder) bool {
	block := r.mem[r.block*blockSize:][:blockSize:blockSize]
	before := r.left
	for r.left > 0 {
		h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&block[r.at]))
		a := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&block[r.at+addressOff]))
		frame := block[r.at+uint32(h.Mac):][:h.Snaplen]
		t := int64(h.Sec)*1e9 + int64(h.Nsec)
		dir := packet.DirectionReceived
		if a.Pkttype == unix.PACKET_OUTGOING {
			dir = packet.DirectionSent
		}
		var ok bool
		switch {
		case !r.ethernet && r.link == linkAny:
			ok = r.putCooked(b, t, dir, h, a, frame)
		case h.Status&unix.TP_STATUS_VLAN_VALID != 0 && r.ethernet:
			ok = r.putTagged(b, t, dir, h, frame)
		default:
			p := b.Packet(r.number, t, h.Snaplen, h.Len, dir)
			if p == nil {
				ok = r.putCut(b, t, dir, h.Len, frame)
			} else {
				copy(p, frame)
				ok = true
			}
		}
		if !ok {
			break
		}
		if h.Snaplen < h.Len && h.Snaplen < r.cutAt {
			r.truncated.Add(1)
		}
		r.at += h.Next_offset
		r.left--
	}
	n := uint64(before - r.left)
	r.read += n
	r.delivered.Add(n)
	return r.left == 0
}

// putTagged puts the VLAN tag back that the kernel has taken out of an Ethernet frame.
func (r *ring) putTagged(b *segment.Builder, t int64, dir packet.Direction, h *unix.Tpacket3Hdr, frame []byte) bool {
	const addresses = 12 // destination and source stand before the tag
	if len(frame) < addresses {
		p := b.Packet(r.number, t, h.Snaplen, h.Len+vlanTagLen, dir)
		if p == nil {
			return r.putCut(b, t, dir, h.Len+vlanTagLen, frame)
		}
		copy(p, frame)
		return true
	}
	var tag [vlanTagLen]byte
	binary.BigEndian.PutUint16(tag[0:], tagProtocol(h))
	binary.BigEndian.PutUint16(tag[2:], uint16(h.Hv1.Vlan_tci))
	capLen := min(h.Snaplen+vlanTagLen, r.snapLen)
	p := r.room(b, t, dir, capLen, h.Len+vlanTagLen)
	if p == nil {
		return false
	}
	n := copy(p, frame[:addresses])
	n += copy(p[n:], tag[:])
	copy(p[n:], frame[addresses:])
	return true
}

// putCooked puts a LINKTYPE_LINUX_SLL2 header before what the kernel gives of a packet. A
// VLAN tag that it has taken out stands between, as the file's readers expect it.
func (r *ring) putCooked(b *segment.Builder, t int64, dir packet.Direction, h *unix.Tpacket3Hdr, a *unix.RawSockaddrLinklayer, frame []byte) bool {
	var head [cookedLen + vlanTagLen]byte
	n := uint32(cookedLen)
	protocol := bswap(a.Protocol)
	if h.Status&unix.TP_STATUS_VLAN_VALID != 0 {
		binary.BigEndian.PutUint16(head[cookedLen:], uint16(h.Hv1.Vlan_tci))
		binary.BigEndian.PutUint16(head[cookedLen+2:], protocol)
		protocol = tagProtocol(h)
		n += vlanTagLen
	}
	binary.BigEndian.PutUint16(head[0:], protocol)
	binary.BigEndian.PutUint32(head[4:], uint32(a.Ifindex))
	binary.BigEndian.PutUint16(head[8:], a.Hatype)
	head[10] = a.Pkttype
	head[11] = a.Halen
	copy(head[12:20], a.Addr[:min(a.Halen, 8)])
	p := r.room(b, t, dir, min(h.Snaplen+n, r.snapLen), h.Len+n)
	if p == nil {
		return false
	}
	k := copy(p, head[:n])
	copy(p[k:], frame)
	return true
}

// room returns capLen bytes in b for a packet, fewer when even an empty b has not so many,
// nil when b is full.
func (r *ring) room(b *segment.Builder, t int64, dir packet.Direction, capLen, wireLen uint32) []byte {
	p := b.Packet(r.number, t, capLen, wireLen, dir)
	if p == nil && b.Packets() == 0 {
		r.truncated.Add(1)
		p = b.Packet(r.number, t, min(capLen, uint32(b.Room())), wireLen, dir)
	}
	return p
}

// putCut puts a frame that did not fit: cut into an empty b, not at all otherwise.
func (r *ring) putCut(b *segment.Builder, t int64, dir packet.Direction, wireLen uint32, frame []byte) bool {
	p := r.room(b, t, dir, uint32(len(frame)), wireLen)
	if p == nil {
		return false
	}
	copy(p, frame)
	return true
}

func tagProtocol(h *unix.Tpacket3Hdr) uint16 {
	if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		return h.Hv1.Vlan_tpid
	}
	return unix.ETH_P_8021Q
}

// bswap turns a number of network byte order, read as the machine's, around.
func bswap(n uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], n)
	return binary.BigEndian.Uint16(b[:])
}
