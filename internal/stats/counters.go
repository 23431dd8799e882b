// Package stats counts packets: totals, protocols, outcomes, addresses, sizes and time
// series. It is pure: it reads summaries, keeps numbers, and knows no clock.
//
// A [Counters] belongs to one goroutine. Who wants to look at it from elsewhere asks that
// goroutine for a [Snapshot], which is immutable; or several goroutines keep one Counters
// each and they are put together with [Counters.Merge].
//
// # Memory
//
// Everything has a bound that no packet can move. Each side (sources, destinations)
// counts up to [MaxExact] addresses exactly. An IPv4 address takes one of at most 2 ×
// MaxExact slots of 16 bytes: 32 MiB a side, 48 MiB while the slots grow for the last time;
// any other address 32 bytes, and 8 bytes in each of at most 2 × MaxExact slots: 48 MiB a
// side at the worst, 56 MiB while they grow; together less than both. The next new address turns the side, and only that side, into a sketch of
// [SketchSize] counters (1 MiB), and its figures are marked approximate. All else is
// below 200 KiB.
package stats

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	maxInterfaces = 1024 // counted one by one; the packets of further ones are counted together
	maxEtherTypes = 32   // likewise
	sizeClasses   = 33   // by bits.Len32 of the size
	blockRows     = 64   // rows whose addresses are looked up together
)

// Count is a number of packets and of their bytes on the wire.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

func (c *Count) add(o Count) {
	c.Packets += o.Packets
	c.Bytes += o.Bytes
}

// Counters counts packets. Use [New]. It is not safe for use by several goroutines at once.
type Counters struct {
	total       Count
	ipv6        Count
	nonIP       Count
	protocols   [256]Count // of IP packets, by protocol number
	outcomes    [256]uint64
	directions  [4]Count
	sizes       [sizeClasses]Count
	interfaces  []Count
	interfacesX Count // of interfaces with a number of maxInterfaces or more
	etherTypes  [maxEtherTypes]EtherType
	etherN      int
	etherX      Count  // of EtherTypes that found no room
	types       *types // of a Part: its EtherTypes, in place of the three above; else nil
	first, last int64  // ns; first > last: no packet had a time
	untimed     uint64
	timeline    timeline

	src, dst side
	fork     *fork // nil: whoever calls Apply counts everything
	srcKeys4 [blockRows]key4
	dstKeys4 [blockRows]key4
	srcKeys  [blockRows]key
	dstKeys  [blockRows]key
}

// New returns empty counters.
func New() *Counters { return newCounters(MaxExact, SketchSize) }

func newCounters(exact, sketch int) *Counters {
	c := &Counters{first: math.MaxInt64, last: math.MinInt64}
	c.src.init(exact, sketch)
	c.dst.init(exact, sketch)
	return c
}

// Apply counts packets. It keeps nothing of rows. It allocates only when it meets new
// addresses or interfaces, or when the time series are first needed.
func (c *Counters) Apply(rows []packet.Summary) {
	for len(rows) > 0 {
		n := min(len(rows), blockRows)
		c.applyBlock(rows[:n])
		rows = rows[n:]
	}
}

// applyBlock counts up to blockRows packets. The addresses are collected first, because
// looking up many at once hides most of the time that a single look-up waits for memory.
func (c *Counters) applyBlock(rows []packet.Summary) {
	n4, n := 0, 0
	for i := range rows {
		row := &rows[i]
		size := uint64(row.WireLen)
		c.total.Packets++
		c.total.Bytes += size
		c.outcomes[row.Outcome]++
		d := &c.directions[row.Direction&3]
		d.Packets++
		d.Bytes += size
		s := &c.sizes[bits.Len32(row.WireLen)]
		s.Packets++
		s.Bytes += size
		c.atInterface(row.Interface).addOne(size)

		switch {
		case row.Time == 0:
			c.untimed++
		default:
			c.first = min(c.first, row.Time)
			c.last = max(c.last, row.Time)
			if c.types == nil {
				c.timeline.add(row.Time, size)
			}
		}

		if row.Outer.Version == 0 {
			c.nonIP.addOne(size)
			if c.types != nil {
				c.types.add(row, size)
			} else {
				c.atEtherType(row.EtherType).addOne(size)
			}
			continue
		}
		c.protocols[row.Outer.Proto].addOne(size)
		v6 := uint64(0)
		if row.Outer.Version == 6 {
			c.ipv6.addOne(size)
			v6 = 1
		}
		src, dst := &row.Outer.Src, &row.Outer.Dst
		if v6 == 0 && isMapped(src) && isMapped(dst) {
			c.srcKeys4[n4&(blockRows-1)] = key4{binary.BigEndian.Uint32(src[12:]), row.WireLen}
			c.dstKeys4[n4&(blockRows-1)] = key4{binary.BigEndian.Uint32(dst[12:]), row.WireLen}
			n4++
			continue
		}
		c.srcKeys[n&(blockRows-1)].set(src, v6, size)
		c.dstKeys[n&(blockRows-1)].set(dst, v6, size)
		n++
	}
	c.src.add4(c.srcKeys4[:n4])
	c.src.add(c.srcKeys[:n])
	if c.fork != nil {
		c.fork.add(c.dstKeys4[:n4], c.dstKeys[:n])
		return
	}
	c.dst.add4(c.dstKeys4[:n4])
	c.dst.add(c.dstKeys[:n])
}

// Outcomes returns how many packets ended with each outcome.
func (c *Counters) Outcomes() [packet.OutcomeCount]uint64 {
	return [packet.OutcomeCount]uint64(c.outcomes[:packet.OutcomeCount])
}

// isMapped tells whether a is an IPv4 address in its IPv6 form.
func isMapped(a *packet.Addr) bool {
	return binary.LittleEndian.Uint64(a[:8]) == 0 && binary.LittleEndian.Uint32(a[8:]) == 0xffff0000
}

func (c *Count) addOne(size uint64) {
	c.Packets++
	c.Bytes += size
}

func (c *Counters) atInterface(number uint16) *Count {
	if int(number) < len(c.interfaces) {
		return &c.interfaces[number]
	}
	return c.newInterface(number)
}

func (c *Counters) newInterface(number uint16) *Count {
	if number >= maxInterfaces {
		return &c.interfacesX
	}
	for len(c.interfaces) <= int(number) {
		c.interfaces = append(c.interfaces, Count{})
	}
	return &c.interfaces[number]
}

func (c *Counters) atEtherType(number uint16) *Count {
	for i := range c.etherTypes[:c.etherN] {
		if c.etherTypes[i].Type == number {
			return &c.etherTypes[i].Count
		}
	}
	if c.etherN == maxEtherTypes {
		return &c.etherX
	}
	c.etherTypes[c.etherN] = EtherType{Type: number}
	c.etherN++
	return &c.etherTypes[c.etherN-1].Count
}

// key is an address that is to be counted, with its hash.
type key struct {
	hi, lo  uint64 // big-endian halves, so that comparing them orders addresses
	hash    uint64 // bit 32 is v6: the upper half is the tag of a slot
	packets uint64
	bytes   uint64
	v6      uint64 // 1: an IPv6 address; 0: an IPv4 address in its mapped form
}

func (k *key) set(a *packet.Addr, v6, size uint64) {
	hi, lo := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
	k.hi, k.lo, k.hash = hi, lo, hash(hi, lo, v6)
	k.packets, k.bytes, k.v6 = 1, size, v6
}

func (k *key) addr() packet.Addr {
	var a packet.Addr
	binary.BigEndian.PutUint64(a[:8], k.hi)
	binary.BigEndian.PutUint64(a[8:], k.lo)
	return a
}
