package query

import (
	"bytes"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// dnsHeader is the length of a DNS message's header (RFC 1035, section 4.1.1).
const dnsHeader = 12

// dnsFields are the fields of DNS messages that stand at fixed places, or next to names:
// the recognition of applications says in which packets there are messages.
var dnsFields = []Field{
	dnsNumber("dns.id", 0, 0xffff).based(Hex4),
	dnsNumber("dns.flags", 2, 0xffff).based(Hex4),
	dnsNumber("dns.flags.opcode", 2, 0x7800),
	dnsAnswer("dns.flags.authoritative", 0x0400),
	dnsFlag("dns.flags.truncated", 0x0200),
	dnsOwn("dns.flags.recdesired", 0x0100),
	dnsAnswer("dns.flags.recavail", 0x0080),
	dnsOwn("dns.flags.z", 0x0040),
	dnsAnswer("dns.flags.authenticated", 0x0020),
	dnsOwn("dns.flags.checkdisable", 0x0010),
	dnsCount("dns.count.queries", 4),
	dnsCount("dns.count.auth_rr", 8),
	dnsNumber("dns.count.add_rr", 10, 0xffff),
	dnsRecord("dns.qry.name.len", true, func(_ []byte, rr *dnsEntry) (uint64, bool) { return uint64(rr.nameLen), true }),
	dnsRecord("dns.count.labels", true, func(_ []byte, rr *dnsEntry) (uint64, bool) { return uint64(rr.labels), true }),
	dnsRecord("dns.qry.class", true, func(m []byte, rr *dnsEntry) (uint64, bool) {
		return uint64(be16(m[rr.at+2:]) & rr.classMask), true
	}).based(Hex4),
	dnsRecord("dns.resp.class", false, func(m []byte, rr *dnsEntry) (uint64, bool) {
		return uint64(be16(m[rr.at+2:]) & rr.classMask), !rr.opt
	}).based(Hex4),
	dnsRecord("dns.resp.ttl", false, func(m []byte, rr *dnsEntry) (uint64, bool) {
		return uint64(be32(m[rr.at+4:])), !rr.opt
	}),
	dnsRecord("dns.resp.len", false, func(m []byte, rr *dnsEntry) (uint64, bool) {
		return uint64(be16(m[rr.at+8:])), true
	}),
}

// dnsKind is which protocol of the DNS family a message is of.
type dnsKind uint8

const (
	dnsNone dnsKind = iota
	dnsPlain
	dnsMulticast // RFC 6762
	dnsLinkLocal // RFC 4795
)

// dnsMessages returns what the packet holds of DNS messages, and of which kind they are.
// cutMessage takes them apart.
func dnsMessages(r *Row) (b []byte, tcp bool, kind dnsKind) {
	for i := range r.Notes {
		switch r.Notes[i].Field {
		case fieldDNS:
			kind = dnsPlain
		case fieldMDNS:
			kind = dnsMulticast
		case fieldLLMNR:
			kind = dnsLinkLocal
		}
	}
	p := r.Packet
	if kind == dnsNone || p.InnerTransport < 0 {
		return nil, false, dnsNone
	}
	l := &p.Layers[p.InnerTransport]
	return p.Payload(l), l.Kind == packet.KindTCP, kind
}

// cutMessage returns the first message, and what follows it. Over TCP a length comes first
// (RFC 1035, section 4.2.2); a message that goes on in other segments is none.
func cutMessage(b []byte, tcp bool) (m, rest []byte) {
	if !tcp {
		return b, nil
	}
	if len(b) < 2 || int(be16(b)) > len(b)-2 {
		return nil, nil
	}
	n := 2 + int(be16(b))
	return b[2:n], b[n:]
}

// eachMessage returns what calls one for each message of the packet.
func eachMessage(one func(dst []Value, m []byte, kind dnsKind) []Value) func(r *Row, dst []Value) []Value {
	return func(r *Row, dst []Value) []Value {
		b, tcp, kind := dnsMessages(r)
		for len(b) > 0 {
			var m []byte
			m, b = cutMessage(b, tcp)
			dst = one(dst, m, kind)
		}
		return dst
	}
}

// dnsNumber is a number of the header, under mask.
func dnsNumber(name string, off int, mask uint16) Field {
	shift := 0
	for mask>>shift&1 == 0 {
		shift++
	}
	return Field{Name: name, Type: TypeUint, notes: true, get: eachMessage(func(dst []Value, m []byte, _ dnsKind) []Value {
		if len(m) >= off+2 {
			dst = append(dst, Value{Num: uint64(be16(m[off:]) & mask >> shift)})
		}
		return dst
	})}
}

// dnsCount is how many entries there are, in messages that are no dynamic updates: their
// sections go by other names (RFC 2136).
func dnsCount(name string, off int) Field {
	const opcodes, update = 0x78, 5 << 3
	return Field{Name: name, Type: TypeUint, notes: true, get: eachMessage(func(dst []Value, m []byte, _ dnsKind) []Value {
		if len(m) < off+2 || m[2]&opcodes == update {
			return dst
		}
		return append(dst, Value{Num: uint64(be16(m[off:]))})
	})}
}

// dnsFlag is a flag of the header.
func dnsFlag(name string, mask uint16) Field {
	f := dnsNumber(name, 2, mask)
	f.Type = TypeBool
	return f
}

// dnsOwn is a flag that LLMNR does not have.
func dnsOwn(name string, mask uint16) Field { return dnsFlagIf(name, mask, 0x00) }

// dnsAnswer is a flag that only responses have, and not those of LLMNR.
func dnsAnswer(name string, mask uint16) Field { return dnsFlagIf(name, mask, 0x80) }

// dnsFlagIf is a flag of messages whose third byte has the bits of need.
func dnsFlagIf(name string, mask uint16, need byte) Field {
	return Field{Name: name, Type: TypeBool, notes: true, get: eachMessage(func(dst []Value, m []byte, kind dnsKind) []Value {
		if len(m) < 4 || m[2]&need != need || kind == dnsLinkLocal {
			return dst
		}
		return append(dst, Value{Num: b2u(be16(m[2:])&mask != 0)})
	})}
}

// dnsEntry is a question or a resource record in a message.
type dnsEntry struct {
	at        int // of what follows the name: type and class, of records TTL and length too
	nameLen   int // of the name as it is shown
	labels    int
	opt       bool // the record of EDNS (RFC 6891), whose class and TTL are none
	classMask uint16
}

const (
	dnsTypeOPT      = 41
	dnsRootShown    = len("<Root>") // what tshark shows as the name of the root
	dnsMostPointers = 64
)

// dnsRecord is a number of each question, or of each resource record.
func dnsRecord(name string, question bool, value func(m []byte, rr *dnsEntry) (uint64, bool)) Field {
	return Field{Name: name, Type: TypeUint, notes: true, get: eachMessage(func(dst []Value, m []byte, kind dnsKind) []Value {
		if len(m) < dnsHeader {
			return dst
		}
		rr := dnsEntry{classMask: 0xffff}
		if kind == dnsMulticast {
			rr.classMask = 0x7fff // the first bit is a flag (RFC 6762, sections 5.4 and 10.2)
		}
		questions := int(be16(m[4:]))
		records := int(be16(m[6:])) + int(be16(m[8:])) + int(be16(m[10:]))
		if question {
			records = 0
		}
		at := dnsHeader
		for i := range questions + records {
			if at = rr.read(m, at, i >= questions); at < 0 {
				return dst
			}
			if (i < questions) == question {
				if n, ok := value(m, &rr); ok {
					dst = append(dst, Value{Num: n})
				}
			}
		}
		return dst
	})}
}

// read reads the question or the record at a place in the message, and returns where the
// next one begins, -1 when this one is not whole.
func (rr *dnsEntry) read(m []byte, at int, record bool) int {
	size := 4
	if record {
		size = 10
	}
	if !rr.name(m, at) || rr.at+size > len(m) {
		return -1
	}
	end := rr.at + size
	rr.opt = false
	if record {
		rr.opt = be16(m[rr.at:]) == dnsTypeOPT
		end += int(be16(m[rr.at+8:]))
	}
	if end > len(m) {
		return -1
	}
	return end
}

// name reads the name at a place in the message.
func (rr *dnsEntry) name(m []byte, at int) bool {
	rr.at, rr.nameLen, rr.labels = -1, 0, 0
	points := 0 // inside of labels
	for pointers := 0; at < len(m); {
		n := int(m[at])
		switch {
		case n == 0:
			if rr.at < 0 {
				rr.at = at + 1
			}
			if rr.labels == 0 {
				rr.nameLen, rr.labels = dnsRootShown, 1
			} else {
				rr.nameLen += rr.labels - 1 // points
			}
			if rr.nameLen == 1 { // as tshark 4.0 has it
				rr.nameLen, rr.labels = 0, 0
			} else {
				rr.labels += points
			}
			return true
		case n >= 0xc0:
			if at+1 >= len(m) || pointers == dnsMostPointers {
				return false
			}
			if rr.at < 0 {
				rr.at = at + 2
			}
			pointers++
			at = n&0x3f<<8 | int(m[at+1])
		case n > 63:
			return false
		default:
			rr.labels++
			rr.nameLen += n
			points += bytes.Count(m[at+1:min(len(m), at+1+n)], []byte{'.'})
			at += n + 1
		}
	}
	return false
}
