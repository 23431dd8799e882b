package app

import "net/netip"

// The bounds of what is reported of one message.
const (
	maxQuestions = 8
	maxRecords   = 64
	maxMessages  = 16 // messages in one TCP segment
)

// DNS record types, IANA registry "Resource Record (RR) TYPEs".
const (
	typeA     = 1
	typeCNAME = 5
	typePTR   = 12
	typeAAAA  = 28
	typeSRV   = 33
)

const dnsHeader = 12

// The ports whose payload is taken to be DNS (with a check of the header).
const (
	portDNS   = 53
	portMDNS  = 5353
	portLLMNR = 5355
)

// dnsHeaderOK says that b may start with the header of a DNS message of that length: an
// opcode that was assigned and not more records than so many bytes can hold.
func dnsHeaderOK(b []byte, length int) bool {
	if len(b) < dnsHeader {
		return false
	}
	if opcode := b[2] >> 3 & 15; opcode == 3 || opcode > 6 {
		return false
	}
	questions := be16(b[4:])
	records := be16(b[6:]) + be16(b[8:]) + be16(b[10:])
	return questions+records > 0 && questions*5+records*11 <= length-dnsHeader
}

// startsDNS says that b, a datagram on a port of DNS, may be a message; cut says that the
// capture's snap length took its end, so that nobody knows how long it was.
func startsDNS(b []byte, cut bool) bool {
	switch {
	case !cut:
		return dnsHeaderOK(b, len(b))
	case len(b) >= dnsHeader:
		return dnsHeaderOK(b, 1<<16)
	default:
		return len(b) >= 4 && b[2]>>3&15 <= 6
	}
}

// dnsStrict says that the whole of b is one DNS message with one question in class IN:
// the check for messages on a port that promises nothing. It walks the message and
// follows no pointer.
func dnsStrict(b []byte) bool {
	if !dnsHeaderOK(b, len(b)) || be16(b[4:]) != 1 || b[3]&0x40 != 0 || b[2]>>3&15 != 0 {
		return false
	}
	response := b[2]&0x80 != 0
	if !response && (be16(b[6:]) != 0 || b[3]&15 != 0) {
		return false
	}
	at, ok := skipName(b, dnsHeader)
	if !ok || at+4 > len(b) || b[dnsHeader] >= 192 {
		return false
	}
	if typ := be16(b[at:]); typ == 0 || typ > 260 || be16(b[at+2:])&0x7fff != 1 {
		return false
	}
	at += 4
	for records := be16(b[6:]) + be16(b[8:]) + be16(b[10:]); records > 0; records-- {
		if at, ok = skipName(b, at); !ok || at+10 > len(b) {
			return false
		}
		if at += 10 + be16(b[at+8:]); at > len(b) {
			return false
		}
	}
	return at == len(b)
}

// dnsStream reads the DNS messages at the start of b, each with its length before it:
// RFC 1035 section 4.2.2.
func (r *Recognizer) dnsStream(st *FlowState, s *Segment, b []byte, prog *progress, cut bool) verdict {
	for range maxMessages {
		rest := b[prog.off:]
		if len(rest) == 0 {
			return verdictOK
		}
		if len(rest) < 2 {
			return verdictNeed
		}
		n := be16(rest)
		if n < dnsHeader {
			return verdictMalformed
		}
		if len(rest) < 2+n {
			if cut {
				r.dns(DNS, rest[2:], s.Time, true)
			}
			return verdictNeed
		}
		if !r.dns(DNS, rest[2:2+n], s.Time, false) {
			return verdictMalformed
		}
		st.proto = DNS
		prog.off += 2 + n
	}
	if prog.off < len(b) {
		r.counters.CutShort++
	}
	return verdictOK
}

// dns reports one DNS message, RFC 1035 section 4.1, and says whether it was in order.
// cut says that the end of the message is missing, which is no fault then.
func (r *Recognizer) dns(p Protocol, msg []byte, now int64, cut bool) bool {
	if len(msg) < dnsHeader {
		if cut && len(msg) >= 4 {
			r.dnsFlags(msg)
		}
		return cut
	}
	if !cut && !dnsHeaderOK(msg, len(msg)) {
		return false
	}
	r.dnsFlags(msg)
	r.addNumber(FieldDNSAnswers, uint32(be16(msg[6:])))
	at := dnsHeader
	var asked []byte
	for i := range be16(msg[4:]) {
		var name []byte
		var next int
		var ok bool
		if i < maxQuestions {
			name, next, ok = r.dnsName(msg, at)
		} else if next, ok = skipName(msg, at); ok {
			r.counters.FieldsDropped++
		}
		if !ok || next+4 > len(msg) {
			return cut
		}
		if name != nil {
			r.add(FieldDNSQueryName, name)
			r.addNumber(FieldDNSQueryType, uint32(be16(msg[next:])))
			if asked == nil {
				asked = name
			}
		}
		at = next + 4
	}
	return r.dnsRecords(p, msg, at, asked, now) || cut
}

// dnsFlags reports what the first four bytes of a message say.
func (r *Recognizer) dnsFlags(msg []byte) {
	response := msg[2] >> 7
	r.addNumber(FieldDNSResponse, uint32(response))
	if response == 1 {
		r.addNumber(FieldDNSRcode, uint32(msg[3]&15))
	}
}

// dnsRecords reports the records that start at offset at, those of all three sections, and
// teaches the passive map: an address that is reached
// from the question over aliases gets the name that was asked for, any other the name that
// owns it.
func (r *Recognizer) dnsRecords(p Protocol, msg []byte, at int, asked []byte, now int64) bool {
	learn := r.Passive != nil && msg[2]&0x80 != 0 && msg[3]&15 == 0
	target := asked // the name at the end of the chain of aliases so far
	answers := be16(msg[6:])
	records := answers + be16(msg[8:]) + be16(msg[10:])
	for i := range records {
		if i == maxRecords {
			r.counters.FieldsDropped += uint64(records - i)
			return true
		}
		owner, next, ok := r.dnsName(msg, at)
		if !ok || next+10 > len(msg) {
			return false
		}
		typ := be16(msg[next:])
		ttl := be32(msg[next+4:])
		n := be16(msg[next+8:])
		data := next + 10
		at = data + n
		if at > len(msg) {
			return false
		}
		if owner != nil && typ != typeSRV { // tshark has another name for these: of service, protocol and domain
			r.add(FieldDNSRespName, owner)
		}
		r.addNumber(FieldDNSRespType, uint32(typ))
		switch {
		case typ == typeA && n == 4:
			r.add(FieldDNSA, msg[data:at])
		case typ == typeAAAA && n == 16:
			r.add(FieldDNSAAAA, msg[data:at])
		case typ == typeCNAME || typ == typePTR:
			name, _, ok := r.dnsName(msg, data)
			if !ok {
				return false
			}
			if name == nil {
				continue
			}
			if typ == typePTR {
				r.add(FieldDNSPTR, name)
				continue
			}
			r.add(FieldDNSCNAME, name)
			if i < answers && target != nil && equalFold(owner, target) {
				target = name
			}
			continue
		default:
			continue
		}
		if !learn || owner == nil {
			continue
		}
		name := owner
		if target != nil && equalFold(owner, target) {
			name = asked
		}
		if p != MDNS {
			ttl = max(ttl, 1) // not to be kept, which takes nothing back: only mDNS says goodbye so
		}
		if addr, ok := netip.AddrFromSlice(msg[data:at]); ok {
			r.Passive.Learn(addr, name, ttl, now)
		}
	}
	return true
}
