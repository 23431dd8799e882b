package app

const (
	maxNameOctets = 255 // RFC 1035 section 2.3.4, as encoded
	maxNameJumps  = 127 // a name of 255 octets has no more labels
)

// rootName is how the name of the root is written, as tshark writes it.
var rootName = []byte("<Root>")

// dnsName reads the domain name at offset at of a DNS message (RFC 1035 section 4.1.4)
// into the scratch memory: labels as they are, joined by dots. It gives the name and the
// offset behind it, or ok false when it is not in order. Compression pointers must point
// backwards, each before the one that led to it, so that there is no loop.
//
// When the scratch memory is full the name is nil, counted, and ok stays true.
func (r *Recognizer) dnsName(msg []byte, at int) (name []byte, next int, ok bool) {
	var buf [maxNameOctets]byte
	n, octets := 0, 1
	pos, limit := at, at
	for jumps := 0; ; {
		if pos >= len(msg) {
			return nil, 0, false
		}
		c := int(msg[pos])
		switch {
		case c == 0:
			if next == 0 {
				next = pos + 1
			}
			if n == 0 {
				return rootName, next, true
			}
			return r.keep(buf[:n-1]), next, true
		case c < 64:
			if octets += 1 + c; octets > maxNameOctets || pos+1+c > len(msg) {
				return nil, 0, false
			}
			n += copy(buf[n:], msg[pos+1:pos+1+c])
			buf[n] = '.'
			n++
			pos += 1 + c
		case c >= 192:
			if pos+2 > len(msg) {
				return nil, 0, false
			}
			to := (c&63)<<8 | int(msg[pos+1])
			if jumps++; to >= limit || jumps > maxNameJumps {
				return nil, 0, false
			}
			if next == 0 {
				next = pos + 2
			}
			pos, limit = to, to
		default: // 64 to 191: label types that were withdrawn, RFC 6891 section 5
			return nil, 0, false
		}
	}
}

// skipName gives the offset behind the name at offset at, without following pointers.
func skipName(msg []byte, at int) (next int, ok bool) {
	for at < len(msg) {
		c := int(msg[at])
		switch {
		case c == 0:
			return at + 1, true
		case c < 64:
			at += 1 + c
		case c >= 192:
			return at + 2, at+2 <= len(msg)
		default:
			return 0, false
		}
	}
	return 0, false
}

// keep copies b into the scratch memory of this call.
func (r *Recognizer) keep(b []byte) []byte {
	if len(b) > len(r.scratch)-r.nscratch {
		r.counters.FieldsDropped++
		return nil
	}
	at := r.nscratch
	r.nscratch += copy(r.scratch[at:], b)
	return r.scratch[at:r.nscratch:r.nscratch]
}

// equalFold compares two names as DNS does: ASCII letters of either case are the same.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		d := b[i]
		if c == d {
			continue
		}
		if c|0x20 != d|0x20 || c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}
