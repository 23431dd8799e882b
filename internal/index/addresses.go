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
	slots []int32 // number + 1; 0: free. The length is a power of two.
	list  []addressCount
}

// addressMax is the number of addresses after which the table starts anew with the next
// row group. The segment then has no counts by address.
const addressMax = 256 << 10

// addressCount is one address with its counts.
type addressCount struct {
	addr    packet.Addr
	version uint8
	counts  [roles]amount
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
	a.slots, a.list = make([]int32, 1<<12), a.list[:0]
}

func hashAddr(addr *packet.Addr, version uint8) uint64 {
	hi, lo := binary.LittleEndian.Uint64(addr[:8]), binary.LittleEndian.Uint64(addr[8:])
	h, l := bits.Mul64(hi^0x9e3779b97f4a7c15^uint64(version), lo^0xe7037ed1a0b428db)
	return h ^ l
}

// number returns the address's number.
func (a *addresses) number(addr *packet.Addr, version uint8) int32 {
	mask := uint64(len(a.slots) - 1)
	at := hashAddr(addr, version) & mask
	for {
		n := a.slots[at]
		if n == 0 {
			break
		}
		if e := &a.list[n-1]; e.addr == *addr && e.version == version {
			return n - 1
		}
		at = (at + 1) & mask
	}
	a.list = append(a.list, addressCount{addr: *addr, version: version})
	a.slots[at] = int32(len(a.list))
	if len(a.list)*2 > len(a.slots) {
		a.grow()
	}
	return int32(len(a.list) - 1)
}

func (a *addresses) grow() {
	a.slots = make([]int32, 2*len(a.slots))
	mask := uint64(len(a.slots) - 1)
	for i := range a.list {
		at := hashAddr(&a.list[i].addr, a.list[i].version) & mask
		for a.slots[at] != 0 {
			at = (at + 1) & mask
		}
		a.slots[at] = int32(i + 1)
	}
}

func (a *addresses) count(n int32, r role, size uint32) {
	c := &a.list[n].counts[r]
	c.packets++
	c.bytes += uint64(size)
}

func (a *addresses) word(n int32) string {
	e := &a.list[n]
	var b [48]byte
	return string(e.addr.AppendTo(b[:0], e.version))
}

func (a *addresses) size() int { return len(a.list) }

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
