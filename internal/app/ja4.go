package app

import (
	"crypto/sha256"
	"slices"
)

const (
	ja4Length    = 36
	hash12Length = 12
	// ja4ListBytes is the longest list that is hashed: two lists of "xxxx," each.
	ja4ListBytes = 2*maxHelloList*5 + 1
)

// fingerprint gives the JA4 fingerprint of the parsed ClientHello (transport is 't' for
// TCP, 'q' for QUIC, 'd' for DTLS). The lists of ciphers and extensions may be
// sorted in place. The result lies in the Recognizer and is valid until the next call.
//
// The algorithm is FoxIO's JA4 "TLS client fingerprint" (BSD licence; the other members of
// the family are not used here): transport, version, SNI, counts and ALPN in clear, then
// the hashes of the sorted ciphers and of the sorted extensions with the signature
// algorithms in their order.
func (r *Recognizer) fingerprint(transport byte) []byte {
	const hex = "0123456789abcdef"
	h := &r.hello
	out := append(r.ja4[:0], transport)
	v := h.supported
	if v == 0 {
		v = h.version
	}
	out = append(out, ja4Version(v)...)
	if h.hasSNI {
		out = append(out, 'd')
	} else {
		out = append(out, 'i')
	}
	for _, n := range [2]int{h.nciphers, h.next} {
		n = min(n, 99)
		out = append(out, byte('0'+n/10), byte('0'+n%10))
	}
	first, last := byte('0'), byte('0')
	if h.nalpn > 0 && len(h.alpn[0]) > 0 {
		a := h.alpn[0]
		first, last = a[0], a[len(a)-1]
		if !isAlnum(first) || !isAlnum(last) {
			first, last = hex[first>>4], hex[last&15]
		}
	}
	out = append(out, first, last, '_')

	out = r.hashCiphers(out, h.ciphers[:h.nciphers])
	out = append(out, '_')
	return r.hashExtensions(out, h.extensions[:h.next], h.signatures[:h.nsigs])
}

// hashCiphers appends the hash of a list of ciphers, which it sorts.
func (r *Recognizer) hashCiphers(out []byte, ciphers []uint16) []byte {
	place, known := r.memo.place(ciphers)
	if known {
		return append(out, place.hash[:]...)
	}
	if place != nil {
		place.put(ciphers)
	}
	slices.Sort(ciphers)
	list := r.ja4buf[:0]
	for _, c := range ciphers {
		list = appendHex16(list, c)
	}
	return place.fill(appendHash12(out, list))
}

// hashExtensions appends the hash of a list of extensions, which it sorts, and of signature
// algorithms.
func (r *Recognizer) hashExtensions(out []byte, extensions, signatures []uint16) []byte {
	// How many extensions there are stands in front, as both are one list in the memo; and
	// no list of ciphers begins with a reserved number.
	both := append(r.lists[:0], greaseMark, uint16(len(extensions)))
	both = append(append(both, extensions...), signatures...)
	place, known := r.memo.place(both)
	if known {
		return append(out, place.hash[:]...)
	}
	if place != nil {
		place.put(both)
	}
	slices.Sort(extensions)
	list := r.ja4buf[:0]
	for _, e := range extensions {
		if e != extServerName && e != extALPN {
			list = appendHex16(list, e)
		}
	}
	if len(signatures) > 0 {
		list[len(list)-1] = '_' // never empty: signature algorithms are an extension
		for _, s := range signatures {
			list = appendHex16(list, s)
		}
	}
	return place.fill(appendHash12(out, list))
}

// ja4Version gives the two characters of a TLS or DTLS version.
func ja4Version(v int) string {
	switch v {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	case 0x0002, 0x0200:
		return "s2"
	case 0xfeff:
		return "d1"
	case 0xfefd:
		return "d2"
	case 0xfefc:
		return "d3"
	default:
		return "00"
	}
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// appendHex16 appends v as four hexadecimal digits and a comma.
func appendHex16(dst []byte, v uint16) []byte {
	const hex = "0123456789abcdef"
	return append(dst, hex[v>>12], hex[v>>8&15], hex[v>>4&15], hex[v&15], ',')
}

// appendHash12 appends the first 12 hexadecimal digits of the SHA-256 of list, without
// its last comma; an empty list gives zeros.
func appendHash12(dst, list []byte) []byte {
	const hex = "0123456789abcdef"
	if len(list) == 0 {
		return append(dst, "000000000000"...)
	}
	sum := sha256.Sum256(list[:len(list)-1])
	for _, b := range sum[:6] {
		dst = append(dst, hex[b>>4], hex[b&15])
	}
	return dst
}
