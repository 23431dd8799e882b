package index

import (
	"encoding/binary"
	"math/bits"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// addresses numbers the addresses of a segment, in the order of appearance, and counts
// their packets. Its memory is bounded by [addressMax] between row groups; see
// [Writer.flush].
type addresses struct {
	slots []addressSlot // the length is a power of two
	keys  []addressKey  // by number
	plain [][2]amount   // of packets with one IP header and two addresses: as source, as destination
	odd   [][roles]amount
}

// addressSlot is a place of the hash table. The tag saves most looks at keys that differ.
type addressSlot struct {
	tag uint32
	n   int32 // number + 1; 0: free
}

// addressMax is the number of addresses after which the table starts anew with the next
// row group. The segment then has no counts by address.
const addressMax = 256 << 10

type addressKey struct {
	addr    packet.Addr
	version uint8
}

type amount struct{ packets, bytes uint64 }

// role says in which place of a packet an address stands. An address that stands in
// several headers of a packet counts once for each role.
type role uint8

const (
	outerSrc role = iota // source of the outermost IP header
	outerDst
	anySrc // source of any IP header: ip.src and ipv6.src
	anyDst
	anyAddr // of any IP header: ip.addr and ipv6.addr
	roles
)

func (a *addresses) init() {
	a.slots = make([]addressSlot, 1<<12)
	a.keys, a.plain, a.odd = a.keys[:0], a.plain[:0], a.odd[:0]
}

func hashAddr(addr *packet.Addr, version uint8) uint64 {
	hi, lo := binary.LittleEndian.Uint64(addr[:8]), binary.LittleEndian.Uint64(addr[8:])
	h, l := bits.Mul64(hi^0x9e3779b97f4a7c15^uint64(version), lo^0xe7037ed1a0b428db)
	return h ^ l
}

// number returns the address's number.
func (a *addresses) number(addr *packet.Addr, version uint8) int32 {
	hash := hashAddr(addr, version)
	mask, tag := uint64(len(a.slots)-1), uint32(hash>>32)
	at := hash & mask
	for {
		s := a.slots[at]
		if s.n == 0 {
			break
		}
		if s.tag == tag {
			if k := &a.keys[s.n-1]; k.addr == *addr && k.version == version {
				return s.n - 1
			}
		}
		at = (at + 1) & mask
	}
	a.keys = append(a.keys, addressKey{*addr, version})
	a.plain = append(a.plain, [2]amount{})
	a.odd = append(a.odd, [roles]amount{})
	a.slots[at] = addressSlot{tag, int32(len(a.keys))}
	if len(a.keys)*2 > len(a.slots) {
		a.grow()
	}
	return int32(len(a.keys) - 1)
}

func (a *addresses) grow() {
	a.slots = make([]addressSlot, 2*len(a.slots))
	mask := uint64(len(a.slots) - 1)
	for i := range a.keys {
		hash := hashAddr(&a.keys[i].addr, a.keys[i].version)
		at := hash & mask
		for a.slots[at].n != 0 {
			at = (at + 1) & mask
		}
		a.slots[at] = addressSlot{uint32(hash >> 32), int32(i + 1)}
	}
}

func (a *amount) add(size uint32) {
	a.packets++
	a.bytes += uint64(size)
}

// count counts a packet for one role of an address.
func (a *addresses) count(n int32, r role, size uint32) { a.odd[n][r].add(size) }

// pair counts a packet whose only IP header has these addresses.
func (a *addresses) pair(src, dst int32, size uint32) {
	if src == dst {
		for r := range roles {
			a.count(src, r, size)
		}
		return
	}
	a.plain[src][0].add(size)
	a.plain[dst][1].add(size)
}

// sum returns what was counted of an address in a role.
func (a *addresses) sum(n int, r role) amount {
	s := a.odd[n][r]
	if r == outerSrc || r == anySrc || r == anyAddr {
		s.packets += a.plain[n][0].packets
		s.bytes += a.plain[n][0].bytes
	}
	if r == outerDst || r == anyDst || r == anyAddr {
		s.packets += a.plain[n][1].packets
		s.bytes += a.plain[n][1].bytes
	}
	return s
}

func (a *addresses) word(n int32) string {
	k := &a.keys[n]
	var b [48]byte
	return string(k.addr.AppendTo(b[:0], k.version))
}

func (a *addresses) size() int { return len(a.keys) }

// list of fixed words: directions and outcomes.
type fixed []string

func (f fixed) word(n int32) string { return f[n] }
func (f fixed) size() int           { return len(f) }

var directions = func() (f fixed) {
	for d := packet.DirectionUnknown; d <= packet.DirectionSent; d++ {
		f = append(f, d.String())
	}
	return f
}()

var outcomes = func() (f fixed) {
	for o := range packet.OutcomeCount {
		f = append(f, o.String())
	}
	return f
}()
