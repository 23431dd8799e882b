package app

import (
	"bytes"
	"hash/maphash"
	"net/netip"
)

// Defaults and limits of a PassiveDNS map.
const (
	DefaultPassiveNames = 65536
	maxPassiveNames     = 1 << 24
	bytesPerName        = 48            // the names' memory per address; names average 20 to 30 octets
	maxPassiveTTL       = 7 * 24 * 3600 // seconds; RFC 8767 section 4 caps at 7 days likewise
)

// PassiveDNS remembers which name an address was reached by, learnt from DNS answers.
// What it says is hearsay: anybody can put any address into an answer.
//
// It holds a fixed number of addresses in memory of a fixed size. When it is full, what
// was learnt or confirmed longest ago goes first. Not safe for concurrent use.
type PassiveDNS struct {
	table   []uint32 // open addressing: number of the entry + 1, 0 for a free place
	mask    uint32
	entries []passiveEntry // ring, by time of learning
	head    uint64         // entries ever appended; the newest is head-1
	tail    uint64         // the oldest that is still there
	names   []byte         // ring of names
	nhead   uint64         // name bytes ever appended
	live    int
	seed    maphash.Seed

	counters PassiveCounters
}

// passiveEntry is one address; it has no pointers, so the collector does not scan it.
type passiveEntry struct {
	addr    [16]byte
	expires int64
	learned int64  // since when the address has this name
	name    uint64 // position in the ring of names, as nhead counts
	back    uint32 // how many entries before this one the address's name before it stands; 0: nowhere
	length  uint8
	dead    bool // superseded by a newer entry of the same address, or forgotten
}

// maxBack is how many names of an address Lookup goes back.
const maxBack = 16

// PassiveCounters tell what a PassiveDNS did.
type PassiveCounters struct {
	// Learned, Refreshed, Forgotten, Evicted: addresses that came in or got another
	// name; answers that confirmed the name; names withdrawn with a time to live of 0;
	// addresses that had to make room.
	Learned, Refreshed, Forgotten, Evicted uint64
}

// NewPassiveDNS makes a map of at most capacity addresses, 0 for DefaultPassiveNames. It
// takes about 110 bytes per address, all of it at once.
func NewPassiveDNS(capacity int) *PassiveDNS {
	if capacity <= 0 {
		capacity = DefaultPassiveNames
	}
	capacity = min(capacity, maxPassiveNames)
	size := 16
	for size < 2*capacity {
		size *= 2
	}
	return &PassiveDNS{
		table:   make([]uint32, size),
		mask:    uint32(size - 1),
		entries: make([]passiveEntry, capacity),
		names:   make([]byte, max(capacity*bytesPerName, 2*maxNameOctets)),
		seed:    maphash.MakeSeed(),
	}
}

// Len gives the number of addresses held.
func (p *PassiveDNS) Len() int { return p.live }

// Counters gives the counters as they are now.
func (p *PassiveDNS) Counters() PassiveCounters { return p.counters }

// Learn notes that addr was answered for name at time now (nanoseconds, from the packet),
// for ttl seconds, at most 7 days. A time to live of 0 with the name that is held
// forgets it (mDNS says goodbye so, RFC 6762 section 10.1). The name is copied; one that
// is empty or longer than 255 bytes is not taken.
func (p *PassiveDNS) Learn(addr netip.Addr, name []byte, ttl uint32, now int64) {
	if len(name) == 0 || len(name) > maxNameOctets || !addr.IsValid() {
		return
	}
	key := addr.As16()
	expires := now + int64(min(ttl, maxPassiveTTL))*1e9
	place, held := p.find(&key)
	learned, before := now, p.head // p.head: no name before
	if held {
		e := &p.entries[p.table[place]-1]
		before = p.number(p.table[place] - 1)
		same := bytes.Equal(p.nameOf(e), name)
		if same && ttl == 0 {
			p.remove(place)
			p.counters.Forgotten++
			return
		}
		// An old entry is written anew even when nothing changed, so that addresses
		// which are in use do not fall off the end of the ring.
		age := p.nhead - e.name
		if same && age < uint64(len(p.names)/2) && p.young(p.table[place]-1) {
			e.expires = max(e.expires, expires)
			p.counters.Refreshed++
			return
		}
		if same {
			expires, learned = max(e.expires, expires), e.learned
			if e.back == 0 {
				before = p.head
			} else {
				before -= uint64(e.back)
			}
			p.counters.Refreshed++
		} else {
			p.counters.Learned++
		}
		p.remove(place)
	} else {
		if ttl == 0 {
			// Not to be kept, but true at this moment: the connection comes now.
			expires = now + 1e9
		}
		p.counters.Learned++
	}
	p.append(passiveEntry{addr: key, expires: expires, learned: learned, back: uint32(p.head - before)}, name)
}

// Lookup gives the name that an address had at time now (nanoseconds): the one that was learnt
// last by then, if it is still held, else the first one behind it. It says whether the name's time
// to live lasts still. Clients use addresses longer than they should, so that an
// expired name is usually the right one; name is nil when the address is not held. The
// name is borrowed: valid until the next call of Learn.
func (p *PassiveDNS) Lookup(addr netip.Addr, now int64) (name []byte, fresh bool) {
	if !addr.IsValid() {
		return nil, false
	}
	key := addr.As16()
	place, held := p.find(&key)
	if !held {
		return nil, false
	}
	slot := p.table[place] - 1
	e, n := &p.entries[slot], p.number(slot)
	for range maxBack {
		if e.learned <= now || e.back == 0 || n-uint64(e.back) < p.tail {
			break
		}
		n -= uint64(e.back)
		e = &p.entries[n%uint64(len(p.entries))]
	}
	return p.nameOf(e), now <= e.expires
}

// number gives how many entries were appended before the one in that slot.
func (p *PassiveDNS) number(slot uint32) uint64 {
	return p.head - 1 - (p.head-1-uint64(slot))%uint64(len(p.entries))
}

// young says that the entry in that slot is in the newer half of the ring.
func (p *PassiveDNS) young(slot uint32) bool {
	n := uint64(len(p.entries))
	age := (p.head - 1 - uint64(slot)) % n
	return age < (n+1)/2
}

func (p *PassiveDNS) nameOf(e *passiveEntry) []byte {
	at := e.name % uint64(len(p.names))
	return p.names[at : at+uint64(e.length)]
}

// append writes a new entry, making room in both rings.
func (p *PassiveDNS) append(e passiveEntry, name []byte) {
	key := e.addr
	size := uint64(len(p.names))
	at := p.nhead % size
	if at+uint64(len(name)) > size { // a name does not wrap around
		p.nhead += size - at
	}
	start := p.nhead
	p.nhead += uint64(len(name))
	for p.tail < p.head {
		e := &p.entries[p.tail%uint64(len(p.entries))]
		full := p.head-p.tail == uint64(len(p.entries))
		if !full && e.name+size >= p.nhead {
			break
		}
		if !e.dead {
			if place, ok := p.find(&e.addr); ok {
				p.remove(place)
			}
			p.counters.Evicted++
		}
		p.tail++
	}
	copy(p.names[start%size:], name)
	slot := p.head % uint64(len(p.entries))
	e.name, e.length = start, uint8(len(name))
	p.entries[slot] = e
	p.head++
	place, _ := p.find(&key)
	p.table[place] = uint32(slot) + 1
	p.live++
}

func (p *PassiveDNS) home(key *[16]byte) uint32 {
	return uint32(maphash.Bytes(p.seed, key[:])) & p.mask
}

// find gives the place of an address in the table, or the free place where it belongs.
func (p *PassiveDNS) find(key *[16]byte) (place uint32, held bool) {
	for place = p.home(key); p.table[place] != 0; place = (place + 1) & p.mask {
		if p.entries[p.table[place]-1].addr == *key {
			return place, true
		}
	}
	return place, false
}

// remove takes the address at that place out of the table and moves those behind it up,
// so that no marks of deletion are needed.
func (p *PassiveDNS) remove(place uint32) {
	p.entries[p.table[place]-1].dead = true
	p.live--
	hole := place
	for i := (place + 1) & p.mask; p.table[i] != 0; i = (i + 1) & p.mask {
		home := p.home(&p.entries[p.table[i]-1].addr)
		if (i-home)&p.mask >= (i-hole)&p.mask {
			p.table[hole] = p.table[i]
			hole = i
		}
	}
	p.table[hole] = 0
}
